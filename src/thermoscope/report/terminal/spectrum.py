"""A spectrum in the terminal: the axis of temperatures, the widest texts, the first forks and what ran."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import groupby

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.steps import StepMeasures
from thermoscope.ran.provenance import WhatRan
from thermoscope.report.forks import changed, reason, sentence, widest
from thermoscope.report.marks import ASCII, DIFFERS, UNICODE, WRITTEN_OUT, Signs, visible
from thermoscope.report.terminal.ran import make_again, what_ran
from thermoscope.segments import complete
from thermoscope.spectra.leaf import Leaf
from thermoscope.spectra.spectrum import Spectrum
from thermoscope.words import count, ending

#: How many texts and forks are shown.
MOST_TEXTS, MOST_FORKS = 6, 10
_STYLES = ("cyan", "magenta", "green", "yellow", "blue", "red")
#: Measures in the table over several seeds.
SHOWN_MEASURES = MEASURES.where(lambda m: m.beside_text and m.level == "text" and m.needs in ("", "records"))


def print_spectra(spectra: list[Spectrum], measures: StepMeasures, ran: WhatRan, console: Console) -> None:
    """Print spectra of one prompt, the first in full to a console of any width."""
    signs = UNICODE if console.encoding.lower().startswith("utf") else ASCII
    for part in _parts(spectra, measures, ran, console.width, signs):
        console.print(part, highlight=False, markup=False, crop=False)


def print_at(spectrum: Spectrum, temperature: float, console: Console) -> None:
    """Print the text at one temperature, and where it holds."""
    signs = UNICODE if console.encoding.lower().startswith("utf") else ASCII
    leaf = spectrum.leaf(temperature)
    number = spectrum.leaves.index(leaf)
    console.print(_head(spectrum, leaf, f"T={temperature:g}"), highlight=False, markup=False)
    console.print(_text(leaf, None, signs), highlight=False, markup=False)
    lines = []
    if number:
        lines.append(
            "Nearest change below: " + sentence(spectrum.forks[number - 1], spectrum, ascii_only=signs.ascii_only)
        )
    if number < len(spectrum.forks):
        above = sentence(spectrum.forks[number], spectrum, ascii_only=signs.ascii_only)
        lines.append(f"Nearest change above: {above}")
    if not leaf.is_exact(temperature):
        lines.append(
            "This interval is narrower than the resolution and was not split further: the text is exact from "
            f"T={leaf.exact_low:.6g} to {leaf.exact_high:.6g}."
        )
    console.print(Text("\n".join(lines), style="dim"), highlight=False, markup=False)


def _parts(
    spectra: list[Spectrum], measures: StepMeasures, ran: WhatRan, width: int, signs: Signs
) -> Iterator[RenderableType]:
    first = spectra[0]
    yield Text(f"Prompt: {escape(first.prompt, keep='', ascii_only=signs.ascii_only)}", style="bold")
    for spectrum in spectra:
        yield from _spectrum(spectrum, width, signs, in_full=spectrum is first)
    if len(spectra) > 1:
        yield Text(
            f"\nMeans over {len(spectra)} seeds (--json and --html have every measure, as exact step functions)",
            style="bold",
        )
        yield _means(measures)
    yield from what_ran(ran, ascii_only=signs.ascii_only)
    yield from make_again(ran, width, ascii_only=signs.ascii_only)


def _spectrum(spectrum: Spectrum, width: int, signs: Signs, *, in_full: bool) -> Iterator[RenderableType]:
    texts, forks = len(spectrum.leaves), len(spectrum.forks)
    yield Text(
        f"Seed {spectrum.seed}: {count(texts, 'text')} between T={spectrum.low:g} and "
        f"T={spectrum.high:g}, {count(forks, 'fork')}"
    )
    if spectrum.merged:
        more = "--resolution 0 splits all" if spectrum.max_leaves is None else "a larger --max-leaves splits more"
        yield Text(
            f"{len(spectrum.merged)} of them cover intervals that were not split further; "
            f"{_percent(spectrum.exact_share)} of the range is exact ({more}).",
            style="dim",
        )
    shown = widest(spectrum, MOST_TEXTS)
    names = dict(zip(shown, string.ascii_uppercase, strict=False))
    yield Text()
    yield from _axis(spectrum, names, width, signs)
    if not in_full:
        return
    yield Text()
    before: Leaf | None = None
    for number in shown:
        leaf = spectrum.leaves[number]
        yield _head(spectrum, leaf, names[number], style=f"bold {_style(names[number])}")
        yield Padding(_text(leaf, before, signs), (0, 0, 1, 2))
        before = leaf
    notes = []
    if len(shown) < texts:
        notes.append(f"the {len(shown)} of {texts} texts that hold over the widest temperature ranges")
    if len(shown) > 1:
        notes.append(f"{signs.opens}{signs.ellipsis}{signs.closes} differs from the text above")
    yield Text(signs.dot.join(notes), style="dim")
    if forks:
        yield Text("\nForks", style="bold")
        yield from _forks(spectrum, signs)


def _axis(spectrum: Spectrum, names: dict[int, str], width: int, signs: Signs) -> Iterator[Text]:
    """Temperatures, the forks at them, and which of the named texts is there."""
    columns = max(width - 4, 16)
    span = spectrum.high - spectrum.low
    counts = [0] * columns
    for fork in spectrum.forks:
        counts[min(int((fork.temperature - spectrum.low) / span * columns), columns - 1)] += 1
    none, one, several = ("-", "+", "#") if signs.ascii_only else ("─", "┴", "┻")
    yield _ticks(spectrum, columns)
    yield Text("  " + "".join(none if not n else one if n == 1 else several for n in counts))
    row = Text("  ")
    middles = [spectrum.low + (column + 0.5) / columns * span for column in range(columns)]
    labels = [names.get(spectrum.leaves.index(spectrum.leaf(t)), " ") for t in middles]
    for name, run in groupby(labels):
        row.append(name * len(list(run)), None if name == " " else _style(name))
    yield row
    yield Text(f"  {one} a fork{signs.dot}{several} several forks{signs.dot}letters: the texts below", style="dim")


def _ticks(spectrum: Spectrum, columns: int) -> Text:
    """Five temperatures over the axis."""
    line = [" "] * (columns + 8)
    for i in range(5):
        label = f"{spectrum.low + i / 4 * (spectrum.high - spectrum.low):.4g}"
        at = round(i / 4 * (columns - 1))
        start = min(max(2 + at - (len(label) // 2 if 0 < i < 4 else 0), 2), 2 + columns - len(label))
        line[start : start + len(label)] = label
    return Text("".join(line).rstrip())


def _head(spectrum: Spectrum, leaf: Leaf, name: str, style: str = "bold") -> Text:
    share = leaf.width / (spectrum.high - spectrum.low)
    line = Text(name, style=style)
    exact = "" if leaf.exact_high - leaf.exact_low == leaf.width else ", not split further"
    line.append(
        f"  T {leaf.low:.4f} to {leaf.high:.4f}, {_percent(share)} of the range{exact}; "
        f"{ending(leaf.finish_reason, leaf.text)}, {len(leaf.token_ids)} tokens",
        style="dim",
    )
    return line


def _text(leaf: Leaf, before: Leaf | None, signs: Signs) -> Text:
    """The text, with words that are not in the one before between signs."""
    if not complete(leaf.text):
        return Text("(no text)", style="dim italic")
    pieces = visible(leaf.text, signs)
    result, done = Text(), 0

    def plain(upto: int) -> None:
        for at in range(done, upto):
            written_out = leaf.text[at] == "\n" and pieces[at] != "\n"
            result.append(pieces[at], WRITTEN_OUT if written_out else None)

    for start, end in changed(leaf, before):
        plain(start)
        result.append(signs.opens + "".join(pieces[start:end]) + signs.closes, DIFFERS)
        done = end
    plain(len(leaf.text))
    return result


def _forks(spectrum: Spectrum, signs: Signs) -> Iterator[RenderableType]:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, fork in enumerate(spectrum.forks[:MOST_FORKS]):
        table.add_row(Text("-"), Text(sentence(fork, spectrum, ascii_only=signs.ascii_only)))
        if not number:
            table.add_row(Text(""), Text(reason(fork, ascii_only=signs.ascii_only), style="dim"))
    yield table
    if len(spectrum.forks) > MOST_FORKS:
        yield Text(
            f"and {len(spectrum.forks) - MOST_FORKS} more at higher temperatures (see --json or --html)", style="dim"
        )


def _means(measures: StepMeasures) -> Table:
    """A few temperatures of the step functions."""
    low, high = measures.borders[0], measures.borders[-1]
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("T", justify="right", overflow="fold")
    names = [name for name in SHOWN_MEASURES if name in measures.functions]
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    for i in range(7):
        t = low + i / 6 * (high - low)
        values = measures(t)
        cells = ("unknown" if (value := values[name]) is None else f"{value:.3g}" for name in names)
        table.add_row(f"{t:.4g}", *cells)
    return table


def _style(name: str) -> str:
    return _STYLES[string.ascii_uppercase.index(name) % len(_STYLES)]


def _percent(share: float) -> str:
    shown = f"{share:.1%}"
    return f"{share:.4%}" if shown == "100.0%" and share < 1 - 1e-12 else shown
