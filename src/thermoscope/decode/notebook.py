"""Progress bars in notebooks, where nobody has asked for another way to be told."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from thermoscope.decode.progress import Progress

#: How long a bar stands still at least.
_EVERY_S = 0.1


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def shown(title: str, on_progress: Callable[[Progress], None] | None) -> Iterator[Callable[[Progress], None] | None]:
    """What to tell of progress: the caller's own function, or in a notebook a bar that goes when the block ends.

    The bar is an element of HTML that IPython puts in place of the one before: it needs no package of widgets.

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
    from IPython.display import HTML, display

    place = display(HTML(bar(title, None, 0.0)), display_id=True)
    started = last = time.monotonic()

    def tell(state: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S or state.finished == state.samples:
            last = now
            place.update(HTML(bar(title, state, now - started)))

    try:
        yield tell
    finally:
        place.update(HTML(""))


def bar(title: str, state: Progress | None, elapsed_s: float) -> str:
    """A bar as HTML, with the time that is left if the rest goes as fast; without a state nothing is done yet."""
    if state is None or not state.tokens:
        return f"{html.escape(title)} <progress></progress>"
    left_s = elapsed_s * (state.most_tokens / state.tokens - 1)
    done = f'<progress value="{state.tokens}" max="{state.most_tokens}"></progress>'
    return f"{html.escape(title)} {done} {state.finished} of {state.samples} texts, about {left_s:.0f} s left"
