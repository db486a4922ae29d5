"""One step of some texts: a token drawn for each and noted in its records, whoever computes the logits.

Shapes: R rows of logits, V vocabulary, M texts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from thermoscope.decode.ending import Ending
from thermoscope.decode.records import records_of, tempered_of
from thermoscope.decode.request import Request
from thermoscope.decode.sample import Sample
from thermoscope.sampling.draw import draw
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.noise import Keys


def draw_step(
    logits: Tensor,
    owner: Sequence[int],
    requests: Sequence[Request],
    prompt_keys: Sequence[int],
    output_ids: Sequence[Sequence[int]],
    *,
    end_ids: Collection[int] = (),
    effects: Effects | None = None,
    recorded: bool = True,
) -> list[int]:
    """Draw the next token of every text and add it to the text's records; return the tokens (M).

    Parameters
    ----------
    logits : Tensor (R, V)
        The model's logits, natural-log units.
    owner
        The row of each text.
    requests
        The texts: setting, seed, prompt and records so far.
    prompt_keys
        The key of each text's prompt for the noise.
    output_ids
        The tokens of each text so far; their number is the position of the draw.
    end_ids
        The tokens that end a text, for ``min_new_tokens``.
    effects
        Where to note which stages changed anything.
    recorded
        Whether the model's own view of the token is recorded; how it was drawn always is, since mirostat needs it.
    """
    triples = [(r.seed, key, len(o)) for r, key, o in zip(requests, prompt_keys, output_ids, strict=True)]
    settings = [r.params for r in requests]
    result = draw(
        logits,
        settings,
        Keys(triples, device=logits.device),
        source=torch.tensor(owner, device=logits.device),  # (M,)
        prompt_ids=[r.prompt_ids for r in requests],
        output_ids=output_ids,
        drawn_logprobs=[r.drawn_logprobs for r in requests],
        kept_logprobs=[r.kept_logprobs for r in requests],
        end_ids=end_ids,
        effects=effects,
    )
    tokens: list[int] = result.tokens.tolist()
    for request, drawn_logprob in zip(requests, result.logprobs.tolist(), strict=True):
        request.drawn_logprobs.append(drawn_logprob)
    if result.kept is not None:
        for request, kept_logprob in zip(requests, result.kept.tolist(), strict=True):
            request.kept_logprobs.append(kept_logprob)
    if recorded:
        records = records_of(logits, owner, tokens)
        tempered = tempered_of(logits, owner, settings, records)
        for request, record, entropy in zip(requests, records, tempered, strict=True):
            request.records.append(record)
            request.tempered_entropies.append(entropy)
    return tokens


def sample_of(request: Request, ending: Ending) -> Sample:
    """The finished text of a request, with its records."""
    return Sample(
        prompt=request.prompt,
        params=request.params,
        seed=request.seed,
        text=ending.text,
        token_ids=ending.token_ids,
        finish_reason=ending.finish_reason,
        logprobs=tuple(record.logprob for record in request.records),
        drawn_logprobs=tuple(request.drawn_logprobs),
        entropies=tuple(record.entropy for record in request.records),
        ranks=tuple(record.rank for record in request.records),
        text_ends=ending.text_ends,
        prompt_tokens=len(request.prompt_ids),
        tempered_entropies=tuple(request.tempered_entropies),
        kept_logprobs=tuple(request.kept_logprobs) if request.params.adaptive_target is not None else (),
    )
