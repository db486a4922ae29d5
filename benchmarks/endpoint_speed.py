"""What the endpoint source costs beside a bare asynchronous client, against a real llama.cpp server.

Both send the same requests to the same server (the bundled model, 8 slots), in turns. Then a server that answers at
once is sent many requests, to see what keeping and counting answers costs in time and memory.

    python benchmarks/endpoint_speed.py [--rounds 3] [--texts 48] [--many 10000] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx2
from tests.sources.llama_server import llama_server
from tests.sources.server import good, serving

from thermoscope import SamplingParams, __version__
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint

PROMPT, AT_ONCE = "Once upon a time", 16
SETTING = SamplingParams(temperature=0.9)


def ours(url: str, texts: int, tokens: int, start: int, cache: Path | None) -> float:
    """Seconds that the source takes."""
    of = Endpoint("llama-cpp", "m", base_url=url, route="completions", limits=Limits(at_once=AT_ONCE), cache=cache)
    begun = time.perf_counter()
    of.samples([PROMPT], [SETTING], range(start, start + texts), max_new_tokens=tokens)
    return time.perf_counter() - begun


def bare(url: str, texts: int, tokens: int, start: int) -> float:
    """Seconds that a client without retries, limits, parsing or cache takes."""
    of = Endpoint("llama-cpp", "m", base_url=url, route="completions")
    fields = of.fields(SETTING)
    bodies = iter([of.form.body(PROMPT, fields, seed, tokens, ()) for seed in range(start, start + texts)])

    async def run() -> None:
        async with httpx2.AsyncClient(timeout=600) as client:

            async def work() -> None:
                for body in bodies:
                    (await client.post(f"{url}/completions", json=body)).raise_for_status()

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    begun = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - begun


def many(url: str, requests: int, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of many requests in a process of its own, answers kept; then again from what is kept."""
    code = f"""
import json, time
from pathlib import Path
from thermoscope import SamplingParams
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint
found = []
for _ in range(2):
    of = Endpoint("vllm", "m", base_url={url!r}, limits=Limits(at_once=64), cache=Path({str(folder / "answers")!r}))
    begun = time.perf_counter()
    kept = of.samples([{PROMPT!r}], [SamplingParams()], range({requests}), max_new_tokens=50)
    found.append(time.perf_counter() - begun)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # ru_maxrss would count the parent's too
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps(dict(asked_s=found[0], kept_s=found[1], peak_mb=peak, texts=len(kept))))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Run both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=48)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.texts, asked.tokens, asked.many = 1, 8, 8, 200
    ratios, rates = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with llama_server(folder, slots=8) as url:
            ours(url, 8, 4, 0, None)
            for number in range(asked.rounds):
                start = 1000 * (number + 1)
                theirs = bare(url, asked.texts, asked.tokens, start)
                mine = ours(url, asked.texts, asked.tokens, start + 500, folder / "answers.sqlite")
                ratios.append(theirs / mine)
                rates.append(asked.texts / mine)
                print(f"round {number + 1}: bare {theirs:.2f} s, ours {mine:.2f} s", file=sys.stderr)
        with serving(good) as server:
            crowd = many(server.url, asked.many, folder)
    print(f"throughput, ours / bare (median of {asked.rounds})  {statistics.median(ratios):.2f}")
    print(
        f"{crowd['texts']:,} requests, kept: {crowd['asked_s']:.1f} s, again from what is kept {crowd['kept_s']:.1f} s"
    )
    print(f"peak memory {crowd['peak_mb']:.0f} MB")
    facts = {"benchmark": "endpoint_speed", "thermoscope": __version__, "python": platform.python_version()}
    facts |= {"httpx2": httpx2.__version__, "processor": platform.processor() or platform.machine()}
    print(json.dumps({**facts, "throughput_ratio": ratios, "texts_per_s": rates, "many": crowd}))  # fmt: skip


if __name__ == "__main__":
    main()
