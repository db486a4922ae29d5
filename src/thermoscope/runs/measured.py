"""Texts from files, measured: what ``thermoscope measure FILE`` shows, writes and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.files.remote import Remote
from thermoscope.files.texts import Found
from thermoscope.metrics.ragged import Ragged
from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.params import SamplingParams
from thermoscope.shown import Page, as_pandas, check_table

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True, repr=False)
class Measured(Page):
    """Texts from files, measured; from ``measure_files``, or from a folder by ``open_measured``.

    Attributes
    ----------
    found
        The texts, N of them, and where they are from.
    settings
        The setting of each text: sampling parameters where the files say so, else a name.
    token_ids, ends
        Of each text its tokens, and how many characters of it each ends after.
    tables
        By name the tables of the methods below: "texts", "groups", "settings", "differences".
    claims
        The usual claims about temperature, as records; none where the files name no temperatures.
    notes
        What limits the measures, a sentence each.
    tokens
        What a token is: "words", or the model whose tokenizer cut the texts.
    ran
        What ran, with the command that reproduces it.
    thinking
        Measures of thinking that was measured apart, as in ``summary``, one record per setting and measure.
    folder
        Where all this is kept; None if it is not.
    """

    found: Found
    settings: tuple[SamplingParams | str, ...]
    token_ids: Ragged
    ends: Ragged
    tables: Mapping[str, pyarrow.Table]
    claims: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    tokens: str
    ran: WhatRan
    thinking: tuple[dict[str, Any], ...] = ()
    folder: Path | Remote | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts, each once."""
        return tuple(dict.fromkeys(self.found.prompts))

    def texts(self) -> pyarrow.Table:
        """One row per text, in the order of the files: the text, its prompt and setting, and every measure of it."""
        return self.tables["texts"]

    def groups(self) -> pyarrow.Table:
        """One row per prompt and setting."""
        return self.tables["groups"]

    def summary(self) -> pyarrow.Table:
        """One row per setting and measure: mean, interval and band."""
        return self.tables["settings"]

    def differences(self) -> pyarrow.Table:
        """One row per measure and pair of settings, paired by prompt."""
        return self.tables["differences"]

    def to_pandas(self, name: str = "texts") -> Any:
        """One of the tables as a pandas DataFrame.

        Parameters
        ----------
        name
            "texts", "groups", "summary" or "differences".

        Raises
        ------
        InputError
            There is no such table, or pandas is not installed.
        """
        check_table(name, ("texts", "groups", "summary", "differences"))
        return as_pandas(getattr(self, name)())

    def __repr__(self) -> str:
        return (
            f"Measured({', '.join(self.found.sources)!r}, texts={len(self.found.texts)}, "
            f"prompts={len(self.prompts)}, settings={len(set(self.settings))})"
        )
