"""Orders of stages that are known by name: those of the engines, with the stages that each engine has."""

from __future__ import annotations

from collections.abc import Mapping

from thermoscope.settings.stages import STAGES

#: Orders by name (docs/engines.md has the sources). llama.cpp runs temperature last, so truncation sees the untempered
#: distribution. SGLang takes top_k and top_p of the same distribution ("jointly"), which is what top_p before top_k
#: gives.
ORDERS: Mapping[str, tuple[str, ...]] = {
    "transformers": tuple(STAGES),
    "vllm": ("min_new_tokens", "logit_bias", "repetition", "penalties", "temperature", "min_p", "top_k", "top_p"),
    "llama.cpp": (
        "logit_bias", "min_new_tokens", "repetition", "penalties", "dry", "top_n_sigma", "top_k", "typical_p", "top_p",
        "min_p", "xtc", "temperature", "mirostat", "adaptive_p",
    ),
    "sglang": ("min_new_tokens", "penalties", "repetition", "logit_bias", "temperature", "top_p", "top_k", "min_p"),
}  # fmt: skip


def order_name(order: tuple[str, ...]) -> str | None:
    """The name of an order, or None if it has none."""
    return next((name for name, stages in ORDERS.items() if stages == order), None)
