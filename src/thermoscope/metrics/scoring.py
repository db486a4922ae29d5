"""Likelihood of texts from anywhere under a model: the same records that generated texts come with.

Each text is read after its prompt in one forward pass, the model's own distribution at T=1 untouched. What does not
fit the context is read after as much of what precedes it as half a context holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thermoscope.metrics.ragged import Ragged
from thermoscope.models.base import Model

#: Logits that are computed at a time.
_MOST_LOGITS = 2**25


@dataclass(frozen=True, slots=True)
class Scored:
    """Token ids of some texts under a model's tokenizer and their records, N rows each.

    A text's first token has no record where nothing precedes it: ``logprobs`` and ``entropies`` may be one shorter.
    """

    tokens: Ragged
    ends: Ragged
    logprobs: Ragged
    entropies: Ragged


def score(
    model: Model,
    prompts: Sequence[str],
    texts: Sequence[str],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Records of each text after its prompt ("" for none).

    Without a prompt a text is read after the model's end-of-text token, as a document is in training, or, if it has
    none, from its second token on.

    Parameters
    ----------
    on_progress
        Called with (texts done, texts in all).
    """
    end = min(model.end_of_text, default=None)
    contexts, continuations = [], []
    for prompt, text in zip(prompts, texts, strict=True):
        before, own = _split(model, prompt, text)
        contexts.append(before or ([] if end is None else [end]))
        continuations.append(own)
    order = sorted(range(len(texts)), key=lambda i: len(contexts[i]) + len(continuations[i]))
    logprobs: list[list[float]] = [[] for _ in texts]
    entropies: list[list[float]] = [[] for _ in texts]
    at = 0
    while at < len(order):
        longest = len(contexts[order[at]]) + len(continuations[order[at]])
        # rows are about equally long, as they are sorted
        count = max(1, _MOST_LOGITS // (model.vocabulary * max(1, longest) * 5 // 4))
        part = order[at : at + count]
        for i, (own_logprobs, own_entropies) in zip(
            part, _records(model, [contexts[i] for i in part], [continuations[i] for i in part]), strict=True
        ):
            logprobs[i], entropies[i] = own_logprobs, own_entropies
        at += len(part)
        if on_progress is not None:
            on_progress(at, len(order))
    return Scored(
        tokens=Ragged.of(continuations, np.int64),
        ends=_ends(model, continuations, texts),
        logprobs=Ragged.of(logprobs, np.float64),
        entropies=Ragged.of(entropies, np.float64),
    )


def _split(model: Model, prompt: str, text: str) -> tuple[list[int], list[int]]:
    """Token ids of the prompt and of the text after it: cut where the prompt's own tokens end in both read together."""
    if prompt and model.chat:  # the template ends where the assistant speaks, so that the text is cut on its own
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
    model: Model, contexts: Sequence[list[int]], texts: Sequence[list[int]]
) -> list[tuple[list[float], list[float]]]:
    """(log-probabilities, entropies) of each text's tokens, in nats."""
    windows = [window for number in range(len(texts)) for window in _windows(model, number, contexts, texts)]
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in texts]
    if not windows:
        return found
    logits = _logits(model, [ids[:-1] for _, ids, _ in windows])
    for (number, ids, first), row in zip(windows, logits, strict=True):
        own = torch.log_softmax(row[first - 1 : len(ids) - 1].float(), dim=-1)  # (L, V)
        targets = torch.tensor(ids[first:], device=own.device)
        found[number][0].extend(own.gather(1, targets[:, None])[:, 0].tolist())
        own.clamp_(min=torch.finfo(own.dtype).min)
        found[number][1].extend((-torch.linalg.vecdot(own.exp(), own)).tolist())
    return found


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
