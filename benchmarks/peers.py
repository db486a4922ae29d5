"""Who is timed against whom: one function each, run in a process of its own, giving tokens per second.

The work is the same for all: a ten-token prompt to a total length, top_k 50, as many texts as rows. Ours makes them
at temperatures 0.3, 0.5 and 0.9 with a seed of its own for each text; the others have one temperature and one random
generator for all rows, which is less work.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from shapes import TEN_TOKENS, versions

TEMPERATURES, TOP_K, PROMPT_TOKENS = (0.3, 0.5, 0.9), 50, 10
#: glibc told to keep freed memory, which a growing cache profits from.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "1000000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000000",
               "MALLOC_TOP_PAD_": "1000000000"}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """What to time: a peer, a saved model, and how much of it."""

    peer: str
    folder: str
    rows: int = 24
    length: int = 200
    dtype: str = "float32"
    top_k: int | None = TOP_K
    device: str = "cpu"


def ours(job: Job) -> float:
    """``thermoscope.generate``."""
    from thermoscope import SamplingParams, generate, load_model

    model = load_model(job.folder, dtype=job.dtype, device=job.device)
    temperatures = TEMPERATURES if job.rows % len(TEMPERATURES) == 0 else (0.9,)
    params = [SamplingParams(temperature=t, top_k=job.top_k) for t in temperatures]
    seeds = range(job.rows // len(temperatures))
    generate(model, TEN_TOKENS, params, seeds=seeds, max_length=PROMPT_TOKENS + 4)  # warm-up
    start = time.perf_counter()
    samples = generate(model, TEN_TOKENS, params, seeds=seeds, max_length=job.length)
    return sum(len(sample.token_ids) for sample in samples) / (time.perf_counter() - start)


def _transformers(job: Job):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(job.folder)
    model = AutoModelForCausalLM.from_pretrained(job.folder, dtype=getattr(torch, job.dtype)).eval()
    model.to(job.device)
    ids = tokenizer(TEN_TOKENS, return_tensors="pt").input_ids.to(job.device)
    assert ids.shape in ((1, PROMPT_TOKENS), (1, PROMPT_TOKENS + 1)), ids.shape  # eleven as Qwen2's

    def call(rows: int, temperature: float, total: int, **how: str) -> int:
        given = ids.repeat(rows, 1)
        out = model.generate(
            given, attention_mask=torch.ones_like(given), do_sample=True, temperature=temperature, top_k=job.top_k or 0,
            max_length=total, min_length=total, pad_token_id=tokenizer.eos_token_id, **how,
        )  # fmt: skip
        return out.shape[0] * (out.shape[1] - ids.shape[1])

    call(job.rows, 0.9, PROMPT_TOKENS + 4)  # warm-up
    return call


def batched(job: Job) -> float:
    """transformers: one ``generate`` call for all rows."""
    call = _transformers(job)
    start = time.perf_counter()
    return call(job.rows, 0.9, job.length) / (time.perf_counter() - start)


def static(job: Job) -> float:
    """transformers: the same with a static cache, which it compiles for on a GPU; the second run is timed."""
    call = _transformers(job)
    for _ in range(2):
        start = time.perf_counter()
        made = call(job.rows, 0.9, job.length, cache_implementation="static")
    return made / (time.perf_counter() - start)


def article(job: Job) -> float:
    """transformers: one ``generate`` call per text, as the article does (one text per temperature is timed)."""
    call = _transformers(job)
    start = time.perf_counter()
    return sum(call(1, t, job.length) for t in TEMPERATURES) / (time.perf_counter() - start)


def llama_cpp(job: Job) -> float:
    """llama.cpp's own server, as the package xllamacpp has it: all rows asked for at once, a slot for each."""
    from concurrent.futures import ThreadPoolExecutor

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.gguf_of_gpt2 import write
    from tests.llama_client import serving

    path, prompt = write(Path(job.folder), job.dtype), list(range(PROMPT_TOKENS))
    with serving(path, job.length + 8, job.rows) as server, ThreadPoolExecutor(job.rows) as pool:

        def text(seed: int, tokens: int) -> int:
            fields = {"temperature": 0.9, "top_k": job.top_k or 0, "top_p": 1.0, "min_p": 0.0, "ignore_eos": True}
            return int(server.complete(prompt, n_predict=tokens, seed=seed, **fields)["tokens_predicted"])

        list(pool.map(lambda seed: text(seed, 4), range(job.rows)))  # warm-up
        start = time.perf_counter()
        made = sum(pool.map(lambda seed: text(seed, job.length - PROMPT_TOKENS), range(job.rows)))
        return made / (time.perf_counter() - start)


def _length(job: Job) -> tuple[list[int], int]:
    """The prompt's tokens, and how many come after it."""
    return list(range(PROMPT_TOKENS)), job.length - PROMPT_TOKENS


def vllm(job: Job) -> float:
    """The engine vLLM in this process, its own sampling, all rows at once."""
    from vllm import LLM, SamplingParams

    llm = LLM(job.folder, dtype=job.dtype, enforce_eager=job.device == "cpu", generation_config="vllm", seed=0)
    prompt, tokens = _length(job)

    def made(count: int) -> int:
        params = SamplingParams(temperature=0.9, top_k=job.top_k or 0, max_tokens=count, ignore_eos=True)
        asked = [{"prompt_token_ids": prompt} for _ in range(job.rows)]
        return sum(len(done.outputs[0].token_ids) for done in llm.generate(asked, params, use_tqdm=False))

    made(4)  # warm-up
    start = time.perf_counter()
    return made(tokens) / (time.perf_counter() - start)


def keyed(job: Job) -> float:
    """The engine vLLM in this process with Thermoscope's own stages and noise."""
    from thermoscope import SamplingParams
    from thermoscope.models.names import parse_name
    from thermoscope.sources.base import Batch
    from thermoscope.sources.vllm_source import open_vllm

    source = open_vllm(parse_name(f"vllm/{job.folder}"), dtype=job.dtype)
    setting = SamplingParams(temperature=0.9, top_k=job.top_k)
    made: list[int] = []

    def run(tokens: int) -> None:
        batch = Batch(TEN_TOKENS, (setting,), tuple(range(job.rows)))
        source.make([batch], max_new_tokens=tokens, on_sample=lambda _, __, sample: made.append(len(sample.token_ids)))

    run(4)  # warm-up
    made.clear()
    start = time.perf_counter()
    run(job.length - PROMPT_TOKENS)
    return sum(made) / (time.perf_counter() - start)


def linears(job: Job) -> float:
    """The limit: the model's packed linear layers alone, one step after the other."""
    import torch

    from thermoscope import load_model
    from thermoscope.models.packing import packed_linears

    model = load_model(job.folder, dtype=job.dtype)
    layers = packed_linears(model.network)
    kind = getattr(torch, job.dtype)
    inputs = [torch.randn(job.rows, layer.in_features).to(kind) for layer in layers]
    with torch.inference_mode():
        steps = []
        for _ in range(40):
            start = time.perf_counter()
            for layer, x in zip(layers, inputs, strict=True):
                layer(x)
            steps.append(time.perf_counter() - start)
    return job.rows / statistics.median(steps)


def memory(job: Job) -> float:
    """Where memory is what bounds: a step reads the weights, and the keys and values that rows have.

    At the speed of a copy, read and written bytes counted; reading alone may be somewhat faster.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    kind = getattr(torch, job.dtype)
    network = AutoModelForCausalLM.from_pretrained(job.folder, dtype=kind)
    config = network.config.get_text_config()
    heads = config.num_attention_heads
    pairs = 2 * config.num_hidden_layers * (getattr(config, "num_key_value_heads", None) or heads)
    cache = job.rows * (PROMPT_TOKENS + job.length) / 2 * pairs * (config.hidden_size // heads)  # numbers, on average
    read = (sum(p.numel() for p in network.parameters()) + cache) * kind.itemsize
    source = torch.ones(2**28, dtype=torch.uint8, device=job.device)
    target, speeds = torch.empty_like(source), []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            target.copy_(source)
        target[-1].item()  # waits for a GPU
        speeds.append(20 * 2 * source.numel() / (time.perf_counter() - start))
    return job.rows * statistics.median(speeds) / read


PEERS: dict[str, Callable[[Job], float]] = {
    "ours": ours, "batched": batched, "tuned": batched, "article": article, "llama.cpp": llama_cpp, "limit": linears,
    "static": static, "memory": memory, "vllm": vllm, "keyed": keyed,
}  # fmt: skip


def rates(jobs: dict[str, Job], rounds: int) -> dict[str, list[float]]:
    """Tokens per second of every job, the jobs taking turns, each run a fresh process."""
    source = str(Path(__file__).parents[1] / "src")  # vLLM's environment does not have the package
    vllm_env = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR", "PYTHONPATH": source}
    speeds: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds):
        for name, job in jobs.items():
            more = KEEP_MEMORY if job.peer == "tuned" else vllm_env if job.peer in ("vllm", "keyed") else {}
            env = {**os.environ, **more}
            python = os.environ["THERMOSCOPE_VLLM"] if job.peer in ("vllm", "keyed") else sys.executable
            command = [python, __file__, json.dumps(asdict(job))]
            done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
            speeds[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"round {number + 1} {name:24} {speeds[name][-1]:8.1f} tokens/s", file=sys.stderr, flush=True)
    return speeds


def ratios(medians: dict[str, float], labels: dict[str, str]) -> dict[str, float]:
    """Ours divided by each peer of ``labels`` doing the same; a job's name begins with its peer."""
    found = {}
    for name, value in medians.items():
        peer, work = name.split(" ", 1)
        if peer in labels and f"ours {work}" in medians:
            found[f"{labels[peer]} {work}"] = round(medians[f"ours {work}"] / value, 3)
    return found


def show(medians: dict[str, float], compared: dict[str, float], facts: dict[str, object], *, table: bool) -> None:
    """Print tokens per second and ratios: as a table if that is asked for, and with ``facts`` as one line of JSON."""
    if table:
        for name, value in medians.items():
            print(f"{name:34}{value:10.1f} tokens/s")
        for name, value in compared.items():
            print(f"{name:54}{value:8.2f}")
    print(json.dumps({**facts, "tokens_per_s": medians, "ratios": compared, "versions": versions()}))


if __name__ == "__main__":
    asked = Job(**json.loads(sys.argv[1]))
    print(json.dumps(PEERS[asked.peer](asked)))
