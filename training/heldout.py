"""Bits per byte of held-out documents, by group."""

import math
from collections import defaultdict

import numpy as np
import torch
from transformers import GPT2LMHeadModel

from training.model import next_token_nll
from training.stream import Corpus


def document_windows(ids: np.ndarray, context: int) -> list[tuple[np.ndarray, int]]:
    """Cut one document into (window, first position that counts), each token counted exactly once.

    The first window starts with end-of-text (id 0), as a document does in training; each later one
    repeats the last half of the window before it, so that no token is judged without context.
    """
    ids = np.concatenate([[0], ids]).astype(np.int64)
    windows = [(ids[: context + 1], 0)]
    end = context + 1
    while end < len(ids):
        stop = min(end + context // 2, len(ids))
        start = stop - context - 1
        windows.append((ids[start:stop], end - start - 1))
        end = stop
    return windows


@torch.no_grad()
def document_nll(model: GPT2LMHeadModel, corpus: Corpus, precision: str, rows: int = 8) -> np.ndarray:
    """Sum of negative log-likelihoods in nats of every document, its end-of-text included: (N,)."""
    context = model.config.n_positions
    todo = [
        (index, *window)
        for index in range(len(corpus.weight))
        for window in document_windows(corpus.document(index), context)
    ]
    todo.sort(key=lambda item: len(item[1]))
    was_training = model.training
    model.eval()
    sums = np.zeros(len(corpus.weight))
    for start in range(0, len(todo), rows):
        part = todo[start : start + rows]
        padded = np.zeros((len(part), max(len(window) for _, window, _ in part)), np.int64)
        for row, (_, window, _) in enumerate(part):
            padded[row, : len(window)] = window  # attention is causal: padding at the end changes nothing
        nll = next_token_nll(model, torch.from_numpy(padded), precision).double().cpu().numpy()
        for row, (index, window, first) in enumerate(part):
            sums[index] += nll[row, first : len(window) - 1].sum()
    model.train(was_training)
    return sums


def bits_per_byte(nll_nats: np.ndarray, corpus: Corpus) -> dict[str, float]:
    """Bits per UTF-8 byte by group, and over all documents ("all")."""
    nll: dict[str, float] = defaultdict(float)
    size: dict[str, int] = defaultdict(int)
    for index, value in enumerate(nll_nats):
        for name in (str(corpus.group[index]), "all"):
            nll[name] += float(value)
            size[name] += int(corpus.bytes[index])
    return {name: nll[name] / size[name] / math.log(2) for name in sorted(nll)}
