"""Samples and comparisons made by hand, so that what a report must say is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from thermoscope.comparison.compare import compared_texts
from thermoscope.comparison.comparison import ComparedText, Comparison
from thermoscope.comparison.reading import read
from thermoscope.decode.sample import FinishReason, Sample
from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.params import SamplingParams

END = 0


def sample(
    pieces: Sequence[str],
    *,
    temperature: float = 0.7,
    seed: int = 0,
    finish: FinishReason = "length",
    logprob: float = -1.0,
    cut: int | None = None,
    prompt: str = "A prompt",
) -> Sample:
    """A sample with one token per piece, equal pieces being equal tokens; ``cut`` characters of text are left."""
    ids = [1 + int.from_bytes(piece.encode(errors="surrogatepass")) % 1_000_003 for piece in pieces]
    ends = list(accumulate(map(len, pieces)))
    text = "".join(pieces)
    if finish == "end_of_text":
        ids.append(END)
        ends.append(len(text))
    if cut is not None:
        text = text[:cut]
        ends = [min(end, cut) for end in ends]
    n = len(ids)
    return Sample(
        prompt=prompt,
        params=SamplingParams(temperature=temperature),
        seed=seed,
        text=text,
        token_ids=tuple(ids),
        finish_reason=finish,
        logprobs=(logprob,) * n,
        drawn_logprobs=(logprob,) * n,
        entropies=(2.0,) * n,
        ranks=(1,) * n,
        text_ends=tuple(ends),
        prompt_tokens=2,
        tempered_entropies=(1.0,) * n,
    )


def compared(*samples: Sample) -> tuple[ComparedText, ...]:
    """The samples of one seed as compared texts, each the neighbour of the one after it."""
    return compared_texts(dict(enumerate(samples)), 1)


def comparison(
    *samples: Sample, seeds: Sequence[int] = (0,), temperatures: Sequence[float] = (), **ran: object
) -> Comparison:
    """A comparison of samples in order of settings, then seeds; those that are missing were not finished."""
    settings = tuple(SamplingParams(temperature=t) for t in temperatures) or tuple(
        dict.fromkeys(s.params for s in samples)
    )
    numbers = {(s.params, s.seed): s for s in samples}
    asked = [(setting, seed) for setting in settings for seed in seeds]
    texts = compared_texts({i: numbers[key] for i, key in enumerate(asked) if key in numbers}, len(seeds))
    what: dict[str, object] = {
        "settings": settings,
        "seeds": tuple(seeds),
        "max_new_tokens": 200,
        "stop": (),
        "model": "bundled",
        "revision": "abc123",
        "dtype": "float32",
        "device": "cpu",
        "notes": (),
        "versions": {"thermoscope": "0", "python": "3"},
        "command": "thermoscope compare -t 0.2 -- 'A prompt'",
    }
    reading = tuple(read(settings, seeds, texts))
    prompt = samples[0].prompt if samples else "A prompt"
    return Comparison(prompt, settings, tuple(seeds), texts, reading, WhatRan(**{**what, **ran}))  # type: ignore[arg-type]
