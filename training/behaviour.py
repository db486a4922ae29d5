"""Step 6: measure what temperature does to the exported model's texts.

Every prompt of prompts.toml, 16 seeds, 200 tokens with the prompt, five temperatures: repetition,
loops, perplexity under the model at T = 1, diversity and how many texts came to an end. Also one
text per temperature for the article's prompts (seed 0). Writes RUN/behaviour.json.
"""

import argparse
import math
import tomllib
from pathlib import Path
from statistics import mean
from typing import Any

import thermoscope
from thermoscope import Sample, SamplingParams, generate, load_model
from training.common import DEFAULT_RUN, need, progress, run_step, write_json

PROMPTS = Path(__file__).with_name("prompts.toml")
TEMPERATURES = (0.2, 0.5, 0.7, 0.9, 1.2)
SHOWN_TEMPERATURES = (0.0, *TEMPERATURES)
SHOWN_PROMPTS = (
    "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
    "Explain how blockchain works in simple terms.",
    "What are some of the best strategies within NFL Fantasy",
)


def average(table: Any, name: str) -> float | None:
    """Average a column over the rows that have a value; None if none has."""
    values = [value for value in table[name].to_pylist() if value is not None]
    return mean(values) if values else None


def measure(samples: list[Sample]) -> dict[str, float | None]:
    """Measure the samples of one temperature: means over texts, but distinct_2 over prompts."""
    texts, groups = thermoscope.measure(samples), thermoscope.measure(samples, per="group")
    return {
        "rep_4": average(texts, "rep_4"),
        "loop_rate": average(texts, "loop"),
        "perplexity": math.exp(-mean(value for s in samples for value in s.logprobs)),
        "distinct_2": average(groups, "distinct_2"),
        "ended": mean(s.finish_reason == "end_of_text" for s in samples),
        "tokens": mean(len(s.text_token_ids) for s in samples),
    }


def behaviour(folder: Path, seeds: int, max_length: int) -> dict[str, Any]:
    """Measure both kinds of prompts, and both together, at every temperature; add the texts to show."""
    model = load_model(str(folder))
    kinds = tomllib.loads(PROMPTS.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    for done, temperature in enumerate(TEMPERATURES, 1):
        params = SamplingParams(temperature=temperature)
        samples = {
            kind: generate(model, prompts, params, seeds=range(seeds), max_length=max_length)
            for kind, prompts in kinds.items()
        }
        samples["both"] = [s for part in samples.values() for s in part]
        rows += [{"kind": kind, "temperature": temperature, **measure(part)} for kind, part in samples.items()]
        progress(done, len(TEMPERATURES), "temperatures measured")
    shown = [SamplingParams(temperature=temperature) for temperature in SHOWN_TEMPERATURES]
    texts = [
        {
            "prompt": s.prompt,
            "temperature": s.params.temperature,
            "text": s.text,
            "ended": s.finish_reason == "end_of_text",
        }
        for s in generate(model, list(SHOWN_PROMPTS), shown, seeds=[0], max_length=max_length)
    ]
    return {"seeds": seeds, "max_length": max_length, "rows": rows, "texts": texts}


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m training.behaviour", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--model", type=Path, default=Path("src/thermoscope/models/bundled"))
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=200)
    args = parser.parse_args()
    need(args.model / "config.json", "export")
    result = behaviour(args.model, args.seeds, args.max_length)
    write_json(args.run / "behaviour.json", result)
    for row in result["rows"]:
        print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})


if __name__ == "__main__":
    run_step(main)
