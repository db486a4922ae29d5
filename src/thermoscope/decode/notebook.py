"""Progress bars in notebooks, where nobody has asked for another way to be told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thermoscope.decode.progress import Progress


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def shown(title: str, on_progress: Callable[[Progress], None] | None) -> Iterator[Callable[[Progress], None] | None]:
    """What to tell of progress: the caller's own function, or in a notebook a bar that goes when the block ends.

    Parameters
    ----------
    title
        What is under way.
    on_progress
        The caller's function; None if there is none.
    """
    if on_progress is not None or not in_notebook():
        yield on_progress
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[texts]}"), TimeRemainingColumn())
    with Bars(*columns, transient=True) as bars:
        bar = bars.add_task(title, total=None, texts="")

        def tell(state: Progress) -> None:
            texts = f"{state.finished} of {state.samples} texts"
            bars.update(bar, total=state.most_tokens, completed=state.tokens, texts=texts)

        yield tell
