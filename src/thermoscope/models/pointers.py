"""What is found in the place of weights: pointers of Git LFS, which a clone without LFS leaves."""

from __future__ import annotations

from pathlib import Path

from thermoscope.errors import ModelNotFoundError

_LFS = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(path: Path) -> None:
    """Raise ModelNotFoundError if a file is a pointer of Git LFS and not what it points to."""
    with path.open("rb") as handle:
        start = handle.read(len(_LFS))
    if start == _LFS:
        raise ModelNotFoundError(
            f"the file {str(path)!r} is a Git LFS pointer, not the weights; run git lfs pull in its folder, or "
            "download the file itself"
        )
