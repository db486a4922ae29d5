"""Rotary positions as a GGUF file states them, in Hugging Face's terms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.errors import ModelError

if TYPE_CHECKING:
    from thermoscope.models.gguf.file import Array, GGUFFile
    from thermoscope.models.gguf.keys import Keys

#: What Llama 3.1 and later scale with, as (low frequency factor, high frequency factor, original context).
_LLAMA3 = (1.0, 4.0, 8192)


def rope_parameters(file: GGUFFile, keys: Keys, usual_base: float = 10000.0) -> dict[str, Any]:
    """The ``rope_parameters`` of a configuration.

    Raises
    ------
    ModelError
        The scaling is of a kind that is not known.
    """
    base = float(keys.get("rope.freq_base", usual_base))
    kind, factor = keys.get("rope.scaling.type"), keys.get("rope.scaling.factor")
    original, attention = keys.get("rope.scaling.original_context_length"), keys.get("rope.scaling.attn_factor")
    keys.get("rope.scaling.finetuned")
    default = {"rope_type": "default", "rope_theta": base}
    if "rope_factors_long.weight" in file.tensors:
        long, short = (file.read(f"rope_factors_{which}.weight").tolist() for which in ("long", "short"))
        return {
            **default, "rope_type": "longrope", "long_factor": long, "short_factor": short,
            "original_max_position_embeddings": original or keys.need("context_length"),
            "attention_factor": float(attention) if attention else 1.0,  # llama.cpp's default
        }  # fmt: skip
    if "rope_freqs.weight" in file.tensors:
        return default | _divided(file.read("rope_freqs.weight"), base, int(keys.need("context_length")))
    if kind in (None, "none"):  # files of older converters state the factor alone
        kind = "linear" if factor else None
    if not kind or not factor or factor == 1:
        return default
    if kind == "linear":
        return {**default, "rope_type": "linear", "factor": float(factor)}
    if kind == "yarn":
        betas = {
            name: float(value)
            for name in ("beta_fast", "beta_slow")
            if (value := keys.get(f"rope.scaling.yarn_{name}")) is not None
        }
        return {
            **default, "rope_type": "yarn", "factor": float(factor),
            "original_max_position_embeddings": original or keys.need("context_length"), **betas,
        } | ({"attention_factor": float(attention) * (0.1 * math.log(factor) + 1)} if attention else {})  # fmt: skip
    raise ModelError(
        f"the file {str(file.path)!r} scales rotary positions by {kind!r}, which is not supported; choose "
        "another model, or its original from the hub"
    )


def _divided(divisors: Array, base: float, context: int) -> dict[str, Any]:
    """Frequencies divided one by one: Llama 3's rule where it gives these divisors, else the divisors themselves."""
    low, high, original = _LLAMA3
    factor = float(divisors.max())
    size = 2 * divisors.size
    wavelengths = 2 * math.pi * base ** (np.arange(0, size, 2, dtype=np.float64) / size)
    smooth = np.clip((original / wavelengths - low) / (high - low), 0, 1)
    by_rule = 1 / ((1 - smooth) / factor + smooth)
    if factor > 1 and np.allclose(by_rule, divisors, rtol=1e-4):
        return {
            "rope_type": "llama3", "factor": round(factor, 4), "low_freq_factor": low, "high_freq_factor": high,
            "original_max_position_embeddings": original,
        }  # fmt: skip
    listed = divisors.tolist()
    return {
        "rope_type": "longrope", "long_factor": listed, "short_factor": listed, "attention_factor": 1.0,
        "original_max_position_embeddings": context,
    }  # fmt: skip
