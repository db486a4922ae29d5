"""Step 7: draw the held-out loss curve as a picture.

Reads RUN/curve.jsonl (and RUN/evaluation.json, if it is there, for the 5-grams' lines) and writes
an SVG: bits per byte against tokens seen, by group; the part with a falling learning rate dashed.
"""

import argparse
from pathlib import Path
from typing import Any

from training.common import DEFAULT_RUN, BadInputError, need, read_json, read_jsonl, run_step

COLOURS = ["#d1495b", "#00798c", "#8f6f00", "#5f4b8b"]


def curve_points(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Flatten the lines into one point per group, each step once, only the last decay kept.

    A run that was resumed from a checkpoint measures some steps again; the last measurement counts.
    """
    last_decay = max((line["decay_start"] for line in lines if line["decay_start"] is not None), default=None)
    kept = {
        (line["decay_start"] is not None, line["step"]): line
        for line in lines
        if line["decay_start"] in (None, last_decay)
    }
    points = []
    for (decaying, _), line in sorted(kept.items()):
        for group, value in line["bits_per_byte"].items():
            if group != "all":
                points.append(
                    {
                        "tokens": line["tokens"] / 1e6,
                        "bits per byte": value,
                        "group": group,
                        "rate": "falling to 0" if decaying else "constant",
                    }
                )
    return points


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
    lines = alt.Chart(alt.Data(values=points)).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
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
    points = curve_points(read_jsonl(need(args.run / "curve.jsonl", "train")))
    evaluation = args.run / "evaluation.json"
    baseline = read_json(evaluation)["kneser_ney"]["all text"] if evaluation.exists() else {}
    args.to.parent.mkdir(parents=True, exist_ok=True)
    try:
        draw(points, baseline, args.to)
    except ImportError as error:
        raise BadInputError(f"drawing needs altair and vl-convert-python: {error}; pip install them") from None
    print(f"{args.to}: {args.to.stat().st_size:,} bytes, {len(points)} points")


if __name__ == "__main__":
    run_step(main)
