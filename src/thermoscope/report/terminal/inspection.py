"""An inspection in the terminal: tokens by stages, bars, and what each stage did."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from thermoscope.comparison.inspection import Inspection, TokenView
from thermoscope.escape import escape
from thermoscope.report.terminal.ran import print_ran
from thermoscope.segments import complete

#: Widest text of a token, and columns of a bar.
_TOKEN_WIDTH, _BAR = 12, 14


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print an inspection to a console of any width."""
    ascii_only = not console.encoding.lower().startswith("utf")
    for part in _parts(inspection, console.width, ascii_only):
        console.print(part, highlight=False, markup=False)
    print_ran(inspection.ran, console)


def _parts(inspection: Inspection, width: int, ascii_only: bool) -> Iterator[RenderableType]:
    def plain(text: str) -> str:
        return escape(text, keep="", ascii_only=ascii_only)

    yield Text(f"Prompt: {plain(inspection.prompt)}", style="bold")
    if inspection.step:
        yield Text(f"after {inspection.step} tokens (seed {inspection.seed}): {plain(complete(inspection.text))}")
    yield Text(f"Setting: {inspection.params}\n")
    parts = _columns(inspection, width)
    for shown in parts:  # the model's own column stands in each part
        bar = min(_BAR, width - _width(inspection, shown)) if shown is parts[-1] else 0
        yield _tokens(inspection, shown, bar if bar >= 6 else 0, ascii_only)
        yield Text("")
    yield _stages(inspection)
    drawn = next(token for token in inspection.tokens if token.token_id == inspection.drawn)
    yield Text(
        f"\nSeed {inspection.seed} draws {plain(_name(drawn))} here: rank {drawn.rank} in the model's "
        f"distribution, probability {_percent(drawn.probabilities[-1])}."
    )
    if inspection.xtc_acts is not None:
        yield Text(f"XTC {'acts' if inspection.xtc_acts else 'does not act'} at this step.")


def _columns(inspection: Inspection, width: int) -> list[list[int]]:
    """The stages in as few parts as the width needs, each beginning with the model's own."""
    parts = [[0]]
    for number in range(1, len(inspection.stages)):
        if len(parts[-1]) > 1 and _width(inspection, [*parts[-1], number]) > width:
            parts.append([0])
        parts[-1].append(number)
    return parts


def _width(inspection: Inspection, shown: list[int]) -> int:
    """Columns of the terminal that rank, token and these stages take."""
    return 6 + _TOKEN_WIDTH + 2 + sum(max(6, len(inspection.stages[number].stage)) + 2 for number in shown)


def _tokens(inspection: Inspection, shown: list[int], bar: int, ascii_only: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("token", no_wrap=True, overflow="ellipsis", max_width=_TOKEN_WIDTH)
    for column in shown:
        table.add_column(inspection.stages[column].stage, justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True)
    most = max(token.probabilities[-1] for token in inspection.tokens) or 1.0
    for token in inspection.tokens:
        text = escape(_name(token), keep="", ascii_only=ascii_only)
        cells = [Text(_percent(token.probabilities[column])) for column in shown]
        for cell, column in zip(cells, shown, strict=True):
            if token.probabilities[column] == 0:
                cell.stylize("dim")
        drawn = token.token_id == inspection.drawn
        row: list[Text] = [Text(str(token.rank), style="dim"), Text(text, style="bold green" if drawn else "")]
        row += cells
        if bar:
            row.append(Text(_bar(token.probabilities[-1] / most, bar, ascii_only), style="cyan"))
        table.add_row(*row)
    return table


def _stages(inspection: Inspection) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("after", overflow="fold")
    for name in ("tokens left", "mass removed", "entropy, nats"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage in inspection.stages:
        table.add_row(
            Text(stage.does or stage.stage),
            Text(f"{stage.survivors:,}"),
            Text(_percent(stage.removed_mass) if stage.stage != "model" else ""),
            Text(f"{stage.entropy_nats:.3f}"),
        )
    return table


def _name(token: TokenView) -> str:
    """A token in quotes, so that spaces are seen; by its number where it has no text, or a part of a character."""
    return f"'{token.text}'" if complete(token.text) else f"<{token.token_id}>"


def _percent(share: float) -> str:
    if share == 0:
        return "-"
    if share < 1e-4:
        return "<0.01%"
    return f"{share:.1%}" if share >= 0.0995 else f"{share:.2%}"


def _bar(share: float, width: int, ascii_only: bool) -> str:
    """A bar of up to ``width`` columns, to an eighth of one where the terminal can show it."""
    if ascii_only:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
