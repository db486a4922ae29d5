"""What the makers of models recommend for sampling, as facts, and the forms that people write it in.

Each value is from the maker's own model card or generation_config.json, as of autumn 2026; ``None`` is a parameter that
it does not name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recommended:
    """A recommendation: the family, a model of it, and its values."""

    family: str
    model: str
    temperature: float
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    end: tuple[int, ...] = (2,)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters that it names, by our names."""
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


FAMILIES = (
    Recommended("Qwen3", "Qwen/Qwen3-8B", 0.6, 0.95, 20, 0.0, end=(151645, 151643)),
    Recommended("Qwen3", "Qwen/Qwen3-8B", 0.7, 0.8, 20, 0.0, presence_penalty=1.5, end=(151645, 151643)),
    Recommended("Qwen3", "Qwen/Qwen3-Coder-30B-A3B-Instruct", 0.7, 0.8, 20, repetition_penalty=1.05),
    Recommended("Qwen2.5", "Qwen/Qwen2.5-7B-Instruct", 0.7, 0.8, 20, repetition_penalty=1.05, end=(151645, 151643)),
    Recommended("DeepSeek", "deepseek-ai/DeepSeek-R1", 0.6, 0.95, end=(1,)),
    Recommended("DeepSeek", "deepseek-ai/DeepSeek-V3-0324", 0.3, end=(1,)),
    Recommended("Llama 3", "meta-llama/Llama-3.1-8B-Instruct", 0.6, 0.9, end=(128001, 128008, 128009)),
    Recommended("Gemma 3", "google/gemma-3-12b-it", 1.0, 0.95, 64, end=(1, 106)),
    Recommended("Mistral", "mistralai/Mistral-Small-3.2-24B-Instruct-2506", 0.15),
    Recommended("Mistral", "mistralai/Magistral-Small-2506", 0.7, 0.95),
    Recommended("Phi-4", "microsoft/Phi-4-reasoning", 0.8, 0.95, 50, end=(100265,)),
    Recommended("gpt-oss", "openai/gpt-oss-20b", 1.0, 1.0, end=(200002, 199999, 200012)),
    Recommended("GLM", "zai-org/GLM-4.5-Air", 0.6, 0.95, end=(151329, 151336, 151338)),
    Recommended("Kimi", "moonshotai/Kimi-K2-Instruct", 0.6, end=(163586,)),
    Recommended("SmolLM3", "HuggingFaceTB/SmolLM3-3B", 0.6, 0.95, end=(128012,)),
)


def _config(of: Recommended) -> dict[str, Any]:
    named = {name: value for name, value in of.values.items() if name != "presence_penalty"}
    return {"bos_token_id": 1, "do_sample": True, "eos_token_id": list(of.end), "pad_token_id": 0, **named,
            "transformers_version": "4.51.0"}  # fmt: skip


def _llama(of: Recommended) -> dict[str, Any]:
    names = {"repetition_penalty": "repeat_penalty"}
    return {names.get(name, name): value for name, value in of.values.items()}


def _flags(values: dict[str, Any]) -> str:
    named = {"temperature": "temp"}
    return " ".join(f"--{named.get(name, name).replace('_', '-')} {value}" for name, value in values.items())


def _chat(of: Recommended) -> dict[str, Any]:
    return {"model": of.model, "messages": [{"role": "user", "content": "Hello"}]}


def _ollama(of: Recommended) -> dict[str, Any]:
    return {**_llama(of), "num_ctx": 32768, "num_predict": 1024, "stop": ["<|im_end|>"]}


_SERVE = "--tensor-parallel-size 2 --max-model-len 32768 --reasoning-parser qwen3 --enable-auto-tool-choice"

#: Form -> (engine, file name, text).
FORMS: dict[str, Callable[[Recommended], tuple[str | None, str, str]]] = {
    "generation_config.json": lambda of: ("transformers", "generation_config.json", json.dumps(_config(of))),
    "dump of every field": lambda of: (
        "transformers", "generation_config.json",
        json.dumps({"max_length": 20, "min_length": 0, "num_beams": 1, "early_stopping": False, "use_cache": True,
                    "typical_p": 1.0, "no_repeat_ngram_size": 0, "bad_words_ids": None, "length_penalty": 1.0,
                    "output_scores": False, "num_return_sequences": 1, "top_k": 0, **_config(of)}),
    ),
    "arguments of generate": lambda of: (
        "transformers", "kwargs.json", json.dumps({"do_sample": True, "max_new_tokens": 512, "top_k": 0, **of.values}
                                                  | {"presence_penalty": None}),
    ),
    "SamplingParams": lambda of: (
        None, "run.py",
        "from vllm import LLM, SamplingParams\n\n"
        f"llm = LLM(model={of.model!r}, max_model_len=32768)\n"
        f"params = SamplingParams({', '.join(f'{n}={v}' for n, v in of.values.items())}, max_tokens=2048, "
        f"stop_token_ids={list(of.end)})\nprint(llm.generate(['Hello'], params)[0].outputs[0].text)\n",
    ),
    "vLLM's log": lambda of: (
        None, "server.log",
        f"INFO 09-01 10:00:00 [logger.py:42] Received request cmpl-1: prompt: 'Hello', params: SamplingParams(n=1, "
        f"{', '.join(f'{n}={v}' for n, v in of.values.items())}, seed=None, stop=[], stop_token_ids=[], "
        "bad_words=[], include_stop_str_in_output=False, ignore_eos=False, max_tokens=100, min_tokens=0, "
        "logprobs=None, prompt_logprobs=None, skip_special_tokens=True, spaces_between_special_tokens=True, "
        "truncate_prompt_tokens=None, guided_decoding=None, extra_args=None), prompt_token_ids: None.",
    ),
    "vllm serve": lambda of: (
        None, "serve.sh",
        f"#!/bin/sh\nvllm serve {of.model} {_SERVE} \\\n  --override-generation-config '{json.dumps(of.values)}'\n",
    ),
    "request to vLLM": lambda of: (
        "vllm", "body.json",
        json.dumps({**_chat(of), **of.values, "max_tokens": 8192, "stream": True,
                    "stream_options": {"include_usage": True},
                    "chat_template_kwargs": {"enable_thinking": False}, "response_format": {"type": "text"}}),
    ),
    "request to SGLang": lambda of: (
        None, "body.json",
        json.dumps({"text": "Hello",
                    "sampling_params": {**of.values, "max_new_tokens": 128, "stop_token_ids": list(of.end)}}),
    ),
    "request to TGI": lambda of: (
        "tgi", "body.json",
        json.dumps({"inputs": "Hello", "parameters": {
            "do_sample": True, "max_new_tokens": 64, "details": True, "return_full_text": False, "watermark": False,
            **{n: v for n, v in of.values.items() if n in ("temperature", "top_k", "repetition_penalty")
               or (n == "top_p" and v < 1)},
        }}),
    ),
    "llama-cli": lambda of: (
        None, "run.sh", f"./llama-cli -hf {of.model}-GGUF:Q8_0 --jinja --color -ngl 99 -fa {_flags(_llama(of))} "
        "-sm row -c 40960 -n 32768 --no-context-shift\n",
    ),
    "llama-server": lambda of: (
        None, "serve.sh", f"llama-server \\\n  -m model.gguf \\\n  --ctx-size 16384 \\\n  {_flags(_llama(of))} \\\n"
        "  --host 0.0.0.0 --port 8080 --threads 8 --batch-size 512 --cache-type-k q8_0 --alias any\n",
    ),
    "request to llama.cpp": lambda of: (
        "llama.cpp", "body.json", json.dumps({"prompt": "Hello", "n_predict": 128, "cache_prompt": True, **_llama(of),
                                              "repeat_last_n": 64, "seed": -1, "stream": True}),
    ),
    "Modelfile": lambda of: (
        None, "Modelfile", "FROM ./model.gguf\n" + "".join(f"PARAMETER {n} {v}\n" for n, v in _llama(of).items())
        + 'PARAMETER stop "<|im_end|>"\nPARAMETER num_ctx 32768\nTEMPLATE """{{ .System }}\n{{ .Prompt }}"""\n'
        'SYSTEM """You are a helpful assistant.\nPARAMETER temperature 9\n"""\n',
    ),
    "request to Ollama": lambda of: (
        None, "body.json",
        json.dumps({"model": "any", "messages": [], "stream": False, "think": True, "keep_alive": "5m",
                    "options": _ollama(of)}),
    ),
    "preset of text-generation-webui": lambda of: (
        None, "preset.yaml", "".join(f"{n}: {v}\n" for n, v in of.values.items())
        + "sampler_priority:\n- temperature\n- top_k\n- top_p\n- min_p\n",
    ),
    "request to text-generation-webui": lambda of: (
        "text-generation-webui", "body.json",
        json.dumps({"messages": [], "mode": "instruct", "max_tokens": 512, "seed": -1, "truncation_length": 8192,
                    "ban_eos_token": False, "custom_token_bans": "", "grammar_string": "", "mirostat_mode": 0,
                    "skip_special_tokens": True, "add_bos_token": True, **of.values}),
    ),
    "preset of SillyTavern": lambda of: (
        None, "preset.json",
        json.dumps({"temp": of.temperature, "temperature_last": True, "top_p": of.top_p or 1.0, "top_k": of.top_k or 0,
                    "top_a": 0, "tfs": 1, "epsilon_cutoff": 0, "eta_cutoff": 0, "typical_p": 1, "min_p": of.min_p or 0,
                    "rep_pen": of.repetition_penalty or 1, "rep_pen_range": 0, "rep_pen_decay": 0, "rep_pen_slope": 1,
                    "no_repeat_ngram_size": 0, "penalty_alpha": 0, "num_beams": 1, "length_penalty": 1, "min_length": 0,
                    "encoder_rep_pen": 1, "freq_pen": 0, "presence_pen": of.presence_penalty or 0, "skew": 0,
                    "do_sample": True, "early_stopping": False, "dynatemp": False, "min_temp": 0, "max_temp": 2,
                    "dynatemp_exponent": 1, "smoothing_factor": 0, "smoothing_curve": 1, "dry_allowed_length": 2,
                    "dry_multiplier": 0, "dry_base": 1.75, "dry_sequence_breakers": '["\\n"]', "dry_penalty_last_n": 0,
                    "add_bos_token": True, "ban_eos_token": False, "skip_special_tokens": True, "mirostat_mode": 0,
                    "mirostat_tau": 5, "mirostat_eta": 0.1, "guidance_scale": 1, "negative_prompt": "",
                    "grammar_string": "", "json_schema": {}, "banned_tokens": "", "sampler_priority": ["temperature"],
                    "samplers": ["top_k"], "ignore_eos_token": False, "spaces_between_special_tokens": True,
                    "speculative_ngram": False, "xtc_threshold": 0.1, "xtc_probability": 0, "nsigma": 0,
                    "rep_pen_size": 0, "genamt": 350, "max_length": 8192}),
    ),
    "mlx_lm.generate": lambda of: (
        None, "run.sh", "mlx_lm.generate --model mlx-community/any --prompt Hello --max-tokens 256 "
        + " ".join(f"--{n} {v}" for n, v in (("temp", of.temperature), ("top-p", of.top_p), ("top-k", of.top_k),
                                             ("min-p", of.min_p)) if v is not None),
    ),
    "request to OpenAI's API": lambda of: (
        "openai", "body.json",
        json.dumps({**_chat(of), "max_completion_tokens": 100, "reasoning_effort": "low", "user": "a", "store": False,
                    **{n: v for n, v in of.values.items() if n in ("temperature", "top_p", "presence_penalty")}}),
    ),
    "request to Gemini": lambda of: (
        None, "body.json",
        json.dumps({"contents": [], "generationConfig": {
            "temperature": of.temperature, "topP": of.top_p or 1.0, "maxOutputTokens": 100, "candidateCount": 1,
            "responseMimeType": "text/plain", "thinkingConfig": {"thinkingBudget": 0}}}),
    ),
}  # fmt: skip
