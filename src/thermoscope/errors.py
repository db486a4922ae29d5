"""Every error that Thermoscope raises on purpose: one tree, one line of text each.

    ThermoscopeError
    ├── InputError (a ValueError)      a value that breaks a rule
    │   ├── ParameterError             ... in SamplingParams
    │   ├── PromptError                ... in a prompt: empty, longer than the context
    │   ├── OutputError                ... in where the result should go
    │   └── RunError                   ... in a run's folder: another run's, not one, in use
    ├── ModelError                     a model that can't be had or used
    │   ├── ModelNotFoundError         no such name, path or revision
    │   ├── ModelUnreachableError      not on this machine, and no network to fetch it
    │   ├── NotCausalLMError           there, but it does not continue text
    │   ├── TokenizerError             there, but without a usable tokenizer
    │   ├── ModelMemoryError           too large for the memory at hand
    │   └── BadLogitsError             its logits are not numbers
    └── EndpointError                  a server that can't be reached, refuses, or answers wrongly

    Interrupted (a KeyboardInterrupt)  carries what was finished

Each message is one line that names the rule, the value and the fix. The command line prints it and exits
with code 2. No module raises anything else for bad input.
"""

from __future__ import annotations

import re
from typing import Any

#: Characters of one word that a message quotes: of a longer one its beginning and its end are enough.
_LONGEST_WORD = 300


class ThermoscopeError(Exception):
    """Base of every error that Thermoscope raises on purpose; what its message quotes is shortened."""

    def __init__(self, *messages: object) -> None:
        super().__init__(*(_shortened(one) if isinstance(one, str) else one for one in messages))


def _shortened(message: str) -> str:
    if len(message) <= _LONGEST_WORD:
        return message
    return re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda word: f"{word.group()[:100]}...{word.group()[-80:]}", message)


class InputError(ThermoscopeError, ValueError):
    """A value breaks a rule; the message names the rule, the value and the fix."""


class ParameterError(InputError):
    """A sampling parameter is unknown, out of range or contradicts another."""


class PromptError(InputError):
    """A prompt is empty or does not fit the model's context."""


class OutputError(InputError):
    """A result can't be written where it was asked to go."""


class RunError(InputError):
    """A folder is no run, holds another one, or is being written by another process."""


class ModelError(ThermoscopeError):
    """A model can't be loaded or used."""


class ModelNotFoundError(ModelError):
    """No model under this name, path or revision."""


class ModelUnreachableError(ModelError):
    """The model is not on this machine and can't be fetched."""


class NotCausalLMError(ModelError):
    """The model is there, but it is not a causal language model."""


class TokenizerError(ModelError):
    """The model is there, but its tokenizer is missing or unusable."""


class ModelMemoryError(ModelError):
    """The model, or the rows in flight, need more memory than there is."""


class BadLogitsError(ModelError):
    """The model's logits hold NaN or no finite value."""


class EndpointError(ThermoscopeError):
    """A server can't be reached, refuses a request, or does not answer as its protocol says."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, CUDA or the CPU's allocator ran out of memory (the last says so in its message alone)."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or "allocate memory" in str(error)


class PluginWarning(UserWarning):
    """An installed package registers something that can't be loaded."""


class Interrupted(KeyboardInterrupt):
    """The user interrupted a job; ``finished`` is the result made of what was finished."""

    def __init__(self, finished: Any) -> None:
        super().__init__()
        self.finished = finished
