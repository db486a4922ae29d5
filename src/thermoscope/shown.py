"""What all results have: a whole page, and tables for pandas."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.words import quoted

if TYPE_CHECKING:
    import pyarrow


class Page:
    """A result that has a page."""

    __slots__ = ()

    def to_html(self) -> str:
        """The whole page, self-contained: what ``thermoscope.render(result, "html")`` gives.

        Raises
        ------
        RunError
            A run is not complete.
        """
        import thermoscope  # the public names, in which pages are made of results

        return str(thermoscope.render(self, "html"))  # type: ignore[arg-type]


def as_pandas(table: pyarrow.Table) -> Any:
    """A table as a pandas DataFrame.

    Raises
    ------
    InputError
        pandas is not installed.
    """
    try:
        importlib.import_module("pandas")
    except ImportError:
        raise InputError("to_pandas needs pandas, which is not installed; run pip install pandas") from None
    return table.to_pandas()


def check_table(name: str, known: Iterable[str]) -> None:
    """Raise InputError unless a table has this name."""
    if name not in (listed := list(known)):
        raise InputError(f"a table must be one of {', '.join(listed)}; got {quoted(name)}; write {listed[0]!r}")
