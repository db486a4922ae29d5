"""An export in the terminal: what one pastes, then the verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thermoscope.engines.export import Exported
from thermoscope.engines.reading import Imported
from thermoscope.experiment.provenance import WhatRan
from thermoscope.params import typed
from thermoscope.report.escape import escape
from thermoscope.report.ran import print_ran

if TYPE_CHECKING:
    from thermoscope.engines.distance import Distance

_STYLES = {"exact": "green", "exact with an explicit order": "green", "different": "yellow", "not there": "red"}


def print_export(exported: Exported, ran: WhatRan, console: Console) -> None:
    """Print an export to a console of any width."""
    for part in _parts(exported, console.width):
        console.print(part, highlight=False, markup=False, crop=False)
    print_ran(ran, console)


def print_import(imported: Imported, ran: WhatRan, console: Console) -> None:
    """Print what was read from another engine's format."""
    console.print(Text(f"Read as a setting of {imported.engine}:", style="bold"), highlight=False)
    console.print(Text(f"  {imported.params}"), highlight=False)
    console.print(Text(f"  order {' > '.join(imported.params.order)}", style="dim"), highlight=False)
    if imported.added:
        added = ", ".join(f"{name}={typed(value)}" for name, value in imported.added.items())
        console.print(Text(f"Not in the file, but what {imported.engine} does by itself: {added}."), highlight=False)
    if imported.aside:
        fields = escape(", ".join(imported.aside), keep="")
        console.print(Text(f"Says nothing about sampling: {fields}.", style="dim"), highlight=False)
    console.print(Text("\nThe same for --params:", style="bold"), highlight=False)
    values = json.dumps({**imported.params.given, "order": list(imported.params.order)})
    console.print(Text(values, no_wrap=True), highlight=False, crop=False, soft_wrap=True)
    print_ran(ran, console)


def _parts(exported: Exported, width: int) -> Iterator[RenderableType]:
    yield Text(f"Setting: {exported.params}")
    for snippet in exported.snippets:
        yield Text(f"\n{exported.engine}: {snippet.title}", style="bold")
        for line in snippet.text.splitlines():
            yield Padding(Text(line, no_wrap=len(line) <= width, overflow="fold"), (0, 0, 0, 0))
    yield Text("\nVerdict", style="bold")
    if exported.verdicts:
        yield _verdicts(exported)
    else:
        yield Text("Nothing is set: every field has the value that switches it off.")
    if exported.exact:
        yield Text(f"The distribution in {exported.engine} is ours.")
    elif exported.distance is not None:
        yield Text(
            f"As a whole: total variation {_shown(exported.distance)}, over {exported.distance.distributions} "
            f"next-token distributions of the model {escape(exported.model or '', keep='')}."
        )
    yield Text(f"Facts of {exported.engine} {exported.version}: {exported.source}.", style="dim")


def _verdicts(exported: Exported) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for verdict in exported.verdicts:
        note = verdict.note
        if verdict.distance is not None:
            note += f"{'; ' if note else ''}total variation {_shown(verdict.distance)}"
        name = verdict.parameter
        value = getattr(exported.params, name, None) if name != "order" else None
        set_to = f"{name}={typed(value)}" if value is not None else name
        table.add_row(Text(set_to), Text(verdict.kind, style=_STYLES[verdict.kind]), Text(note))
    return table


def _shown(distance: Distance) -> str:
    return f"{distance.median:.3f} (median), {distance.worst:.3f} (worst)"
