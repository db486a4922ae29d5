"""What vendors advise, with source and the day on which a stored copy of it was read.

Only what a model card, a README or a generation config says in so many words is here. A model's own
``generation_config.json``, where it comes with the weights, is read from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Advice:
    """One vendor's advice.

    Attributes
    ----------
    name
        What it is called: ``Qwen3, without thinking``.
    pattern
        A regular expression that is found in the names of the models that it is for, letter case apart.
    params
        The setting.
    source
        The document, as its owner names it.
    read
        When it was read.
    """

    name: str
    pattern: str
    params: dict[str, Any]
    source: str
    read: str


_READ = "2026-11-28"
_QWEN3 = "model card of Qwen/Qwen3-8B, Best Practices"
#: The first that fits a name is taken, with those of the same pattern.
ADVICE = (
    Advice("Qwen3 Instruct 2507", r"qwen3-.*instruct-2507", {"temperature": 0.7, "top_p": 0.8, "top_k": 20},
           "model card of Qwen/Qwen3-30B-A3B-Instruct-2507, Best Practices", _READ),
    Advice("Qwen3, thinking", r"qwen3-\d", {"temperature": 0.6, "top_p": 0.95, "top_k": 20}, _QWEN3, _READ),
    Advice("Qwen3, without thinking", r"qwen3-\d", {"temperature": 0.7, "top_p": 0.8, "top_k": 20}, _QWEN3, _READ),
    Advice("DeepSeek-R1", r"deepseek-r1", {"temperature": 0.6}, "README of deepseek-ai/DeepSeek-R1, Usage "
           "Recommendations (0.5 to 0.7; 0.6 recommended)", _READ),
    Advice("gpt-oss", r"gpt-oss", {"temperature": 1.0},
           "README of openai/gpt-oss, Recommended Sampling Parameters (temperature 1, top_p 1)", _READ),
    Advice("Mistral Small 3", r"mistral-small.*(2501|2503|2506)", {"temperature": 0.15},
           "model card of mistralai/Mistral-Small-24B-Instruct-2501", _READ),
    Advice("SmolLM3", r"smollm3", {"temperature": 0.6, "top_p": 0.95},
           "model card of HuggingFaceTB/SmolLM3-3B, How to use", _READ),
    Advice("SmolLM2 (its example)", r"smollm2", {"temperature": 0.2, "top_p": 0.9},
           "model card of HuggingFaceTB/SmolLM2-135M-Instruct, example code", _READ),
)  # fmt: skip


def advice_for(model: str) -> tuple[Advice, ...]:
    """The advice for a model by its name; none where nobody's is known."""
    name = model.lower()
    first = next((one for one in ADVICE if re.search(one.pattern, name)), None)
    return () if first is None else tuple(one for one in ADVICE if one.pattern == first.pattern)
