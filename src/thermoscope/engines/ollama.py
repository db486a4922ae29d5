"""Ollama.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, TextForm, as_json, words
from thermoscope.engines.opaque import THREE, Opaque
from thermoscope.engines.penalties import look_back, one_window
from thermoscope.engines.values import once
from thermoscope.errors import InputError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import number_of, typed

_QUOTES = '"""'
#: What a line of a Modelfile may begin with.
_COMMANDS = words("FROM PARAMETER SYSTEM TEMPLATE ADAPTER LICENSE MESSAGE RENDERER PARSER REQUIRES DRAFT")


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
    for number, command, rest in _commands(text):
        if command != "PARAMETER":
            continue
        name, _, value = rest.partition(" ")
        name, value = name.lower(), _unquoted(value.strip())
        if not value:
            raise InputError(
                f"line {number}: a PARAMETER must have a name and a value; got {f'PARAMETER {rest}'[:60]!r}; "
                "write PARAMETER temperature 0.7, or take the line out"
            )
        if name == "stop":  # as many as one likes
            stops.append(value)
        else:
            pairs.append((name, number_of(value)))
    return once([*pairs, *([("stop", stops)] if stops else [])])


def _commands(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, command, what follows): a value in three double quotes goes on over lines."""
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        command, _, rest = line.strip().replace("\t", " ").partition(" ")
        rest = rest.strip()
        start = rest.partition(" ")[2].strip() if command.upper() in ("PARAMETER", "MESSAGE") else rest
        if start.startswith(_QUOTES) and _QUOTES not in start[len(_QUOTES) :]:
            for _, more in lines:
                rest += f"\n{more}"
                if _QUOTES in more:
                    break
        if command and not command.startswith("#"):
            yield number, command.upper(), rest


def _unquoted(value: str) -> str:
    for mark in (_QUOTES, '"'):
        if len(value) >= 2 * len(mark) and value.startswith(mark) and value.endswith(mark):
            return value[len(mark) : -len(mark)]
    return value


def _is_modelfile(text: str) -> bool:
    first = next(((command, rest) for _, command, rest in _commands(text)), None)
    return first is not None and first[0] in _COMMANDS and bool(first[1])


def _use_only_options(draft: Draft) -> None:
    """Fields of a request that stand outside ``options`` do nothing."""
    if "model" in draft.fields and {"prompt", "messages"} & draft.fields.keys():
        names = {theirs: ours for ours, theirs in OLLAMA.names.items()}
        why = "stands outside options, where Ollama does not look"
        for name in draft.fields:
            if name in names:
                draft.values.pop(names[name], None)
                draft.remark(name, why)
            elif name in OLLAMA.neutral:
                draft.remark(name, why)
        draft.added |= OLLAMA.defaults
        draft.values |= OLLAMA.defaults


OLLAMA = Dialect(
    name="ollama",
    version="commit 0117cd8",
    source="docs/modelfile.mdx, api/types.go; GGUF models run on llama.cpp, whose default order it keeps",
    order=tuple(s for s in ORDERS["llama.cpp"] if s in ("repetition", "penalties", "top_k", "typical_p", "top_p",
                                                        "min_p", "temperature")),
    names={"temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
           "typical_p": "typical_p", "repetition_penalty": "repeat_penalty", "presence_penalty": "presence_penalty",
           "frequency_penalty": "frequency_penalty", "repetition_last_n": "repeat_last_n",
           "penalties_last_n": "repeat_last_n"},
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0,
             "repeat_last_n": -1, "presence_penalty": 0.0, "frequency_penalty": 0.0},
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.9},
    penalties_count_prompt=True,
    aside=words(
        "num_ctx num_predict seed stop num_keep num_gpu num_thread num_batch model prompt messages stream use_mmap "
        "main_gpu numa draft_num_predict keep_alive system template context raw think images suffix tools"
    ),
    masks={"format": "keeps the text to a form"},
    deprecated=words(
        "penalize_newline low_vram f16_kv logits_all vocab_only use_mlock mirostat mirostat_tau mirostat_eta"
    ),
    absent="the model that FROM or the request names may set them; if it does not, Ollama's defaults stand, as here",
    write=_write,
    inside="options",
    form=TextForm("a Modelfile", _is_modelfile, _modelfile),
    finish=(_use_only_options, look_back("repeat_last_n", usual=64, everything=-1, off=0)),
    edges=one_window,
    opaque={"reasoning_effort": Opaque("think", ("none", *THREE), off={"think": False}, request="/api/chat")},
)  # fmt: skip
ENTRIES = (OLLAMA,)
