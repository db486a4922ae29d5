"""Whether each of many requests to a real server is answered once, through a proxy that spoils two in five.

Without an address llama.cpp's server is started with the bundled model. A request may find the server busy (429 with
Retry-After) or out of order (500), be hung up on before it is answered or after, be answered by half, or not in JSON,
at most twice. Answers are kept, and a second round must find all of them without asking.

    python benchmarks/endpoint_faults.py [ADDRESS --kind vllm --model NAME] [--requests 1000] [--tokens 8] [--quick]
    python benchmarks/endpoint_faults.py --start transformers
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sources.engine_server import ENGINES, engine_server
from tests.sources.faults import Proxy, spoiling
from tests.sources.llama_server import llama_server

from thermoscope import SamplingParams, __version__
from thermoscope.decode.sample import Sample
from thermoscope.errors import EndpointError
from thermoscope.models.load import BUNDLED
from thermoscope.sources.base import Batch
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint

PROMPT = "Once upon a time"
SETTINGS = (SamplingParams(temperature=0.5), SamplingParams(temperature=0.9))


@dataclass(frozen=True)
class Count:
    """How requests fared.

    Attributes
    ----------
    asked
        Different requests.
    answered
        Those whose text came.
    sent
        Requests that reached the proxy, repeated ones included.
    repeated
        Requests that were sent again.
    lost
        Those without a text.
    doubled
        Texts that came more than once.
    again
        Requests that were sent again though their whole answer had been delivered.
    second_round
        Requests that were sent when all was asked once more.
    """

    asked: int
    answered: int
    sent: int
    repeated: int
    lost: int
    doubled: int
    again: int
    second_round: int

    @property
    def right(self) -> bool:
        """Whether none was lost, doubled, or asked for again without need."""
        return not (self.lost or self.doubled or self.again or self.second_round) and self.answered == self.asked


def counted(kind: str, model: str, proxy: Proxy, requests: int, tokens: int, cache: Path) -> Count:
    """Ask for so many texts, then for the same once more."""
    seeds, came = range(requests // len(SETTINGS)), Counter[int]()

    def took(_: int, place: int, sample: Sample) -> None:
        came[place] += 1

    def ask() -> None:
        of = Endpoint(
            kind, model, base_url=proxy.url, route="completions", limits=Limits(at_once=16, timeout_s=300), cache=cache
        )
        of.make([Batch(PROMPT, tuple(SETTINGS), tuple(seeds))], max_new_tokens=tokens, on_sample=took)

    try:
        ask()
    except EndpointError as error:
        print(error, file=sys.stderr)
    asked, doubled = len(SETTINGS) * len(seeds), sum(times > 1 for times in came.values())
    answered, sent = len(came), sum(proxy.asked.values())
    again = sum(times > 1 for times in proxy.delivered.values())
    ask()
    return Count(
        asked, answered, sent, sent - len(proxy.asked), asked - answered, doubled, again,
        sum(proxy.asked.values()) - sent,
    )  # fmt: skip


@contextmanager
def _server(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, str]]:
    """The server's address, its provider, and its model's name."""
    if asked.address is not None:
        yield asked.address, asked.kind, asked.model
    elif asked.start in ENGINES:
        with engine_server(asked.start, BUNDLED) as url:
            yield url, asked.start, str(BUNDLED)
    else:
        with llama_server(folder, slots=8) as url:
            yield url, "llama-cpp", "m"


def main() -> None:
    """Ask, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", help="of a server, up to /v1")
    parser.add_argument("--kind", default="openai-api", help="the server's provider")
    parser.add_argument("--model", default="m", help="the model's name there")
    parser.add_argument("--start", choices=("llama-cpp", *ENGINES), default="llama-cpp", help="a server to start")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    asked = parser.parse_args()
    if asked.quick:
        asked.requests, asked.tokens = 60, 4
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _server(asked, folder) as (url, kind, model), spoiling(url) as proxy:
            begun = time.perf_counter()
            found = counted(kind, model, proxy, asked.requests, asked.tokens, folder / "answers.sqlite")
            seconds = time.perf_counter() - begun
    print(f"{kind}: {', '.join(f'{name} {count:,}' for name, count in asdict(found).items())}; {seconds:.1f} s")
    print("faults: " + ", ".join(f"{name} {count:,}" for name, count in proxy.injected.most_common()))
    facts = {"benchmark": "endpoint_faults", "thermoscope": __version__, "python": platform.python_version()}
    print(json.dumps({**facts, "kind": kind, **asdict(found), "faults": proxy.injected, "seconds": seconds}))
    sys.exit(not found.right)


if __name__ == "__main__":
    main()
