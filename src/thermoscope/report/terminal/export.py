"""An export in the terminal: what one pastes, then the verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from thermoscope.engines.dialect import Remark
from thermoscope.engines.export import Exported
from thermoscope.engines.reading import Imported
from thermoscope.escape import escape
from thermoscope.ran.provenance import WhatRan
from thermoscope.report.terminal.ran import as_it_is, command_lines, print_ran
from thermoscope.settings.values import typed
from thermoscope.words import first_upper

if TYPE_CHECKING:
    from thermoscope.engines.effect import Distance

#: What is shown for a kind of verdict, where it is not its name.
_KINDS = {"not there": "not supported"}
_STYLES = {"exact": "green", "exact with an explicit order": "green", "different": "yellow", "not there": "red"}


def print_export(exported: Exported, ran: WhatRan, console: Console, imported: Imported | None = None) -> None:
    """Print an export to a console of any width; ``imported`` is where its setting was read from, if from a file."""
    for part in _parts(exported, imported, console.width):
        console.print(part, highlight=False, markup=False, crop=False)
    print_ran(ran, console)


def print_import(imported: Imported, ran: WhatRan, console: Console) -> None:
    """Print what was read from another engine's format."""
    values = json.dumps({**imported.params.given, "order": list(imported.params.order)})
    for part in (*_read(imported), Text("\nThe same setting for --params:", style="bold"), as_it_is([values])):
        console.print(part, highlight=False, markup=False, crop=False)
    print_ran(ran, console)


def _read(imported: Imported) -> Iterator[RenderableType]:
    """What was read, and all that became of the file's fields."""
    engine = imported.engine
    yield Text(f"Read as a setting of {engine}:", style="bold")
    yield Text(f"  {imported.params}")
    yield Text(f"  order {' > '.join(imported.params.order)}", style="dim")
    if imported.added:
        added = ", ".join(f"{name}={typed(value)}" for name, value in imported.added.items())
        if imported.added.get("temperature") == 0:
            added = added.replace("temperature=0", "greedy decoding (temperature=0)", 1)
        yield Text(f"Not in the file; {engine} adds its default, or the model's: {added}.")
    if imported.ignored:
        yield Text(f"In the file, but ignored by {engine}: {_remarks(imported.ignored)}.")
    if imported.different:
        yield Text(f"Different in {engine}: {_remarks(imported.different)}.", style="yellow")
    for note in imported.notes:
        yield Text(escape(first_upper(note), keep=""))
    if imported.unknown:
        yield Text(f"Not known here, and not used: {escape(', '.join(imported.unknown), keep='')}.", style="yellow")
    if imported.aside:
        yield Text(f"Ignored (not sampling parameters): {escape(', '.join(imported.aside), keep='')}.", style="dim")


def _remarks(remarks: Sequence[Remark]) -> str:
    """Fields with their values, and after those that have it in common what is said of them."""
    fields: dict[str, list[str]] = {}
    for remark in remarks:
        value = json.dumps(remark.value) if isinstance(remark.value, bool) else typed(remark.value)
        named = remark.field if remark.value is None else f"{remark.field}={value}"
        fields.setdefault(remark.note, []).append(named)
    return escape("; ".join(f"{', '.join(names)} ({note})" for note, names in fields.items()), keep="")


def _parts(exported: Exported, imported: Imported | None, width: int) -> Iterator[RenderableType]:
    if imported is None:
        yield Text(f"Setting: {exported.params}")
    else:
        yield from _read(imported)
    for snippet in exported.snippets:
        yield Text(f"\n{exported.engine}: {snippet.title}", style="bold")
        shell = snippet.language == "shell"
        yield as_it_is(command_lines(snippet.text, width) if shell else snippet.text.splitlines())
    yield Text("\nVerdict", style="bold")
    if exported.verdicts:
        yield _verdicts(exported)
    else:
        yield Text("No parameter is set: every field has the value that switches it off.")
    if exported.exact:
        yield Text(f"{exported.engine} will sample from exactly this distribution.")
    elif exported.distance is not None:
        yield Text(
            f"Overall: total variation {_shown(exported.distance)}, over {exported.distance.distributions} "
            f"next-token distributions of the model {escape(exported.model or '', keep='')}."
        )
    yield Text(f"Based on {exported.engine} {exported.version}: {exported.source}.", style="dim")


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
        table.add_row(
            Text(set_to), Text(_KINDS.get(verdict.kind, verdict.kind), style=_STYLES[verdict.kind]), Text(note)
        )
    return table


def _shown(distance: Distance) -> str:
    return f"{distance.median:.3f} (median), {distance.worst:.3f} (worst)"
