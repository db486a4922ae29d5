"""vLLM.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, TextForm, as_json, words
from thermoscope.engines.opaque import LEVELS, Opaque
from thermoscope.engines.served import COMMON, bias_by_token
from thermoscope.engines.values import once
from thermoscope.errors import InputError
from thermoscope.files.parsing import json_value
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import number_of

#: The option of ``vllm serve`` that holds settings.
_OVERRIDE = "--override-generation-config"


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    inside = dict(fields)
    if params.logit_bias:
        inside["logit_bias"], fields["logit_bias"] = bias_by_token(params, int), bias_by_token(params)
    call = "".join(f"    {name}={value!r},\n" for name, value in inside.items() if value is not None)
    served = {name: value for name, value in fields.items() if value is not None}
    return [
        Snippet("Python", "python", f"SamplingParams(\n{call})"),
        Snippet("body of a request to the server", "json", as_json(served)),
    ]


def _fields(text: str) -> dict[str, Any]:
    return _command(text) if _is_command(text) else _call(text)


def _call(text: str) -> dict[str, Any]:
    """The values of the one call ``SamplingParams(...)`` in a piece of Python, as a log or a program has it."""
    try:
        nodes = list(ast.walk(_parsed(text.strip())))
        calls = [node for node in nodes if isinstance(node, ast.Call) and _name_of(node.func) == "SamplingParams"]
        if len(calls) != 1:
            raise InputError(f"there must be one SamplingParams(...); got {len(calls)}; keep one")
        call = calls[0]
        pairs = [(keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except InputError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise InputError("SamplingParams(...) must be one call with plain values by name; fix the file") from None
    if call.args or any(name is None for name, _ in pairs):
        raise InputError("SamplingParams(...) must have its values by name; write temperature=0.7")
    return once((str(name), value) for name, value in pairs)


def _parsed(text: str) -> ast.AST:
    """A program, or the call alone where it stands in a line of a log."""
    try:
        return ast.parse(text)
    except SyntaxError:
        start = text.index("SamplingParams")
        depth = 0
        for end, character in enumerate(text[start:], start + 1):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == ")" and depth == 0:
                return ast.parse(text[start:end])
        raise


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _command(text: str) -> dict[str, Any]:
    """What ``vllm serve ... --override-generation-config`` gives, whole as JSON or field by field with dots."""
    try:
        typed = shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise InputError(f"the command can't be read: {error}; fix the file") from None
    pairs: list[tuple[str, Any]] = []
    while typed:
        flag, sign, value = typed.pop(0).partition("=")
        if not flag.startswith(_OVERRIDE):
            pairs += [(flag.lstrip("-").replace("-", "_"), True)] if flag.startswith("--") else []
            continue
        value = value if sign else typed.pop(0) if typed else ""
        if name := flag.removeprefix(_OVERRIDE).removeprefix("."):
            pairs.append((name, number_of(value)))
        else:
            pairs += _object(value).items()
    return once(pairs)


def _object(value: str) -> dict[str, Any]:
    found = json_value(value, _OVERRIDE)
    if not isinstance(found, dict):
        raise InputError(f"{_OVERRIDE} must be a JSON object; got {value[:60]!r}; write '{{\"temperature\": 0.7}}'")
    return found


def _is_command(text: str) -> bool:
    return _OVERRIDE in text or re.search(r"(?:^|\s)vllm\s+serve\s", text) is not None


def _is_call(text: str) -> bool:
    return re.search(r"(?:^|[^\w.])(?:\w+\.){0,9}SamplingParams\s*\(", text) is not None


def _is_either(text: str) -> bool:
    return _is_command(text) or _is_call(text)


def _is_whole(text: str) -> bool:
    """Whether nothing comes from the model: a call, or a server that is told to look at vLLM's own defaults alone."""
    return not _is_command(text) or re.search(r"--generation-config[=\s]+[\"']?vllm\b", text) is not None


_SERVED = words(
    "model messages prompt stream n seed stop stop_token_ids max_tokens max_completion_tokens logprobs top_logprobs "
    "prompt_logprobs skip_special_tokens user stream_options echo tools tool_choice add_generation_prompt "
    "chat_template_kwargs chat_template include_stop_str_in_output spaces_between_special_tokens detokenize "
    "truncate_prompt_tokens output_kind priority extra_args reasoning_effort thinking_token_budget "
    "include_reasoning request_id suffix "
    "host port served_model_name tensor_parallel_size tp pipeline_parallel_size data_parallel_size max_model_len "
    "gpu_memory_utilization dtype quantization kv_cache_dtype max_num_seqs max_num_batched_tokens trust_remote_code "
    "enforce_eager enable_prefix_caching enable_chunked_prefill api_key download_dir tokenizer revision "
    "enable_auto_tool_choice tool_call_parser reasoning_parser enable_lora lora_modules generation_config "
    "parallel_tool_calls documents mm_processor_kwargs add_special_tokens return_token_ids cache_salt"
)
_FORM = "keeps the text to a form"
_MASKS = {
    "ignore_eos": "goes on behind the end of the text",
    "bad_words": "forbids words", "allowed_token_ids": "allows some tokens alone",
    "logits_processors": "runs other code on the logits", "best_of": "picks among so many texts",
    "use_beam_search": "searches beams", "length_penalty": "is for beams", "response_format": _FORM,
    "structured_outputs": _FORM, "guided_decoding": _FORM, "guided_json": _FORM, "guided_regex": _FORM,
    "guided_choice": _FORM, "guided_grammar": _FORM, "vllm_xargs": "is for other code",
}  # fmt: skip


VLLM = Dialect(
    name="vllm",
    version="0.33.0, parameters checked at commit 00388f6",
    source="vllm/sampling_params.py and vllm/v1/sample/sampler.py",
    order=ORDERS["vllm"],
    names=COMMON | {"min_new_tokens": "min_tokens"},
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
             "presence_penalty": 0.0, "frequency_penalty": 0.0, "min_tokens": 0, "logit_bias": None},
    ranges={"temperature": (0.01, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    aside=_SERVED,
    masks=_MASKS,
    absent="the server takes what the model's generation_config.json says, and switches off the rest; here it is off",
    inherits=words("temperature top_k top_p min_p repetition_penalty"),
    opaque={
        "reasoning_effort": Opaque("reasoning_effort", LEVELS),
        "thinking_budget": Opaque("thinking_token_budget"),
    },
    write=_write,
    form=TextForm("SamplingParams(...)", _is_either, _fields, whole=_is_whole),
)  # fmt: skip
ENTRIES = (VLLM,)
