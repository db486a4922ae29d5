"""Step 8: fill the generated parts of docs/model_card.md from the measurements.

Each part stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; everything else in the
card is written by hand and left alone. --check changes nothing and exits with 2 if a part is stale.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.common import DEFAULT_RUN, BadInputError, need, read_json, run_step, write_text


def table(head: list[str], rows: list[list[str]]) -> str:
    """Make a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def facts(evaluation: dict[str, Any], report: dict[str, Any]) -> str:
    """Size, text, training: what was made."""
    recipe = evaluation["recipe"]
    train, heldout = report["train"], report["heldout"]
    sitting = f"; from step {recipe['first_step']:,} on" if recipe["first_step"] else ""
    rows = [
        ["parameters", f"{evaluation['parameters']:,} (embeddings tied)"],
        [
            "shape",
            f"{recipe['layers']} layers of width {recipe['width']}, {recipe['width'] // 64} heads,"
            f" context {recipe['context']} tokens",
        ],
        ["files", f"{evaluation['files_bytes'] / 1e6:.2f} MB in all, weights in float16"],
        [
            "training text",
            f"{train['documents']:,} documents, {train['bytes'] / 1e6:.1f} MB,"
            f" {evaluation['train_tokens'] / 1e6:.2f} million tokens",
        ],
        ["held out", f"{heldout['documents']} documents, {heldout['bytes'] / 1e6:.2f} MB"],
        [
            "tokens seen",
            f"{evaluation['tokens_seen'] / 1e6:.1f} million in {evaluation['step']:,} steps of"
            f" {recipe['batch_size'] * recipe['context']:,}:"
            f" {evaluation['tokens_seen'] / evaluation['tokens_in_one_pass']:.2f} passes over the mixture",
        ],
        ["processor time", f"{evaluation['cpu_seconds'] / 3600:.1f} core-hours, {recipe['precision']}{sitting}"],
        [
            "recipe",
            f"peak learning rate {recipe['lr']}, weight decay {recipe['weight_decay']},"
            f" dropout {recipe['dropout']}, {recipe['warmup']} steps of warm-up, seed {recipe['seed']}{sitting}",
        ],
    ]
    return table(["what", "value"], rows)


def bits(evaluation: dict[str, Any]) -> str:
    """Bits per byte against the 5-grams."""
    rows = []
    for group, value in evaluation["model"].items():
        row = [group, f"{value:.3f}"]
        for name in ("all text", "own group"):
            other = evaluation["kneser_ney"][name].get(group)
            row += [f"{other:.3f}", f"{evaluation['below'][name][group]:.1%}"] if other else ["", ""]
        rows.append(row)
    head = [
        "group",
        "model",
        "5-gram, all text",
        "model below it",
        "5-gram, own group's text",
        "model below it",
    ]
    change = evaluation["half_precision_change"]
    return table(head, rows) + f"\n\nThe float16 files against the float32 checkpoint: {change:+.3%} bits per byte."


def behaviour(measured: dict[str, Any]) -> str:
    """Measures by temperature."""
    rows = [
        [
            row["kind"],
            f"{row['temperature']}",
            f"{row['rep_4']:.3f}",
            f"{row['loop_rate']:.1%}",
            f"{row['perplexity']:.2f}",
            f"{row['distinct_2']:.3f}",
            f"{row['ended']:.0%}",
            f"{row['tokens']:.0f}",
        ]
        for kind in ("stories", "explanations", "both")
        for row in measured["rows"]
        if row["kind"] == kind
    ]
    return table(["prompts", "T", "rep_4", "loop rate", "perplexity", "distinct_2", "ended", "mean tokens"], rows)


def samples(measured: dict[str, Any]) -> str:
    """One text per prompt and temperature, as they came."""
    parts = []
    for prompt in dict.fromkeys(text["prompt"] for text in measured["texts"]):
        parts.append(f"### {prompt}")
        for text in measured["texts"]:
            if text["prompt"] == prompt:
                ending = " *(end of text)*" if text["ended"] else " *(cut at the length limit)*"
                quoted = "\n".join(f"> {line}" if line else ">" for line in escape(text["text"]).split("\n"))
                parts.append(f"**T = {text['temperature']:g}**\n\n{quoted}{ending}")
    return "\n\n".join(parts)


def escape(text: str) -> str:
    """Keep Markdown from reading a model's text as markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text.strip()).replace("\n- ", "\n\\- ")


def fill(card: str, name: str, content: str) -> str:
    """Put `content` between the markers of that name."""
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
    if not pattern.search(card):
        raise BadInputError(f"the card must have markers for every part: {name} has none; put them back")
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", card)


def main() -> None:
    """Read the command line and fill the card, or check it."""
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--card", type=Path, default=Path("docs/model_card.md"))
    parser.add_argument("--check", action="store_true", help="only say whether the card is up to date")
    args = parser.parse_args()
    evaluation = read_json(need(args.run / "evaluation.json", "evaluate"))
    measured = read_json(need(args.run / "behaviour.json", "behaviour"))
    report = read_json(need(args.run / "text" / "report.json", "prepare"))
    parts: dict[str, Callable[[], str]] = {
        "facts": lambda: facts(evaluation, report),
        "bits per byte": lambda: bits(evaluation),
        "behaviour": lambda: behaviour(measured),
        "samples": lambda: samples(measured),
    }
    old = card = need(args.card, "card").read_text(encoding="utf-8")
    for name, make in parts.items():
        card = fill(card, name, make())
    if args.check:
        if card != old:
            raise BadInputError(f"the card must match the measurements: {args.card} is stale; run without --check")
    else:
        write_text(args.card, card)
    print(f"{args.card}: {'up to date' if card == old else 'written'}")


if __name__ == "__main__":
    run_step(main)
