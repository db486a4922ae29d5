"""A run as people read it in a terminal: measures per setting, claims, what ran. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape
from thermoscope.metrics.words import what_words_are
from thermoscope.ran.of_run import what_ran
from thermoscope.report.claims import contrast_line, tested, untested
from thermoscope.report.records.measures import shown, unmeasured
from thermoscope.report.terminal.bullets import bullets
from thermoscope.report.terminal.ran import print_ran
from thermoscope.runs.measured import Measured
from thermoscope.statistics.claims import is_foreign
from thermoscope.statistics.methods import methods
from thermoscope.statistics.reference import DISTANCE
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, empty_texts, estimate, first_upper

#: Columns of one cell: a mean and its interval.
_CELL = 22
#: Measures that are shown in any case, in as many tables as the width needs.
LEADING = 4
#: Measures of thinking that is measured apart.
_OF_THINKING = ("tokens", "rep_4", "loop_rate", "perplexity")


def print_measured(
    rows: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    unit: str,
    everything: bool = False,
    notes: Sequence[str] = (),
) -> None:
    """Print means with intervals, one line per setting, and how the intervals were made.

    Parameters
    ----------
    rows
        Records of the table ``settings``.
    unit
        What intervals are over: "prompt", "seed" or "text".
    everything
        Every measure, in as many tables as the width needs, instead of the most telling ones.
    notes
        What limits the figures, a sentence each.
    """
    for part in _measured(rows, console.width, unit, everything=everything):
        console.print(part, highlight=False, markup=False)
    for note in notes:
        console.print(Text(escape(note), style="dim"), highlight=False)


def print_found(
    measured: Measured,
    rows: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    finding: Sequence[str] = (),
    everything: bool = False,
) -> None:
    """Print measures of texts from files: what they show, how many they are, the measures per setting, what ran."""
    texts, groups = len(measured.found.texts), measured.groups().num_rows
    many = f"{count(texts, 'text')} in {count(groups, 'group')} (a prompt and a setting each)"
    tokens = what_words_are(measured.found.texts) if measured.tokens == "words" else measured.tokens
    console.print(Text(escape(f"{many}; tokens: {tokens}"), style="bold"), highlight=False)
    if (empty := empty_texts(measured.found.texts)) is not None:
        console.print(Text(empty, style="yellow"), highlight=False)
    _print_lines("What was found", finding, console)
    if finding:
        console.print()
    for sentence in measured.found.read_as:
        console.print(Text(escape(sentence, keep=""), style="dim"), highlight=False)
    unit = "text" if len(measured.prompts) == 1 else "prompt"
    notes = [note for note in measured.notes if note != empty]
    print_measured(rows, console, unit=unit, everything=everything, notes=notes)
    print_thinking(measured.thinking, console)
    _print_claims(measured.claims, "", "seed" if unit == "text" else unit, console)
    print_ran(measured.ran, console)


def print_thinking(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print measures of thinking that was measured apart, one line per setting; nothing if there is none."""
    told = [row for row in rows if row["measure"] in _OF_THINKING]
    if told:
        console.print(Text("\nThe thinking", style="bold"))
        for part in _means(told, console.width, everything=True):
            console.print(part, highlight=False, markup=False)


def _measured(
    rows: Sequence[Mapping[str, Any]], width: int, unit: str, *, everything: bool
) -> Iterator[RenderableType]:
    """The means, what could not be measured, and how the intervals were made."""
    yield from _means(rows, width, everything=everything)
    known = _known(rows)
    for sentence in (*unmeasured(known), *methods((row for row in rows if row["measure"] in known), unit)):
        yield Text(sentence, style="dim")


def _known(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The measures that are shown and known of some setting."""
    there = {row["measure"] for row in rows if row["mean"] is not None}
    return [name for name in shown() if name in there]


def _means(rows: Sequence[Mapping[str, Any]], width: int, *, everything: bool) -> Iterator[RenderableType]:
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    cells = {(row["measure"], row["setting"]): row for row in rows}
    known, names = _known(rows), _short(settings)
    first = max(map(cell_len, ["setting", *names]))
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


def _short(settings: Sequence[str]) -> list[str]:
    """Settings as they differ: ``T=0.7`` for ``temperature=0.7 top_k=50`` where all have top_k=50."""
    parts = [setting.split(" ") for setting in settings]
    if not all(part and part[0].startswith("temperature=") for part in parts):
        return [setting or "all" for setting in settings]
    common = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    kept = [[word for word in part if word not in common or word.startswith("temperature=")] for part in parts]
    return [" ".join(part).replace("temperature=", "T=") for part in kept]


def _cell(row: Mapping[str, Any] | None) -> str:
    return "unknown" if row is None else estimate(row["mean"], row["low"], row["high"])


def print_run(
    manifest: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    claims: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    folder: str,
    finding: Sequence[str] = (),
    everything: bool = False,
    texts: Sequence[str] = (),
) -> None:
    """Print a complete run: what it found, its measures, what ran, and the article's claims last.

    ``finding`` is what the run's report found, a sentence each; that some of its ``texts`` are empty comes before.
    """
    plan = manifest["plan"]
    parts = (("prompt", plan["prompts"]), ("setting", manifest["settings"]), ("seed", plan["seeds"]))
    held = " x ".join(count(len(things), name) for name, things in parts)
    unit = "seed" if len(plan["prompts"]) == 1 else "prompt"
    head = f"{plan['name']} on {plan['model']}: {held}, {plan['max_new_tokens']} tokens"
    console.print(Text(escape(head), style="bold"), highlight=False)
    if (empty := empty_texts(texts)) is not None:
        console.print(Text(empty, style="yellow"), highlight=False)
    _print_lines("What was found", finding, console)
    console.print(Text(f"\nMeans with 95% intervals over {unit}s.\n", style="dim"), highlight=False)
    print_measured(rows, console, unit=unit, everything=everything, notes=_limits(manifest, rows))
    print_thinking(manifest.get("thinking", ()), console)
    _print_lines("What the settings did", manifest.get("effective") or (), console)
    _print_claims(claims, str(manifest["objective"]), unit, console)
    print_ran(what_ran(manifest, folder), console)


def _print_lines(title: str, sentences: Sequence[str], console: Console) -> None:
    """Sentences under a heading; nothing without sentences."""
    if sentences:
        console.print(Text(f"\n{title}", style="bold"))
        console.print(bullets(escape(sentence, keep="") for sentence in sentences), highlight=False)


def _print_claims(claims: Sequence[Mapping[str, Any]], objective: str, unit: str, console: Console) -> None:
    """The claims that were tested, and in one line those that were not; none that are about another purpose."""
    own = [claim for claim in claims if not is_foreign(claim["name"], objective)]
    if not own:
        return
    console.print(Text("\nThe article's claims, for this model and use case", style="bold"))
    for claim in tested(own):
        for part in _claim(claim, unit):
            console.print(part, highlight=False, markup=False)
    if rest := untested(own):
        console.print(bullets([escape(rest, keep="")]), highlight=False)


def _limits(manifest: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What limits measures of a run, a sentence each."""
    compared = any(row["measure"] == DISTANCE.name and row["mean"] is not None for row in rows)
    return [f"{DISTANCE.name}: {manifest['reference']}."] if compared and manifest["reference"] else []


def _claim(claim: Mapping[str, Any], unit: str) -> Iterator[RenderableType]:
    verdict = claim["verdict"]
    style = {"holds": "green", "does not hold": "red"}.get(verdict, "yellow")
    yield Text.assemble(("- ", ""), (f"{claim['name']}: ", "bold"), (claim_verdict(verdict), style))
    yield Padding(Text(f"{first_upper(claim['statement'])}."), (0, 0, 0, 2))
    for contrast in claim["contrasts"]:
        yield Padding(Text(contrast_line(contrast, unit), style="cyan"), (0, 0, 0, 4))
    if claim["reason"]:
        yield Padding(Text(f"({claim['reason']})", style="dim"), (0, 0, 0, 4))
