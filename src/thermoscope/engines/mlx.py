"""mlx-lm, by its command line.

Every fact is from the commit that is named; docs/engines.md has the file.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, TextForm, words
from thermoscope.engines.values import is_number, once
from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import number_of, typed


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    flags = [word for name, value in fields.items() for word in (f"--{name}", typed(value))]
    return [Snippet("flags of mlx_lm.generate", "shell", " ".join(["mlx_lm.generate", *map(shlex.quote, flags)]))]


def _flags(text: str) -> dict[str, Any]:
    try:
        typed_words = shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise InputError(f"the command can't be read: {error}; fix the file") from None
    pairs: list[tuple[str, Any]] = []
    for word, after in zip(typed_words, [*typed_words[1:], "-"], strict=True):
        if not word.startswith("-") or is_number(word):
            continue  # the program, or the value of the flag before
        flag, sign, value = word.partition("=")
        value = value if sign else "" if after.startswith("-") and not is_number(after) else after
        name = _SHORT.get(flag, flag.lstrip("-"))
        if not value and name in MLX.neutral:
            raise InputError(f"{flag} must have a value; got none; write it after the flag, or take the flag out")
        pairs.append((name, number_of(value)))
    return once(pairs)


def _is_command(text: str) -> bool:
    return re.search(r"(?:^|[\s/])mlx_lm(?:\.(?:generate|chat|server))?\s", text) is not None


_SHORT = {"-p": "prompt", "-m": "max-tokens"}


MLX = Dialect(
    name="mlx-lm",
    version="commit 037c9b3",
    source="mlx_lm/sample_utils.py (make_sampler) and mlx_lm/generate.py",
    order=("top_p", "min_p", "top_k", "temperature"),
    names={"temperature": "temp", "top_p": "top-p", "min_p": "min-p", "top_k": "top-k"},
    neutral={"temp": 1.0, "top-p": 1.0, "min-p": 0.0, "top-k": 0},
    defaults={"temperature": 0.0},
    aside=words(
        "model prompt max-tokens seed system-prompt trust-remote-code adapter-path extra-eos-token prefill-response "
        "ignore-chat-template use-default-chat-template chat-template-config verbose max-kv-size prompt-cache-file "
        "kv-bits kv-group-size quantized-kv-start draft-model num-draft-tokens quantize-activations host port"
    ),
    masks={"min-tokens-to-keep": "keeps at least so many tokens",
           "xtc-probability": "removes the most probable tokens now and then, but never newlines and ends",
           "xtc-threshold": "is XTC's"},
    write=_write,
    form=TextForm("mlx_lm's command", _is_command, _flags),
)  # fmt: skip
ENTRIES = (MLX,)
