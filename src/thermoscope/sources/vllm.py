r"""vLLM's logits processor with Thermoscope's chain and keyed noise: the token is drawn here, the rest is vLLM's.

``vllm serve MODEL --logits-processors thermoscope.sources.vllm:Keyed --no-async-scheduling``, in an environment with
``VLLM_USE_V2_MODEL_RUNNER=0``; requests then carry ``{"vllm_xargs": {"thermoscope": "{\"temperature\": 0.7}",
"thermoscope_seed": 3}}``. ``vllm_source.py`` uses the same class in this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.sources.keyed import KeyedRows, check_arguments

if TYPE_CHECKING:
    from torch import Tensor

    _Interface = object
else:
    try:
        from vllm.v1.sample.logits_processor import LogitsProcessor as _Interface
    except ImportError:  # the class can still be read and tested
        _Interface = object


class Keyed(_Interface):
    """vLLM's V1 logits processor that draws the tokens of requests with ``thermoscope`` among their extra arguments.

    Parameters
    ----------
    vllm_config, device, is_pin_memory
        As vLLM gives them.

    Raises
    ------
    InputError
        vLLM decodes speculatively, or schedules steps before the tokens of the last one are known.
    """

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        if vllm_config.speculative_config is not None:
            raise InputError("keyed draws need one token a step; got speculative decoding; start vLLM without it")
        if vllm_config.scheduler_config.async_scheduling:
            raise InputError(
                "keyed draws need the tokens so far; got asynchronous scheduling; start vLLM with --no-async-scheduling"
            )
        self._rows = KeyedRows()

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a request with bad arguments; vLLM answers it with this line.

        Raises
        ------
        InputError
            What ``check_arguments`` says.
        """
        check_arguments(sampling_params)

    def is_argmax_invariant(self) -> bool:
        """It decides which token is the largest."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow requests that are added, removed, moved and swapped."""
        if batch_update is not None:
            self._rows.update(batch_update.removed, batch_update.added, batch_update.moved)

    def apply(self, logits: Tensor) -> Tensor:
        """Leave the drawn token of every row of ours as the only one; logits (R, V), changed in place."""
        return self._rows.draw(logits)
