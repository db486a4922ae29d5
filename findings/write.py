"""Makes ``docs/findings.md`` and its picture of the tables; ``--check`` says whether they are what the tables give."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from findings.rules import LENGTH, RULES, SEEDS, SUM_LENGTH, Rule
from thermoscope.words import count, estimate, short

TABLES = Path(__file__).parent / "tables"
DOCS = Path(__file__).parent.parent / "docs"
NAMES = {
    "bundled": "the bundled model",
    "smollm2": "SmolLM2-135M-Instruct",
    "gemma-3-270m-q4_k_m": "Gemma 3 270M (base, 4-bit)",
}
#: Measures that are shares of 1, shown in percent.
_SHARES = frozenset({"rep_4", "score"})
Row = dict[str, str]


def rows(name: str) -> list[Row]:
    """A table."""
    with (TABLES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(row: Row) -> tuple[str, bool]:
    """Whether a is higher, lower or neither ("open"), and whether that is so for all pairs of settings at once."""
    if row["clear"] != "open":
        return row["clear"], True
    low, high, neutral = float(row["low"]), float(row["high"]), 1.0 if row["kind"] == "ratio" else 0.0
    return ("higher" if low > neutral else "lower" if high < neutral else "open"), False


def verdict(rule: Rule, row: Row) -> str:
    """What becomes of a rule on one model."""
    way, sure = told(row)
    if way == "open":
        return "no clear difference" if rule.predicts == "same" else "inconclusive"
    said = "holds" if way == rule.predicts else "does not hold" if rule.predicts == "same" else "the opposite"
    return said if sure else f"probably {said}"


def sentence(rule: Rule, row: Row) -> str:
    """What was found, with the numbers."""
    words = {"higher": rule.higher, "lower": rule.lower, "open": rule.open}[told(row)[0]]
    effect, low, high = (float(row[key]) for key in ("effect", "low", "high"))
    means = {key: _mean(rule.measure, float(row[f"mean_{key}"])) for key in ("a", "b")}
    said = words.format(effect=estimate(effect, low, high), **means)
    if rule.measure in _SHARES:
        said += f" The difference is {100 * effect:.1f} points ({100 * low:.1f} to {100 * high:.1f})"
    elif row["kind"] != "ratio":
        said += f" The difference is {estimate(effect, low, high)}"
    else:
        said = said.removesuffix(".")
    return f"{said} (n = {row['prompts']} prompts, {row['texts']} texts)."


def _mean(measure: str, value: float) -> str:
    return f"{100 * value:.0f}%" if measure in _SHARES else short(value)


def document() -> str:
    """The whole document."""
    found, widths = rows("rules.csv"), rows("steps.csv")
    models = list(dict.fromkeys(row["model"] for row in found))
    lines = [
        "# Findings",
        "",
        "Rules about decoding parameters are repeated everywhere and rarely tested. Each one here is one contrast of two",
        "settings in one measure, fixed before anything was generated, on models that run on a laptop. `make findings` makes",
        "the runs and this page; the tables are in `findings/tables/`. Gemma's weights have terms of their own and are not",
        "fetched: `python findings/make.py --model FILE.gguf` adds them, or any other model.",
        "",
        f"Models: {', '.join(NAMES.get(m, m) for m in models)}.",
        "Texts share their random noise between settings, so that",
        f"prompts and seeds are paired: {SEEDS} seeds per prompt, {LENGTH} new tokens (sums: {SUM_LENGTH}).",
        "Intervals are 95% intervals of one difference. A rule *holds* or *does not hold* if the band over all pairs of settings",
        "of the run at once excludes no effect, and *probably* so if only its own interval does.",
        "",
        "## At a glance",
        "",
        "| rule | " + " | ".join(NAMES.get(m, m) for m in models) + " |",
        "|---|" + "---|" * len(models),
    ]
    for rule in RULES:
        by_model = {row["model"]: row for row in found if row["says"] == rule.says}
        cells = [verdict(rule, by_model[m]) if m in by_model else "not tested" for m in models]
        lines.append(f"| {rule.says} | " + " | ".join(cells) + " |")
    lines += ["", "![Repetition and perplexity over temperature](findings.svg)", "", *_small_steps(widths)]
    for rule in RULES:
        lines += [
            "",
            f"## {rule.says}",
            "",
            f"Source: {rule.source}. Tested: `{rule.a}` against `{rule.b}`, {rule.measure}.",
            "",
        ]
        lines += [
            f"- **{NAMES.get(row['model'], row['model'])}: {verdict(rule, row)}.** {sentence(rule, row)}"
            for row in found if row["says"] == rule.says
        ]  # fmt: skip
    lines += [
        "",
        "## What this cannot tell",
        "",
        "- Small models, of at most a few hundred million parameters: a rule may hold for larger ones.",
        "- Perplexity is under the model itself: it says how surprising a text is to the model, not how good it is to a reader.",
        "- \"No clear difference\" is no proof of equality: the interval says how large a difference could be.",
        "- Eleven rules on several models: each interval is right in 95% of cases on its own, and a few of all may miss.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _small_steps(widths: list[Row]) -> list[str]:
    """What the spectra say of small steps: one is small if most texts are the same after it."""
    lines = [
        "## A step of 0.1 is a small step.",
        "",
        "Said by everybody who tunes. Tested: every text between T=0 and 1.5.",
        "",
    ]
    for row in widths:
        same = 100 * float(row["same_after_step"])
        lines.append(
            f"- **{NAMES.get(row['model'], row['model'])}: {'holds' if same >= 50 else 'does not hold'}.** With everything else fixed, a story of "
            f"{row['tokens']} tokens is still the same after a step of 0.1 in {same:.0f}% of cases; between T=0 and 1.5 one "
            f"prompt and seed give {float(row['texts']):.0f} different texts (median of {row['prompts']} prompts), the first "
            f"change coming at T={float(row['first_change']):.2f}."
        )
    return lines


def picture() -> str:
    """Repetition and perplexity of stories over temperature, a line a model."""
    import altair as alt
    import pyarrow as pa
    import vl_convert

    data = [
        {"model": NAMES.get(row["model"], row["model"]), "measure": row["measure"]}
        | {key: float(row[key]) for key in ("temperature", "mean", "low", "high")}
        for row in rows("curves.csv") if row["task"] == "stories" and row["measure"] in ("rep_4", "perplexity")
    ]  # fmt: skip
    models = list(dict.fromkeys(row["model"] for row in data))
    titles = {"rep_4": "share of repeated four-token phrases", "perplexity": "perplexity (log scale)"}
    panels = []
    for measure, title in titles.items():
        own = alt.Chart(pa.Table.from_pylist([row for row in data if row["measure"] == measure]))
        scale = alt.Scale(type="log") if measure == "perplexity" else alt.Scale()
        x = alt.X("temperature:Q", title="temperature")
        colours = alt.Scale(domain=models, range=["#0b6e99", "#d9480f", "#5f3dc4"])
        colour = alt.Color("model:N", title=None, scale=colours)
        line = own.mark_line(point=True).encode(x, alt.Y("mean:Q", title=title, scale=scale), colour)
        band = own.mark_area(opacity=0.15).encode(x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"), colour)
        panels.append((band + line).properties(width=320, height=220))
    chart = alt.hconcat(*panels).configure_view(stroke=None).configure_legend(orient="bottom", symbolOpacity=1)
    made: str = vl_convert.vegalite_to_svg(chart.to_json())
    return made


def main() -> None:
    """Write or check both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    files = {DOCS / "findings.md": document()}
    if asked.check:
        stale = [path.name for path, text in files.items() if not path.is_file() or path.read_text() != text]
        sys.exit(f"not what the tables give: {', '.join(stale)}; run python findings/write.py" if stale else 0)
    files[DOCS / "findings.svg"] = picture()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.name}: {count(len(text), 'character')}")


if __name__ == "__main__":
    main()
