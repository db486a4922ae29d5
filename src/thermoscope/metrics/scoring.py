"""Likelihood of texts from anywhere under a model: the same records that generated texts come with.

Each text is read after its prompt in one forward pass, the model's own distribution at T=1 untouched. What does not
fit the context is read after as much of what precedes it as half a context holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thermoscope.metrics.ragged import Ragged
from thermoscope.models.base import Model

#: Logits that are computed at a time.
_MOST_LOGITS = 2**25
#: float32 divides by it; below it every distribution is one token's, or several equal ones'.
_LEAST_TEMPERATURE = 1e-30


@dataclass(frozen=True, slots=True)
class Scored:
    """Token ids of some texts under a model's tokenizer and their records, N rows each.

    A text's first token has no record where nothing precedes it: the others may be one shorter than ``tokens``.
    """

    tokens: Ragged
    ends: Ragged
    logprobs: Ragged
    entropies: Ragged
    tempered_entropies: Ragged


@dataclass(slots=True)
class _Records:
    """Of one text's tokens, in nats: log-probabilities, entropies, and entropies at its temperature."""

    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    tempered: list[float] = field(default_factory=list)


def score(
    model: Model,
    prompts: Sequence[str],
    texts: Sequence[str],
    *,
    temperatures: Sequence[float | None] | None = None,
    raw: bool = False,
    most: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Records of each text after its prompt ("" for none).

    Without a prompt a text is read after the model's end-of-text token, as a document is in training, or, if it has
    none, from its second token on.

    Parameters
    ----------
    temperatures
        At which each text was drawn, None where that is not known: there are no tempered entropies then.
    raw
        Whether prompts are read as they are, though the model has a chat template.
    most
        Tokens of a text that are read at most; None reads all of them.
    on_progress
        Called with (texts done, texts in all).
    """
    end = min(model.end_of_text, default=None)
    contexts, continuations = [], []
    for prompt, text in zip(prompts, texts, strict=True):
        before, own = _split(model, prompt, text, raw=raw)
        contexts.append(before or ([] if end is None else [end]))
        continuations.append(own[:most])
    order = sorted(range(len(texts)), key=lambda i: len(contexts[i]) + len(continuations[i]))
    drawn_at = [None] * len(texts) if temperatures is None else list(temperatures)
    records: list[_Records] = [_Records() for _ in texts]
    at = 0
    while at < len(order):
        longest = len(contexts[order[at]]) + len(continuations[order[at]])
        # rows are about equally long, as they are sorted
        count = max(1, _MOST_LOGITS // (model.vocabulary * max(1, longest) * 5 // 4))
        part = order[at : at + count]
        leads, own_texts = [contexts[i] for i in part], [continuations[i] for i in part]
        for i, found in zip(part, _records(model, leads, own_texts, [drawn_at[i] for i in part]), strict=True):
            records[i] = found
        at += len(part)
        if on_progress is not None:
            on_progress(at, len(order))
    return Scored(
        tokens=Ragged.of(continuations, np.int64),
        ends=_ends(model, continuations, texts),
        logprobs=Ragged.of([own.logprobs for own in records], np.float64),
        entropies=Ragged.of([own.entropies for own in records], np.float64),
        tempered_entropies=Ragged.of([own.tempered for own in records], np.float64),
    )


def _split(model: Model, prompt: str, text: str, *, raw: bool = False) -> tuple[list[int], list[int]]:
    """Token ids of the prompt and of the text after it: cut where the prompt's own tokens end in both read together."""
    if prompt and model.chat and not raw:  # the template ends where the assistant speaks: the text is cut alone
        start, own = model.encode(""), model.encode(text) if text else []
        return model.encode_prompt(prompt), own[len(start) :] if own[: len(start)] == start else own
    before, both = model.encode(prompt) if prompt else [], model.encode(prompt + text) if text else []
    shared = next(
        (i for i, (a, b) in enumerate(zip(before, both, strict=False)) if a != b), min(len(before), len(both))
    )
    if prompt and shared == len(before):
        return before, both[shared:]
    start = model.encode("")  # special tokens that the model expects before any text
    skip = len(start) if both[: len(start)] == start else 0
    if not prompt:
        return start[:skip], both[skip:]
    own = model.encode(text) if text else []  # the border of prompt and text lies within a token: each on its own
    return before, own[len(start) :] if own[: len(start)] == start else own


def _ends(model: Model, tokens: Sequence[Sequence[int]], texts: Sequence[str]) -> Ragged:
    from thermoscope.decode.text import text_ends

    return Ragged.of([text_ends(model.decode, ids, text) for ids, text in zip(tokens, texts, strict=True)], np.int64)


def _records(
    model: Model,
    contexts: Sequence[list[int]],
    texts: Sequence[list[int]],
    temperatures: Sequence[float | None],
) -> list[_Records]:
    """The records of each text."""
    windows = [window for number in range(len(texts)) for window in _windows(model, number, contexts, texts)]
    found = [_Records() for _ in texts]
    if not windows:
        return found
    logits = _logits(model, [ids[:-1] for _, ids, _ in windows])
    for (number, ids, first), row in zip(windows, logits, strict=True):
        own = torch.log_softmax(row[first - 1 : len(ids) - 1].float(), dim=-1)  # (L, V)
        targets = torch.tensor(ids[first:], device=own.device)
        found[number].logprobs += own.gather(1, targets[:, None])[:, 0].tolist()
        found[number].entropies += _entropies(own)
        if (t := temperatures[number]) is not None:
            below = (own - own.amax(dim=-1, keepdim=True)) / max(t, _LEAST_TEMPERATURE)
            found[number].tempered += _entropies(torch.log_softmax(below, dim=-1)) if t > 0 else [0.0] * len(own)
    return found


def _entropies(logp: Tensor) -> list[float]:
    """The entropy of each row of log-probabilities (L, V), nats."""
    finite = logp.clamp(min=torch.finfo(logp.dtype).min)  # 0 * -inf has no value, 0 * the least number is 0
    return (-torch.linalg.vecdot(finite.exp(), finite)).tolist()  # type: ignore[no-any-return]


def _windows(
    model: Model, number: int, contexts: Sequence[list[int]], texts: Sequence[list[int]]
) -> list[tuple[int, list[int], int]]:
    """(number of the text, token ids, place of the first that is scored): each token scored once."""
    ids, first = contexts[number] + texts[number], max(1, len(contexts[number]))
    if len(ids) <= first:
        return []
    most = (model.context_length or len(ids)) + 1  # the last token is predicted, not read
    if len(ids) <= most:
        return [(number, ids, first)]
    windows = []
    while first < len(ids):
        start = max(0, min(first - most // 2, len(ids) - most))
        stop = min(start + most, len(ids))
        windows.append((number, ids[start:stop], first - start))
        first = stop
    return windows


def _logits(model: Model, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """The logits (L, V) after every token of each row."""
    network: Any = getattr(model, "network", None)
    if network is None:  # token by token, through what every model has
        return [_stepped(model, row) for row in rows]
    longest = max(map(len, rows))
    if hasattr(model, "check_room"):
        model.check_room(longest)
    room = model.free_bytes() // 2 // model.row_bytes(longest)
    if 1 <= room < len(rows):  # attention that is written out needs more than the logits
        return [row for at in range(0, len(rows), room) for row in _logits(model, rows[at : at + room])]
    padded = torch.zeros((len(rows), longest), dtype=torch.int64, device=network.device)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, device=network.device)
    with torch.inference_mode():  # attention is causal: what stands behind a row changes nothing in it
        logits = network(input_ids=padded, use_cache=False).logits
        return [logits[i, : len(row)].clone() for i, row in enumerate(rows)]


def _stepped(model: Model, row: Sequence[int]) -> Tensor:
    rows = model.rows(capacity=1, length=len(row))
    logits = [rows.add([row[:1]])]
    logits += [rows.step(torch.tensor([token])) for token in row[1:]]
    return torch.cat(logits)
