"""Bytes and text of a file: bounded, from a regular file or standard input alone, unpacked, in UTF-8.

Every failure on a path is one line, made here.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from thermoscope.errors import InputError

#: Bytes that a file of settings or a use case may have, unpacked.
MOST_SETTINGS = 4 * 2**20
#: Bytes that a file of texts or prompts may have, unpacked; and no more than this share of the free memory.
MOST_TEXTS, MEMORY_SHARE = 2**30, 8
#: Paths that stand for standard input.
STANDARD_INPUT = frozenset({"-", "/dev/stdin"})
#: What a compressed file begins with.
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
#: Characters of a path that are shown.
_MOST_SHOWN = 200


def shown(path: str | Path) -> str:
    """A path for a message, on one line; of a very long one its beginning and its end."""
    text = " ".join(str(path).splitlines()) or "''"
    return text if len(text) <= _MOST_SHOWN else f"{text[:100]}...{text[-80:]}"


def most_texts() -> int:
    """Bytes that a file of texts may have here and now."""
    import psutil

    return min(MOST_TEXTS, int(psutil.virtual_memory().available) // MEMORY_SHARE)


def kind_of(path: str | Path, what: str) -> str:
    """Whether a path is a ``"file"`` (standard input too) or a ``"folder"``.

    Raises
    ------
    InputError
        Nothing is there, it can't be looked at, or it is a device or a pipe.
    """
    if str(path) in STANDARD_INPUT:
        return "file"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  (Path.stat would be the same, of a str it needs a Path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from None
    if stat.S_ISDIR(mode):
        return "folder"
    _check_regular(path, what, mode)
    return "file"


def names_in(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder that end in ``suffix``, by name; InputError where it can't be listed."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(suffix))
    except OSError as error:
        raise _unreadable(folder, "a folder", error) from None


def read_bytes(path: str | Path, what: str, *, most: int = MOST_SETTINGS) -> bytes:
    """The bytes of a file, unpacked if it is compressed with gzip; ``-`` is standard input.

    Parameters
    ----------
    path
        A regular file, or ``-``.
    what
        What it is, for messages: "a setting", "the use case".
    most
        Bytes that it may have, unpacked.

    Raises
    ------
    InputError
        It can't be read, is no regular file, or is too large.
    """
    try:
        with _opened(path, what, most) as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from None
    if len(data) > most:
        raise _too_large(path, what, most)
    return _unpacked(data, path, what, most) if data.startswith(GZIP) else data


def read_text(path: str | Path, what: str, *, most: int = MOST_SETTINGS) -> str:
    """The text of a file in UTF-8, without a byte-order mark; parameters and errors as in ``read_bytes``."""
    return decoded(read_bytes(path, what, most=most), path, what)


def decoded(data: bytes, path: str | Path, what: str) -> str:
    """Bytes as UTF-8, without a byte-order mark.

    Raises
    ------
    InputError
        They are something else; the message names the line.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{shown(path)}: {what} must be UTF-8; this is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, start) + 1
        raise InputError(
            f"{shown(path)}, line {line}: {what} must be UTF-8; byte 0x{data[start]:02x} is not, as in Latin-1; "
            "convert it, for example with iconv -f latin1 -t utf-8"
        ) from None


def _opened(path: str | Path, what: str, most: int) -> AbstractContextManager[IO[bytes]]:
    if str(path) in STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.closed:
            raise InputError(f"{what} was to come from standard input, which is closed; name a file")
        return nullcontext(sys.stdin.buffer)
    # without O_NONBLOCK a pipe that nobody writes to would be waited for
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    try:
        found = os.fstat(file.fileno())
        _check_regular(path, what, found.st_mode)
        if found.st_size > most:
            raise _too_large(path, what, most)
    except InputError:
        file.close()
        raise
    return file


def _check_regular(path: str | Path, what: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device" if not stat.S_ISSOCK(mode) else "a socket"
        raise InputError(
            f"{shown(path)}: {what} must be a regular file; this is {kind}; save it in a file, or pipe it to -"
        )


def _unpacked(data: bytes, path: str | Path, what: str, most: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{shown(path)}: can't be unpacked ({error}); compress it again with gzip") from None
    if len(plain) > most:
        raise _too_large(path, what, most)
    return plain


def _too_large(path: str | Path, what: str, most: int) -> InputError:
    size = f"{most / 2**20:,.0f} MB" if most >= 2**20 else f"{most:,} bytes"
    return InputError(f"{shown(path)}: {what} may have {size}, unpacked; this has more; split it, or name another file")


def _unreadable(path: str | Path, what: str, error: OSError | ValueError) -> InputError:
    if isinstance(error, InputError):
        return error
    if isinstance(error, FileNotFoundError):
        return InputError(f"{shown(path)}: there is no such file or folder; check the path")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{shown(path)}: {what} must be a file; this is a folder; name a file in it")
    why = (error.strerror or str(error)) if isinstance(error, OSError) else "no path has such characters"
    return InputError(f"{shown(path)}: {what} can't be read ({why}); check the path")
