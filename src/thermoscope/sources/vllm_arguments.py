"""What vLLM in this process is told: which of its arguments are the user's to give. It loads nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thermoscope.errors import InputError
from thermoscope.models.names import ModelName
from thermoscope.words import nearest

#: Arguments of vLLM's that have options of their own, or that the draw and its records depend on.
_OURS = frozenset({
    "model", "tokenizer", "tokenizer_mode", "skip_tokenizer_init", "trust_remote_code", "revision", "dtype", "seed",
    "logits_processors", "generation_config", "async_scheduling", "speculative_config", "spec_method", "spec_model",
    "spec_tokens", "runner", "convert", "model_weights", "served_model_name", "enable_prompt_embeds",
})  # fmt: skip
#: Arguments that spread one model over processes, where records can't be read.
_SPREAD = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "distributed_executor_backend")


def check_in_vllm(name: ModelName, device: str | None, arguments: Mapping[str, Any]) -> None:
    """Refuse what vLLM in this process can't heed, as far as it tells without vLLM, which takes long to open.

    Parameters
    ----------
    name
        Of a model for which ``runs_in_process`` is true.
    device
        Where it is to run.
    arguments
        vLLM's own (``-M``).

    Raises
    ------
    InputError
        A device is given, or an argument that is not the user's to give.
    """
    if device is not None:
        raise InputError(f"vLLM chooses the device of {name.given} itself; got {device!r}; leave device out")
    for argument, value in arguments.items():
        if argument in _OURS:
            raise InputError(f"-M {argument} is set by Thermoscope itself; got {value!r}; leave it out")
        if argument in _SPREAD and value != 1:
            raise InputError(
                f"-M {argument} spreads a model over processes, where records of tokens can't be read; got {value!r}; "
                "leave it out, or start a server"
            )


def check_known(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse arguments that vLLM does not know; vLLM itself checks the values.

    Raises
    ------
    InputError
        One of them is such.
    """
    for name in given:
        if name not in known:
            raise InputError(f"-M {name} is unknown to vLLM{nearest(name, known)}; leave it out")
