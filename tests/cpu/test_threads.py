"""One thread for small work, and as many as before afterwards."""

from __future__ import annotations

import pytest
import torch

from thermoscope.cpu.threads import one_thread


@pytest.mark.parametrize(("when", "within"), [(True, 1), (False, 2)])
def test_small_work_gets_one_thread(when: bool, within: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), one_thread(when):
            assert torch.get_num_threads() == within
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
