"""How far penalties look back: engines count over the last so many tokens, we over all."""

from __future__ import annotations

from collections.abc import Callable

from thermoscope.engines.draft import Draft, Remark
from thermoscope.settings.stages import STAGE_OF

#: As many tokens as llama.cpp's penalties look back on: a whole context, as our penalties do.
LAST_N = 131072


def look_back(name: str, *, usual: int, everything: int) -> Callable[[Draft], None]:
    """What to do with the field that says how far penalties look back.

    Parameters
    ----------
    name
        The field.
    usual
        What it is where it is absent.
    everything
        The value with which penalties look back on all tokens.
    """

    def read(draft: Draft) -> None:
        penalties = [n for n in draft.values if STAGE_OF[n] in ("repetition", "penalties")]
        tokens = draft.fields.get(name, usual)
        if not penalties or tokens == everything or tokens >= LAST_N:
            return
        if tokens == 0:
            draft.ignore(penalties, f"does nothing with {name}=0")
        else:
            unless = "" if name in draft.fields else " unless it says otherwise"
            note = f"penalties look back on {tokens} tokens{unless}, ours on all"
            draft.different.append(Remark(name, draft.fields.get(name), note))

    return read
