"""Plain words: lists, counts, numbers and beginnings of sentences, as people read them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from thermoscope.language.saying import phrase, say, together, worded

#: How a text ended, by its finish reason.
ENDINGS: Mapping[str, str] = {
    "end_of_text": phrase("ended by itself"),
    "stop": phrase("ended at a stop string"),
    "length": phrase("reached the limit"),
}


def ending(reason: str, text: str) -> str:
    """How a text ended; a text that its limit cuts within a character, which is then not shown, says so."""
    ended = worded(ENDINGS[reason])
    return say("{ended} within a character", ended=ended) if text.endswith("\ufffd") else ended


def first_upper(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]


def joined(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; "" for none."""
    listed = list(names)
    if len(listed) < 2:
        return listed[0] if listed else ""
    return say("{first} and {last}", first=together(listed[:-1], ", "), last=listed[-1])


def short(value: float | None, unknown: str = phrase("unknown")) -> str:
    """Three digits: ``0.031``, ``0.310``, ``3.12``, ``31.2``, ``312``, ``1.2e4``."""
    if value is None:
        return worded(unknown)
    size = abs(value)
    if size >= 9999.5:
        return f"{value:.1e}".replace("e+0", "e")
    if size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.0005 else "0"


def estimate(value: float | None, low: float | None, high: float | None) -> str:
    """A value with its interval, as everywhere: ``0.037 (0.011 to 0.116)``; without one the value alone."""
    if low is None or high is None:
        return short(value)
    return say("{value} ({low} to {high})", value=short(value), low=short(low), high=short(high))


def count(number: int, name: str) -> str:
    """``1 prompt``, ``12 prompts``."""
    return say(f"{{number:,}} {name}{'' if number == 1 else 's'}", number=number)


def empty_texts(texts: Sequence[str]) -> str | None:
    """That texts are empty and what to try, a sentence or two; None if none is."""
    empty = sum(not text.strip() for text in texts)
    if not empty:
        return None
    return (
        f"{empty:,} of {count(len(texts), 'text')} {'is' if empty == 1 else 'are'} empty: the model ended at once. "
        "A chat model needs its chat template (--chat), another model a prompt that asks to go on."
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'top_p'?)"`` for a name that is nearly a known one; else ""."""
    close = difflib.get_close_matches(name, list(known), n=1) if len(name) <= _MOST_QUOTED else []
    return f" (did you mean {close[0]!r}?)" if close else ""


#: Characters of a value, and of a path or a name, that a message quotes at most.
_MOST_QUOTED, PATH = 60, 300


def quoted(value: object, most: int = _MOST_QUOTED) -> str:
    """What was given, on one line and not too long: at most ``most`` characters."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = (
            f"an integer of about {int(value).bit_length() * 3 // 10} digits" if isinstance(value, int) else _of(value)
        )
    except Exception:
        text = _of(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def _of(value: object) -> str:
    """A value that can't be written out."""
    return f"a {type(value).__name__}"
