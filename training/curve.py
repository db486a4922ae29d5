"""Step 7: draw the held-out loss curve as a picture.

Reads RUN/curve.jsonl (and RUN/evaluation.json, if it is there, for the 5-grams' lines) and writes
an SVG: bits per byte against tokens seen, by group; the part with a falling learning rate dashed.
The numbers are written beside it (.jsonl): a run that goes on from the exported weights of an
earlier sitting shows that one's part of the curve as well.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from training.common import DEFAULT_RUN, BadInputError, need, read_json, read_jsonl, run_step, write_text

COLOURS = ["#d1495b", "#00798c", "#8f6f00", "#5f4b8b"]


def with_earlier(lines: list[dict[str, Any]], earlier: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the lines of earlier sittings before those of a run: the ones that it did not measure itself."""
    first = min(line["first_step"] for line in lines)
    return [line for line in earlier if line["first_step"] < first] + lines


def last_measured(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep each step once, and the last decay of each sitting.

    A run that was resumed from a checkpoint measures some steps again; the last measurement counts.
    """
    last_decay: dict[int, int] = {}
    for line in lines:
        if line["decay_start"] is not None:
            last_decay[line["first_step"]] = max(line["decay_start"], last_decay.get(line["first_step"], 0))
    kept = {
        (line["first_step"], line["decay_start"] is not None, line["step"]): line
        for line in lines
        if line["decay_start"] in (None, last_decay.get(line["first_step"]))
    }
    return [kept[key] for key in sorted(kept)]


def curve_points(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Flatten the lines, as ``last_measured`` keeps them, into one point per group."""
    return [
        {
            "tokens": line["tokens"] / 1e6,
            "bits per byte": value,
            "group": group,
            "rate": "constant" if line["decay_start"] is None else "falling to 0",
            "sitting": line["first_step"],
        }
        for line in lines
        for group, value in line["bits_per_byte"].items()
        if group != "all"
    ]


def draw(points: list[dict[str, Any]], baseline: dict[str, float], path: Path) -> None:
    """Draw the points, and a thin line per group at its 5-gram's bits per byte."""
    import altair as alt

    groups = sorted({point["group"] for point in points})
    colour = alt.Color("group:N", scale=alt.Scale(domain=groups, range=COLOURS), title=None)
    x = alt.X("tokens:Q", title="million tokens seen", axis=alt.Axis(grid=False))
    y = alt.Y("bits per byte:Q", title="held-out bits per byte", scale=alt.Scale(zero=False))
    dash = alt.StrokeDash(
        "rate:N",
        scale=alt.Scale(domain=["constant", "falling to 0"], range=[[1, 0], [4, 3]]),
        title="learning rate",
    )
    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="sitting:N")
    )
    rules = [{"bits per byte": value, "group": group} for group, value in baseline.items() if group in groups]
    chart = lines + alt.Chart(alt.Data(values=rules)).mark_rule(strokeDash=[1, 3]).encode(y=y, color=colour)
    title = "Held out while training (dotted: 5-gram on the same text)" if rules else "Held out while training"
    chart.properties(width=560, height=300, title=title, background="white").save(str(path))


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(prog="python -m training.curve", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--to", type=Path, default=Path("docs/model_curve.svg"))
    args = parser.parse_args()
    numbers = args.to.with_suffix(".jsonl")
    lines = read_jsonl(need(args.run / "curve.jsonl", "train"))
    lines = last_measured(with_earlier(lines, read_jsonl(numbers) if numbers.exists() else []))
    points = curve_points(lines)
    evaluation = args.run / "evaluation.json"
    baseline = read_json(evaluation)["kneser_ney"]["all text"] if evaluation.exists() else {}
    args.to.parent.mkdir(parents=True, exist_ok=True)
    try:
        draw(points, baseline, args.to)
    except ImportError as error:
        raise BadInputError(f"drawing needs altair and vl-convert-python: {error}; pip install them") from None
    write_text(numbers, "".join(json.dumps(line) + "\n" for line in lines))
    print(f"{args.to}: {args.to.stat().st_size:,} bytes, {len(points)} points")


if __name__ == "__main__":
    run_step(main)
