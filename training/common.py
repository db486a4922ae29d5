"""What every step shares: one-line errors, atomic files, tokenised documents, memory that is kept."""

import contextlib
import ctypes
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

END_OF_TEXT = "<|endoftext|>"
DEFAULT_RUN = Path("runs/bundled")


class BadInputError(Exception):
    """Input that breaks a rule; the text names the rule, the value and the fix."""


def run_step(main: Callable[[], None]) -> NoReturn:
    """Run a step's `main`; exit with 2 and one line on bad input, with 130 on Ctrl-C."""
    try:
        main()
    except BadInputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it was", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def need(path: Path, made_by: str) -> Path:
    """Return `path`, or raise `BadInputError` that names the step that makes it."""
    if not path.exists():
        raise BadInputError(f"the file or folder must exist: {path}; run python -m training.{made_by}")
    return path


def write_text(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_jsonl(path: Path) -> list[Any]:
    """Read a file of one JSON value per line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def append_jsonl(path: Path, value: Any) -> None:
    """Add one JSON line to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def progress(done: int, total: int, what: str) -> None:
    """Show `done` of `total`: rewritten in place on a terminal, at every tenth in a log."""
    if sys.stderr.isatty():
        print(f"\r{what}: {done}/{total}", end="\n" if done == total else "", file=sys.stderr)
    elif done == total or done % max(1, total // 10) == 0:
        print(f"{what}: {done}/{total}", file=sys.stderr)


def batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    """Cut a list into runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def keep_freed_memory() -> None:
    """Ask glibc to reuse large blocks instead of returning them to the system.

    A training step frees and takes the same large blocks over and over; each return costs page
    faults that were measured at two thirds of a step's time. Does nothing where there is no glibc.
    """
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)
        mallopt(m_top_pad, 2**28)
