"""A comparison in the terminal: the texts side by side or stacked, the reading, and what ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from thermoscope.comparison.comparison import ComparedText, Comparison
from thermoscope.comparison.reading import number
from thermoscope.escape import escape
from thermoscope.metrics.registry import MEASURES
from thermoscope.report.marks import ASCII, UNICODE, Signs, legend, marked
from thermoscope.report.terminal.bullets import bullets
from thermoscope.report.terminal.ran import make_again, what_ran
from thermoscope.segments import complete
from thermoscope.settings.grid import label, varying
from thermoscope.words import empty_texts, ending

#: Columns narrower than this are hard to read: texts are stacked instead.
NARROWEST = 34
#: transformers' generate applies this top_k unless told otherwise (GenerationConfig's default).
UNASKED_TOP_K = 50
#: Measures of thinking that are shown beside how long it is.
_OF_THINKING = ("rep_4", "perplexity")


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print a comparison to a console of any width."""
    signs = UNICODE if console.encoding.lower().startswith("utf") else ASCII
    for part in _parts(comparison, console.width, signs):
        console.print(part, highlight=False, markup=False, crop=False)  # the command may be longer


def _parts(comparison: Comparison, width: int, signs: Signs) -> Iterator[RenderableType]:
    yield Text(f"Prompt: {escape(comparison.prompt, keep='', ascii_only=signs.ascii_only)}", style="bold")
    if (empty := empty_texts([text.sample.text for text in comparison.texts])) is not None:
        yield Text(empty, style="yellow")
    texts = {(text.sample.params, text.sample.seed): text for text in comparison.texts}
    columns = len(comparison.settings)
    beside = columns > 1 and (width - 3 * columns - 1) // columns >= NARROWEST
    differing = varying(comparison.settings)
    names = [label(setting, differing) for setting in comparison.settings]
    first = True
    for seed in comparison.seeds:
        row = [texts.get((setting, seed)) for setting in comparison.settings]
        if not any(row):  # an interrupt came first
            continue
        if len(comparison.seeds) > 1:
            blank = "\n" if beside or first else ""  # stacked texts bring their own
            yield Text(f"{blank}seed {seed}", style="bold")
        first = False
        yield _side_by_side(names, row, signs) if beside else Group(*_stacked(names, row, signs, width))
    if meanings := legend(comparison.texts, signs):
        yield Text(meanings, style="dim")
    if comparison.reading:
        yield Text("\nReading", style="bold")
        yield bullets(comparison.reading)
    if comparison.effective:
        yield Text("\nWhat the settings did", style="bold")
        yield bullets(comparison.effective)
    yield from what_ran(comparison.ran, ascii_only=signs.ascii_only)
    if all(setting.top_k is None for setting in comparison.settings):
        yield Text(
            f"top_k is off here; transformers' generate would apply top_k={UNASKED_TOP_K} by default.",
            style="dim",
        )
    yield from make_again(comparison.ran, width, ascii_only=signs.ascii_only)


def _side_by_side(names: list[str], row: list[ComparedText | None], signs: Signs) -> Table:
    table = Table(expand=True, show_lines=True, safe_box=True)
    for name in names:
        table.add_column(name, ratio=1, overflow="fold")
    table.add_row(*(_body(text, signs) for text in row))
    table.add_row(*(_figures_listed(text, signs) for text in row))
    return table


def _stacked(names: list[str], row: list[ComparedText | None], signs: Signs, width: int) -> Iterator[RenderableType]:
    for name, text in zip(names, row, strict=True):
        yield Rule(Text(name, style="bold"), align="left", characters=signs.rule, style="dim")
        yield _body(text, signs)
        figures = _flow([f"{name} {value}" for name, value in _figures(text, signs)], signs.dot, width)
        yield Padding(Text(figures, style="cyan"), (0, 0, 1, 0))


def _flow(parts: Iterable[str], separator: str, width: int) -> str:
    """Parts in as few lines as they fit, none broken."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1] + separator + part) <= width:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return "\n".join(lines)


def _body(text: ComparedText | None, signs: Signs) -> Text:
    if text is None:
        return Text("not finished", style="dim italic")
    return marked(text, signs) if complete(text.sample.text) else Text("(no text)", style="dim italic")


def _figures(text: ComparedText | None, signs: Signs) -> list[tuple[str, str]]:
    """The measures under a text, each with its name."""
    if text is None:
        return []
    figures = []
    for name, value in text.measures.items():
        measure = MEASURES[name]
        if not measure.beside_text:
            continue
        said = number(value) if value is None or not measure.unit else f"{number(value)} {measure.unit}"
        if name == "loop" and value is not None:
            loop = text.loop
            said = "none" if loop is None else f"{loop.tokens} tokens {signs.times} {loop.repeats}"
        elif name == "tokens":
            said = f"{len(text.measured.text_token_ids)}, {ending(text.sample.finish_reason, text.sample.text)}"
        figures.append((name, said))
    if text.thinking is not None:
        figures.append(("thinking", _thinking(text.thinking)))
    return figures


def _thinking(measures: Mapping[str, float | None]) -> str:
    """Thinking that is measured apart, in a few figures."""
    known = {name: value for name, value in measures.items() if value is not None and name in _OF_THINKING}
    told = ", ".join(f"{name} {number(known[name])}" for name in _OF_THINKING if name in known)
    return f"{measures['tokens'] or 0:.0f} tokens" + (f", {told}" if told else "")


def _figures_listed(text: ComparedText | None, signs: Signs) -> Table:
    """The measures one below the other, so that columns can be read across."""
    table = Table.grid(padding=(0, 2))
    for name, value in _figures(text, signs):
        table.add_row(Text(name, style="dim"), Text(value, style="cyan"))
    return table
