"""TGI.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, as_json, words
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    if params.temperature == 0:
        fields |= {"do_sample": False, "temperature": None, "top_k": None, "top_p": None, "typical_p": None}
    return [Snippet("body of a request to /generate", "json", as_json({"inputs": "...", "parameters": fields}))]


def _edges(params: SamplingParams) -> dict[str, str]:
    if params.frequency_penalty is not None:
        return {"frequency_penalty": "has another formula there: by a token's share of prompt and text, not its count"}
    return {}


def _read(draft: Draft) -> None:
    """Without ``do_sample`` it is greedy, unless another field makes it sample."""
    samples = any(draft.values.get(name, 1) != 1 for name in ("temperature", "top_p", "typical_p"))
    if draft.fields.get("do_sample") is True or samples or "top_k" in draft.values:
        if draft.fields.get("do_sample") is False:
            draft.remark("do_sample", "temperature, top_k, top_p and typical_p sample without it")
        return
    draft.be_greedy()


TGI = Dialect(
    name="tgi",
    version="commits 01e61bf and 01067f8",
    source="server/text_generation_server/utils/tokens.py and logits_process.py, router/src/validation.rs",
    order=("repetition", "penalties", "temperature", "top_k", "top_p", "typical_p"),
    names={n: n for n in ("temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "frequency_penalty")},
    neutral={"do_sample": True, "temperature": None, "top_k": None, "top_p": None, "typical_p": None,
             "repetition_penalty": None, "frequency_penalty": None},
    ranges={"frequency_penalty": (-2, 2)},
    aside=words(
        "inputs max_new_tokens seed stop return_full_text details truncate decoder_input_details top_n_tokens "
        "adapter_id"
    ),
    masks={"best_of": "picks the likeliest of so many texts", "watermark": "shifts the logits of some tokens",
           "grammar": "keeps the text to a form"},
    edges=_edges,
    write=_write,
    inside="parameters",
    finish=(_read,),
)  # fmt: skip
ENTRIES = (TGI,)
