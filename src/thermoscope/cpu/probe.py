"""What this environment has for work on the CPU, found out once: compiled loops, their cache, oneDNN's products.

Every loop and product has a twin in torch or numpy that gives the same results more slowly. The twins are used where
something is missing, and while loops would have to be compiled first: that takes longer than a small job, and nobody
is to wait for it before the first text.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import Literal

from thermoscope.cpu.sources import state_of_sources

#: Groups of loops, each with the one that shows whether they are compiled already.
Part = Literal["sampling", "attention", "texts"]
_SHOWS: dict[Part, str] = {
    "sampling": "draw_loops.draw",
    "attention": "attention_loops.attend",
    "texts": "text_loops.count",
}
#: From so many tokens on that are still to be decoded, or measured, compiling is worth its half a minute.
_REPAYS: dict[Part, int] = {"sampling": 20_000, "attention": 20_000, "texts": 1_000_000}
#: Operators of torch that packed products use.
_OPERATORS = (
    "_linear_pointwise", "_reorder_linear_weight", "_is_mkldnn_bf16_supported", "_nbytes", "data_ptr",
)  # fmt: skip

#: Groups whose loops are used in this process although they were not compiled when it began.
_repaid: set[Part] = set()


def use_loops() -> None:
    """Use compiled loops in this process, whether or not they have to be compiled first."""
    _repaid.update(_SHOWS)


def loops(part: Part) -> bool:
    """Whether a group's compiled loops are used: numba is there, and they are compiled or that is worth it."""
    return (part in _repaid or _are_compiled(part)) and _import_fault() is None


def text_is_there(tokens_left: int) -> None:
    """Say that a job has its first text, with so many tokens to decode: from here on loops may be compiled."""
    _repaid.update(part for part in ("sampling", "attention") if tokens_left >= _REPAYS[part])


def measures(tokens: int) -> bool:
    """Whether texts of so many tokens are measured by compiled loops."""
    if tokens >= _REPAYS["texts"]:
        _repaid.add("texts")
    return loops("texts")


def numba_fault() -> str | None:
    """Why there are no compiled loops; None if there are, as far as can be said without importing numba."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed"
    wanted = "numba" in sys.modules or _repaid or any(_are_compiled(part) for part in _SHOWS)
    return _import_fault() if wanted else None


@cache
def _import_fault() -> str | None:
    """Why numba can't be imported; None if it can."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed"
    try:
        import numba.extending  # noqa: F401
    except Exception as error:  # it refuses versions of numpy that it doesn't know
        return f"numba can't be imported: {error}".splitlines()[0]
    return None


@cache
def cache_fault() -> str | None:
    """Why compiled loops are not kept on disk; None if they are."""
    if any(_is_writable(folder) for folder in _folders()):
        return None
    return f"none of {', '.join(str(folder) for folder in _folders())} can be written"


@cache
def onednn_fault() -> str | None:
    """Why there are no packed products of oneDNN's; None if there are."""
    import torch

    if not getattr(torch._C, "_has_mkldnn", False):
        return "this build of torch has no oneDNN"
    missing = [name for name in _OPERATORS if not hasattr(torch.ops.mkldnn, name)]
    if missing:
        return f"torch {torch.__version__} has no operator mkldnn.{missing[0]}"
    try:
        x, weight = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 32)
        once = torch.ops.mkldnn._linear_pointwise.default(x, packed, None, "none", [], "")
        twice = torch.ops.mkldnn._linear_pointwise.binary(x, once, packed, None, "add")
        right = torch.allclose(once, x @ weight.t()) and torch.allclose(twice, 2 * once)
    except Exception as error:  # whatever an operator with other arguments raises
        return f"torch {torch.__version__}: {type(error).__name__} from mkldnn._linear_pointwise"
    return None if right else f"torch {torch.__version__}: mkldnn._linear_pointwise gives other numbers"


def missing() -> tuple[str, ...]:
    """What is missing here, a line for each piece."""
    said = []
    if fault := numba_fault():
        said.append(f"loops are torch's and numpy's, which is slower: {fault}")
    elif fault := cache_fault():
        said.append(f"compiled loops are not kept for the next time: {fault}; set NUMBA_CACHE_DIR")
    if numba_fault() is None and not loops("sampling"):
        said.append("loops are not compiled yet, so torch's and numpy's do what is small")
    if fault := onednn_fault():
        said.append(f"no packed products by oneDNN: {fault}")
    if numba_fault() is None and loops("attention"):
        from thermoscope.cpu.compiled import openmp_parallel

        if not openmp_parallel():
            said.append("loops run on Python's threads: torch's OpenMP is not GNU's")
    return tuple(said)


@cache
def _are_compiled(part: Part) -> bool:
    """Whether a group was compiled, for these sources, before this process began."""
    pattern = f"{_SHOWS[part]}_{state_of_sources()}-*.nbi"
    return any(next(folder.glob(pattern), None) is not None for folder in _folders() if folder.is_dir()) or any(
        next(folder.glob(f"*/{pattern}"), None) is not None for folder in _folders()[-1:] if folder.is_dir()
    )


@cache
def _folders() -> tuple[Path, ...]:
    """Where numba keeps what it compiles, in the order in which it tries them; the last one has a folder for each."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return (Path(given),)
    return Path(__file__).parent / "__pycache__", Path.home() / ".cache" / "numba"


def _is_writable(folder: Path) -> bool:
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK)
