"""A spectrum in words: its forks as sentences, its widest texts, and which words of a text are not in another."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from thermoscope.escape import escape
from thermoscope.language.saying import say
from thermoscope.segments import word_spans
from thermoscope.spectra.fork import Fork
from thermoscope.spectra.leaf import Leaf
from thermoscope.spectra.spectrum import Spectrum


def shown_temperature(fork: Fork, spectrum: Spectrum) -> str:
    """A fork's temperature with as many digits as tell it from its neighbours, at least four decimals."""
    others = [f.temperature for f in spectrum.forks[max(fork.below - 1, 0) : fork.below + 2] if f is not fork]
    ends = [t for t in (*others, spectrum.low, spectrum.high) if t != fork.temperature]
    digits = next((d for d in range(4, 16) if all(f"{t:.{d}f}" != f"{fork.temperature:.{d}f}" for t in ends)), 16)
    return f"{fork.temperature:.{digits}f}"


def sentence(fork: Fork, spectrum: Spectrum, *, ascii_only: bool = False) -> str:
    """A fork as one reads it: ``at T=0.6132, word 7: 'lost' becomes 'bright'``."""

    def word(text: str) -> str:
        if not text:
            return say("the end of the text")
        return f"'{escape(text, keep='', ascii_only=ascii_only)}'"

    values = {
        "t": shown_temperature(fork, spectrum),
        "n": fork.word,
        "before": word(fork.word_before),
        "after": word(fork.word_after),
    }
    if fork.cause == "crossing":
        return say("at T={t}, word {n}: {before} becomes {after}", **values)
    if fork.cause == "admitted":
        return say(
            "at T={t}, word {n}: {before} becomes {after} (which truncation removes below this temperature)", **values
        )
    if fork.cause == "tie":
        return say(
            "just above T=0, word {n}: {before} becomes {after} (their logits are equal; above T=0 the noise decides)",
            **values,
        )
    return say("at T={t}, word {n}: {before} becomes {after} (the texts in between were not explored)", **values)


def found_sentences(spectra: Sequence[Spectrum]) -> list[str]:
    """What spectra of one prompt show, in two sentences: how many texts there are, and the first change."""
    first = spectra[0]
    where = {"low": f"{first.low:g}", "high": f"{first.high:g}"}
    texts = [len(spectrum.leaves) for spectrum in spectra]
    widest_leaf = max(first.leaves, key=lambda leaf: leaf.high - leaf.low)
    if len(spectra) > 1:
        counted = {"seeds": len(spectra), "least": min(texts), "most": max(texts)}
        said = say(
            "{seeds} seeds give {least} to {most} different texts each between T={low} and T={high}.",
            **counted,
            **where,
        )
    elif texts[0] == 1:
        said = say("There is one text between T={low} and T={high}.", **where)
    else:
        said = say(
            "There are {n} different texts between T={low} and T={high}; one text holds from T={from_} to T={to}.",
            n=texts[0], from_=f"{widest_leaf.low:.3g}", to=f"{widest_leaf.high:.3g}", **where,
        )  # fmt: skip
    if not first.forks:
        return [said]
    fork = sentence(first.forks[0], first)
    if len(spectra) > 1:
        return [said, say("The first change (seed {seed}) is {fork}.", seed=first.seed, fork=fork)]
    return [said, say("The first change is {fork}.", fork=fork)]


def reason(fork: Fork, *, ascii_only: bool = False) -> str:
    """The numbers behind a fork: what each token scores at its temperature."""
    before, after = (
        escape(w or say("the end"), keep="", ascii_only=ascii_only) for w in (fork.word_before, fork.word_after)
    )
    numbers = say(
        "'{before}' has logit {logit_before} and noise {noise_before}, '{after}' has logit {logit_after} and noise "
        "{noise_after}",
        before=before, logit_before=f"{fork.logit_before:.3f}", noise_before=f"{fork.noise_before:.3f}",
        after=after, logit_after=f"{fork.logit_after:.3f}", noise_after=f"{fork.noise_after:.3f}",
    )  # fmt: skip
    if fork.cause != "crossing":
        return say("{sentence}.", sentence=numbers)
    score = fork.logit_before / fork.temperature + fork.noise_before
    return say("{numbers}: at this temperature logit / T + noise is {score} for both.", numbers=numbers,
               score=f"{score:.3f}")  # fmt: skip


def widest(spectrum: Spectrum, most: int) -> list[int]:
    """The numbers of the widest leaves, at most so many, in order of temperature."""
    by_width = sorted(range(len(spectrum.leaves)), key=lambda n: (-spectrum.leaves[n].width, n))
    return sorted(by_width[:most])


def changed(leaf: Leaf, before: Leaf | None) -> list[tuple[int, int]]:
    """Ranges of characters of a text whose words are not at their place in another; none if there is no other."""
    if before is None:
        return []
    ours, theirs = ([(text[a:b], a, b) for a, b in word_spans(text)] for text in (leaf.text, before.text))
    matcher = SequenceMatcher(None, [word for word, *_ in theirs], [word for word, *_ in ours], autojunk=False)
    return [
        (ours[start][1], ours[end - 1][2])
        for kind, _, _, start, end in matcher.get_opcodes()
        if kind != "equal" and end > start
    ]
