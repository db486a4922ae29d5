"""Reference statistics of text by people, scored under the model at hand: windows of 200 words, cut to a length.

Such text is plain: passages with a line of three asterisks between them, below lines that begin with ``#`` and say
where it is from (the one that begins with ``# Source:`` in a few words). Eight windows of different passages stand
together in place of eight samples of one prompt: they are less alike than samples of one prompt can be.

The first 12 words of a window are read as a prompt and are not measured, as those of generated texts are not: without
anything before it the beginning of a text is unlikely, and drift would be lower than that of any text after a prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from thermoscope.errors import InputError
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.scoring import score
from thermoscope.metrics.table import group_values, text_values
from thermoscope.metrics.texts import Texts
from thermoscope.models.base import Model
from thermoscope.statistics.reference import FORMAT, tokenizer_id

#: Words of a window that are read before what is measured, about as many as a prompt has.
LEAD = 12
#: Words of a window, windows that stand in place of the samples of a prompt, and the fewest such groups.
WORDS, GROUP, FEWEST = 200, 8, 2


def text_id(text: str) -> str:
    """Sixteen hexadecimal digits of a reference text and of how it is cut."""
    return hashlib.sha256(f"{LEAD} of {WORDS} words\n{text}".encode()).hexdigest()[:16]


def source_of(text: str) -> str:
    """What the text says of where it is from, or "text by people"."""
    found = re.search(r"^# Source: *(\S.*)$", text, re.MULTILINE)
    return found.group(1).strip() if found else "text by people"


def windows(text: str) -> list[str]:
    """Whole windows of 200 words, so ordered that neighbours are of different passages."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    cut = []
    for passage in re.split(r"^ *\* *\* *\* *$", body, flags=re.MULTILINE):
        words = list(re.finditer(r"\S+", passage))
        whole = range(0, len(words) - WORDS + 1, WORDS)
        cut.append([passage[words[i].start() : words[i + WORDS - 1].end()] for i in whole])
    return [window for turn in zip_longest(*cut) for window in turn if window is not None]


def after_lead(window: str) -> tuple[str, str]:
    """The words of a window that are read as a prompt, and the rest, which is measured."""
    words = re.match(rf"\s*(?:\S+\s+){{{LEAD - 1}}}\S+", window)
    end = 0 if words is None else words.end()
    return window[:end], window[end:]


def enough_windows(text: str) -> list[str]:
    """The windows of a reference.

    Raises
    ------
    InputError
        They are too few.
    """
    cut = windows(text)
    if len(cut) < FEWEST * GROUP:
        raise InputError(
            f"a reference must have at least {FEWEST * GROUP} windows of {WORDS} words; got {len(cut)}; "
            "add passages, with a line of three asterisks between them"
        )
    return cut


def reference_of(
    model: Model, text: str, length: int, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any] | str:
    """Means and standard deviations of all measures over windows of ``length`` tokens, or why there are none.

    Parameters
    ----------
    model
        Its tokenizer cuts the windows, and it scores them.
    text
        The text.
    length
        Tokens of the texts that are to be compared; longer windows are cut, shorter ones left out.
    on_progress
        Called with (windows read, windows in all).

    Raises
    ------
    InputError
        The text has too few windows.
    """
    cut = enough_windows(text)
    leads, texts = zip(*map(after_lead, cut), strict=True)
    scored = score(model, leads, texts, raw=True, most=length, on_progress=on_progress)
    long = np.flatnonzero(scored.tokens.lengths >= length)
    if len(long) < FEWEST * GROUP:
        return (
            f"of the reference's {len(cut)} windows of {WORDS} words {len(long)} have the {length} tokens of the "
            "texts, and measures depend on length"
        )
    columns = Texts(
        tokens=scored.tokens.take(long),
        ends=scored.ends.take(long),
        strings=[texts[i][: scored.ends.row(i)[-1]] for i in long.tolist()],
        prompts=[str(i // GROUP) for i in range(len(long))],
        settings=[""] * len(long),
        logprobs=scored.logprobs.take(long),
        entropies=scored.entropies.take(long),
        length=length,
    )
    return {
        "format": FORMAT,
        "source": source_of(text),
        "text": text_id(text),
        "groups": f"{GROUP} windows of different passages in place of {GROUP} samples of one prompt",
        "perplexity": f"mean and sd are of its logarithm; every window is read after its first {LEAD} words",
        "model": model.name,
        "revision": model.revision,
        "tokenizer": tokenizer_id(model),
        "windows": [_statistics(columns, length)],
    }


def _statistics(columns: Texts, length: int) -> dict[str, Any]:
    of_texts = text_values(columns)
    of_groups = group_values(columns, of_texts)
    whole = columns.groups == GROUP
    found: dict[str, Any] = {
        "tokens": length,
        "windows": len(columns),
        "groups": int(whole.sum()),
        "mean": {},
        "sd": {},
    }
    for m in MEASURES.values():
        if m.level == "setting":
            continue
        values: Array = of_texts[m.name] if m.level == "text" else of_groups[m.name][whole]
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values) if m.scale == "log" else values
        values = values[np.isfinite(values)]
        if len(values) > 1:
            found["mean"][m.summary_name] = round(float(values.mean()), 6)
            found["sd"][m.summary_name] = round(float(values.std(ddof=1)), 6)
    return found
