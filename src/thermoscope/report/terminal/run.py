"""A run as people read it in a terminal: measures per setting, claims, what ran. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape
from thermoscope.metrics.words import what_words_are
from thermoscope.ran.of_run import what_ran
from thermoscope.report.claims import contrast_line
from thermoscope.report.records.measures import by_summary, shown
from thermoscope.report.terminal.ran import print_ran
from thermoscope.runs.measured import Measured
from thermoscope.statistics.reference import DISTANCE
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, first_upper, short

#: Columns of one cell: a mean and its interval.
_CELL = 22
#: Measures that are shown in any case, in as many tables as the width needs.
LEADING = 4


def print_measured(
    rows: Sequence[Mapping[str, Any]], console: Console, *, everything: bool = False, notes: Sequence[str] = ()
) -> None:
    """Print means with intervals, one line per setting.

    Parameters
    ----------
    rows
        Records of the table ``settings``.
    everything
        Every measure, in as many tables as the width needs, instead of the most telling ones.
    notes
        What limits the figures, a sentence each.
    """
    for part in _measured(rows, console.width, everything):
        console.print(part, highlight=False, markup=False)
    for note in notes:
        console.print(Text(escape(note), style="dim"), highlight=False)


def print_found(
    measured: Measured,
    rows: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    everything: bool = False,
) -> None:
    """Print measures of texts from files: how many they are, the measures per setting (``summary``), what ran."""
    texts, groups = len(measured.found.texts), len(measured.evidence.texts.groups)
    many = f"{count(texts, 'text')} in {count(groups, 'group')} (a prompt and a setting each)"
    tokens = what_words_are(measured.found.texts) if measured.tokens == "words" else measured.tokens
    console.print(Text(escape(f"{many}; tokens: {tokens}"), style="bold"), highlight=False)
    print_measured(rows, console, everything=everything, notes=measured.notes)
    print_ran(measured.ran, console)


def _measured(rows: Sequence[Mapping[str, Any]], width: int, everything: bool) -> Iterator[RenderableType]:
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    cells = {(row["measure"], row["setting"]): row for row in rows}
    known = [name for name in shown() if any(cells.get((name, s), {}).get("mean") is not None for s in settings)]
    names = _short(settings)
    first = max([len("setting"), *map(len, names)])
    first = min(first, max(7, width // 3))
    each = max(1, (width - first) // (_CELL + 2))
    tables = [known[i : i + each] for i in range(0, len(known), each)]
    count_shown = len(tables) if everything else -(-LEADING // each)
    for measures in tables[:count_shown]:
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
        table.add_column("setting", max_width=first, overflow="fold")
        for name in measures:
            table.add_column(name, justify="right", no_wrap=True)
        for setting, called in zip(settings, names, strict=True):
            table.add_row(Text(escape(called)), *(Text(_cell(cells.get((name, setting)))) for name in measures))
        yield table
        yield Text()
    if len(tables) > count_shown:
        rest = ", ".join(name for measures in tables[count_shown:] for name in measures)
        yield Text(f"Also measured: {rest} (--all shows them).", style="dim")
    embedded = [name for name in shown() if by_summary()[name].needs == "embeddings"]
    missing = [name for name in embedded if name not in known]
    if missing:
        from thermoscope.metrics.embedding import how_to_get

        yield Text(f"Not measured: {', '.join(missing)} ({how_to_get()}).", style="dim")


def _short(settings: Sequence[str]) -> list[str]:
    """Settings as they differ: ``T=0.7`` for ``temperature=0.7 top_k=50`` where all have top_k=50."""
    parts = [setting.split(" ") for setting in settings]
    if not all(part and part[0].startswith("temperature=") for part in parts):
        return [setting or "all" for setting in settings]
    common = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    kept = [[word for word in part if word not in common or word.startswith("temperature=")] for part in parts]
    return [" ".join(part).replace("temperature=", "T=") for part in kept]


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "unknown"
    mean, low, high = row["mean"], row["low"], row["high"]
    if low is None:
        return short(mean)
    return f"{short(mean)} ({short(low)} to {short(high)})"


def print_run(
    manifest: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    claims: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    folder: str,
    everything: bool = False,
) -> None:
    """Print a complete run."""
    plan = manifest["plan"]
    parts = (("prompt", plan["prompts"]), ("setting", manifest["settings"]), ("seed", plan["seeds"]))
    held = " x ".join(count(len(things), name) for name, things in parts)
    unit = "seed" if len(plan["prompts"]) == 1 else "prompt"
    head = f"{plan['name']} on {plan['model']}: {held}, {plan['max_new_tokens']} tokens"
    console.print(Text(escape(head), style="bold"), highlight=False)
    console.print(Text(f"Means with 95% intervals over {unit}s.\n", style="dim"), highlight=False)
    print_measured(rows, console, everything=everything, notes=_limits(manifest, rows))
    console.print(Text("\nThe article's claims, for this model and use case", style="bold"))
    for claim in claims:
        for part in _claim(claim, unit):
            console.print(part, highlight=False, markup=False)
    if effective := manifest.get("effective"):
        console.print(Text("\nWhat the settings did", style="bold"))
        for sentence in effective:
            console.print(Text(f"- {escape(sentence, keep='')}"), highlight=False)
    print_ran(what_ran(manifest, folder), console)


def _limits(manifest: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What limits measures of a run, a sentence each."""
    compared = any(row["measure"] == DISTANCE.name and row["mean"] is not None for row in rows)
    return [f"{DISTANCE.name}: {manifest['reference']}."] if compared and manifest["reference"] else []


def _claim(claim: Mapping[str, Any], unit: str) -> Iterator[RenderableType]:
    verdict = claim["verdict"]
    style = {"holds": "green", "does not hold": "red"}.get(verdict, "yellow")
    yield Text.assemble(("- ", ""), (f"{claim['name']}: ", "bold"), (claim_verdict(verdict), style))
    told = claim["statement"] if verdict != "not tested" else claim["reason"]
    yield Padding(Text(f"{first_upper(told)}."), (0, 0, 0, 2))
    for contrast in claim["contrasts"]:
        yield Padding(Text(contrast_line(contrast, unit), style="cyan"), (0, 0, 0, 4))
    if claim["reason"] and verdict != "not tested":
        yield Padding(Text(f"({claim['reason']})", style="dim"), (0, 0, 0, 4))
