"""An inspection in the terminal: tokens by stages or temperatures, bars, and what each stage did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from thermoscope.comparison.inspected import Inspection, TemperatureInspection, TokenView
from thermoscope.escape import escape
from thermoscope.report.distributions import Column, columns, drawn_sentences, percent, token_name
from thermoscope.report.terminal.ran import print_ran
from thermoscope.segments import complete

#: Widest text of a token, and the most and the fewest columns of a bar.
_TOKEN_WIDTH, _BAR, _LEAST_BAR = 12, 14, 6


def print_inspection(found: Inspection | TemperatureInspection, console: Console) -> None:
    """Print an inspection, stage by stage or at several temperatures, to a console of any width."""
    ascii_only = not console.encoding.lower().startswith("utf")
    for part in _parts(found, console.width, ascii_only):
        console.print(part, highlight=False, markup=False)
    print_ran(found.ran, console)


def _parts(found: Inspection | TemperatureInspection, width: int, ascii_only: bool) -> Iterator[RenderableType]:
    def plain(text: str) -> str:
        return escape(text, keep="", ascii_only=ascii_only)

    several = isinstance(found, TemperatureInspection)
    yield Text(f"Prompt: {plain(found.prompt)}", style="bold")
    if found.step:
        yield Text(f"after {found.step} tokens (seed {found.seed}): {plain(complete(found.text))}")
    if not several:
        yield Text(f"Setting: {found.params}")
    yield Text("")
    shown = columns(found)
    for part in _fitting(shown, width, first_again=not several):
        yield _tokens(found.tokens, shown, part, width, ascii_only, every=several)
        yield Text("")
    yield _summary(shown, several=several)
    yield Text("")
    for sentence in drawn_sentences(found):
        yield Text(plain(sentence))


def _fitting(shown: Sequence[Column], width: int, *, first_again: bool) -> list[list[int]]:
    """The columns in as few parts as the width needs, each, if so wanted, beginning with the first."""
    parts = [[0]]
    for number in range(1, len(shown)):
        if len(parts[-1]) > 1 and _width(shown, [*parts[-1], number]) > width:
            parts.append([0] if first_again else [])
        parts[-1].append(number)
    return parts


def _width(shown: Sequence[Column], part: Sequence[int]) -> int:
    """Columns of the terminal that rank, token and these probabilities take."""
    return 6 + _TOKEN_WIDTH + 2 + sum(max(6, len(shown[number].name)) + 2 for number in part)


def _tokens(
    tokens: Sequence[TokenView], shown: Sequence[Column], part: Sequence[int], width: int, ascii_only: bool,
    *, every: bool,
) -> Table:  # fmt: skip
    """Tokens by columns, with a bar for the last column of all, or for ``every`` one, where there is room."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("token", no_wrap=True, overflow="ellipsis", max_width=_TOKEN_WIDTH)
    barred = set(part) if every else {len(shown) - 1} & set(part)
    bar = min(_BAR, (width - _width(shown, part)) // max(1, len(barred)) - 2 * every)
    barred = barred if bar >= _LEAST_BAR else set()
    for number in part:
        table.add_column(shown[number].name, justify="right", no_wrap=True)
        if number in barred:
            table.add_column("", no_wrap=True, min_width=bar)
    most = max(p for token in tokens for p in _chosen(token, barred)) if barred else 1.0
    drawn = {column.drawn for column in shown}
    for token in tokens:
        name = escape(token_name(token), keep="", ascii_only=ascii_only)
        style = "bold green" if token.token_id in drawn and not every else ""
        row = [Text(str(token.rank), style="dim"), Text(name, style=style)]
        for number in part:
            here = token.probabilities[number]
            is_drawn = every and shown[number].drawn == token.token_id
            row.append(Text(percent(here), style="bold green" if is_drawn else "" if here else "dim"))
            if number in barred:
                row.append(Text(_bar(here / (most or 1.0), bar, ascii_only), style="cyan"))
        table.add_row(*row)
    return table


def _chosen(token: TokenView, numbers: Iterable[int]) -> list[float]:
    return [token.probabilities[number] for number in numbers]


def _summary(shown: Sequence[Column], *, several: bool) -> Table:
    """Tokens left and entropy of each column, and what a stage removed."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("at" if several else "after", overflow="fold")
    for name in ("tokens left", *(() if several else ("mass removed",)), "entropy, nats"):
        table.add_column(name, justify="right", no_wrap=True)
    for column in shown:
        removed = [] if several else [Text("" if column.removed_mass is None else percent(column.removed_mass))]
        table.add_row(Text(column.does), Text(f"{column.survivors:,}"), *removed, Text(f"{column.entropy_nats:.3f}"))
    return table


def _bar(share: float, width: int, ascii_only: bool) -> str:
    """A bar of up to ``width`` columns, to an eighth of one where the terminal can show it."""
    if ascii_only:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
