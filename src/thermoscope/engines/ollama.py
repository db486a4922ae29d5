"""Ollama.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import re
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, TextForm, as_json, words
from thermoscope.engines.penalties import look_back
from thermoscope.engines.values import once
from thermoscope.errors import InputError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import number_of, typed


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    lines = [f"PARAMETER {name} {typed(value)}" for name, value in fields.items()]
    return [
        Snippet("Modelfile", "dockerfile", "\n".join(lines)),
        Snippet("options of a request to /api/generate", "json", as_json({"options": fields})),
    ]


def _modelfile(text: str) -> dict[str, Any]:
    pairs: list[tuple[str, Any]] = []
    stops: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split(None, 2)
        if not parts or parts[0].upper() != "PARAMETER":
            continue
        if len(parts) < 3:
            what = " ".join(parts)
            raise InputError(
                f"line {number}: a PARAMETER must have a name and a value; got {what!r}; "
                "write PARAMETER temperature 0.7, or take the line out"
            )
        name, value = parts[1].lower(), parts[2].strip()
        if name == "stop":  # as many as one likes
            stops.append(value)
        else:
            pairs.append((name, number_of(value)))
    return once([*pairs, *([("stop", stops)] if stops else [])])


def _is_modelfile(text: str) -> bool:
    return re.search(r"^\s*PARAMETER\s", text, flags=re.MULTILINE | re.IGNORECASE) is not None


OLLAMA = Dialect(
    name="ollama",
    version="commit 0117cd8",
    source="docs/modelfile.mdx, api/types.go; GGUF models run on llama.cpp, whose default order it keeps",
    order=tuple(s for s in ORDERS["llama.cpp"] if s in ("repetition", "penalties", "top_k", "typical_p", "top_p",
                                                        "min_p", "temperature")),
    names={"temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
           "typical_p": "typical_p", "repetition_penalty": "repeat_penalty", "presence_penalty": "presence_penalty",
           "frequency_penalty": "frequency_penalty"},
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0,
             "repeat_last_n": -1, "presence_penalty": 0.0, "frequency_penalty": 0.0},
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.9},
    penalties_count_prompt=True,
    aside=words(
        "num_ctx num_predict seed stop num_keep num_gpu num_thread num_batch model prompt stream use_mmap "
        "main_gpu numa"
    ),
    write=_write,
    inside="options",
    form=TextForm("a Modelfile", _is_modelfile, _modelfile),
    heeds=(look_back("repeat_last_n", usual=64, everything=-1),),
)  # fmt: skip
ENTRIES = (OLLAMA,)
