"""Which errors of the libraries below mean that memory has run out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from thermoscope.errors import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_numpys_own_is_one() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**62, dtype=np.int8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("another fault"), ValueError("memory"), KeyError()])
def test_other_errors(error: Exception) -> None:
    assert not is_out_of_memory(error)
