"""What is said when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from thermoscope.errors import ModelMemoryError, is_out_of_memory
from thermoscope.models.base import Model


@contextmanager
def memory_errors_explained(model: Model) -> Iterator[None]:
    """Turn an out-of-memory error while decoding, from whatever library, into a ModelMemoryError that says the fix."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ModelMemoryError(
            f"out of memory on {model.device} while decoding; use fewer rows at a time (max_rows), shorter texts, "
            "or a smaller model"
        ) from error
