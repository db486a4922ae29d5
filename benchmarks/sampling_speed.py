"""The cost of sampling per step: our chain and draw against transformers' processors and multinomial.

For 24 and 256 rows and vocabularies of 50,257 and 151,936, each stage alone with a usual value, the common five
together, and all that transformers has. "stages" is from logits to what is left to draw from (a temperature that comes
last is left to our draw); "step" goes on to the drawn tokens, the noise of both included (ours with one seed per row
and log-probabilities, theirs ``softmax`` and ``multinomial`` with one generator for all). Logits have Zipf's shape, as
a model's roughly have (the nucleus of 0.95 is a few hundred tokens). Variants take turns; medians in milliseconds, then
one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from thermoscope import SamplingParams
from thermoscope.sampling.chain import process
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys

ALONE: dict[str, object] = {
    "temperature": 0.7, "top_k": 50, "top_p": 0.95, "min_p": 0.05, "typical_p": 0.95, "epsilon_cutoff": 3e-4,
    "eta_cutoff": 2e-3, "repetition_penalty": 1.1, "no_repeat_ngram_size": 3,
}  # fmt: skip
OURS_ALONE: dict[str, object] = {
    "presence_penalty": 0.5, "frequency_penalty": 0.5, "dry_multiplier": 0.8, "top_n_sigma": 1.5, "top_a": 0.2,
    "xtc_probability": 0.5, "mirostat_tau": 5.0, "dynatemp_range": 0.3, "logit_bias": {5: 1.0},
}  # fmt: skip
COMMON = {n: ALONE[n] for n in ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")}


def logits_of(rows: int, vocabulary: int) -> Tensor:
    """Logits (rows, vocabulary) of Zipf's shape, p as rank^-1.5 in a random order, with normal noise."""
    generator = torch.Generator().manual_seed(0)
    logits = -1.5 * torch.arange(1, vocabulary + 1).float().log()
    order = torch.rand(rows, vocabulary, generator=generator).argsort(dim=-1)
    return logits[order] + 0.5 * torch.randn(rows, vocabulary, generator=generator)


def processors(values: dict[str, object]) -> list[Callable[[Tensor, Tensor], Tensor]]:
    """Processors of transformers for these values, in the order of ``generate``."""
    from transformers import (
        EpsilonLogitsWarper,
        EtaLogitsWarper,
        MinPLogitsWarper,
        NoRepeatNGramLogitsProcessor,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
        TypicalLogitsWarper,
    )

    make = {
        "repetition_penalty": RepetitionPenaltyLogitsProcessor, "no_repeat_ngram_size": NoRepeatNGramLogitsProcessor,
        "temperature": TemperatureLogitsWarper, "top_k": TopKLogitsWarper, "top_p": TopPLogitsWarper,
        "min_p": MinPLogitsWarper, "typical_p": TypicalLogitsWarper, "epsilon_cutoff": EpsilonLogitsWarper,
        "eta_cutoff": EtaLogitsWarper,
    }  # fmt: skip
    return [make[name](values[name]) for name in make if name in values]


def variants(
    values: dict[str, object], logits: Tensor, *, theirs: bool, length: int
) -> dict[str, Callable[[], object]]:
    """What is timed: name -> function."""
    rows, vocabulary = logits.shape
    params = [SamplingParams(**values)] * rows
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, vocabulary, (rows, length), generator=generator)
    tokens = list(ids.numpy())  # the same memory as theirs
    context: dict[str, Any] = {"prompt_ids": [row[:16] for row in tokens], "output_ids": [row[16:] for row in tokens]}
    context["drawn_logprobs"] = [[-5 * math.log(2)] * (length - 16)] * rows  # 5 bits each, mirostat's aim
    keys = Keys([(seed, 1, length) for seed in range(rows)])
    timed: dict[str, Callable[[], object]] = {
        "ours stages": lambda: list(process(logits, params, coins=torch.full((rows,), 0.5), **context)),
        "ours step": lambda: draw(logits, params, keys, **context),
    }
    if theirs:
        listed = processors(values)

        def stages() -> Tensor:
            scores = logits
            for processor in listed:
                scores = processor(ids, scores)
            return scores

        timed["theirs stages"] = stages
        timed["theirs step"] = lambda: torch.multinomial(torch.softmax(stages(), dim=-1), 1)
    return timed


def measure(timed: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, variants taking turns after one warm-up."""
    times: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(rounds + 1):
        for name, function in timed.items():
            start = time.perf_counter()
            function()
            if number:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: one shape, one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="*", default=[24, 256])
    parser.add_argument("--vocabularies", type=int, nargs="*", default=[50_257, 151_936])
    parser.add_argument("--context", type=int, default=256, help="tokens of prompt and text per row")
    parser.add_argument("--only", nargs="*", help="some of the variants, by name")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rounds = 1 if args.quick else args.rounds
    shapes = [(4, 5_000)] if args.quick else [(r, v) for r in args.rows for v in args.vocabularies]
    cases = [(name, {name: value}, True) for name, value in ALONE.items()]
    cases += [("the common five", dict(COMMON), True), ("all of theirs", dict(ALONE), True)]
    cases += [(name, {name: value}, False) for name, value in OURS_ALONE.items()]
    cases += [("all", {**ALONE, **OURS_ALONE}, False)]
    if args.only:
        cases = [case for case in cases if case[0] in args.only]
    results = []
    for rows, vocabulary in shapes:
        logits = logits_of(rows, vocabulary)
        print(f"\n{rows} rows of {args.context} tokens, V = {vocabulary:,}: ms per step, threads: {args.threads}")
        print(f"{'':22}{'stages: ours':>13}{'theirs':>9}{'ratio':>7}{'step: ours':>12}{'theirs':>9}{'ratio':>7}")
        for name, values, theirs in cases:
            got = measure(variants(values, logits, theirs=theirs, length=args.context), rounds)
            line = f"{name:22}{got['ours stages']:13.2f}"
            if theirs:
                of_stages, of_step = (got[f"theirs {what}"] / got[f"ours {what}"] for what in ("stages", "step"))
                line += f"{got['theirs stages']:9.2f}{of_stages:7.1f}{got['ours step']:12.2f}"
                line += f"{got['theirs step']:9.2f}{of_step:7.1f}"
            else:
                line += f"{'':16}{got['ours step']:12.2f}"
            print(line)
            sys.stdout.flush()
            results.append({"rows": rows, "vocabulary": vocabulary, "what": name, **got})
    from shapes import versions

    print(json.dumps({"threads": args.threads, "context": args.context, "ms": results, "versions": versions()}))


if __name__ == "__main__":
    main()
