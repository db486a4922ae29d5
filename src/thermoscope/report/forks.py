"""A spectrum in words: its forks as sentences, its widest texts, and which words of a text are not in another."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from thermoscope.escape import escape
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
            return "the end of the text"
        return f"'{escape(text, keep='', ascii_only=ascii_only)}'"

    where = "just above T=0" if fork.cause == "tie" else f"at T={shown_temperature(fork, spectrum)}"
    why = {
        "crossing": "",
        "admitted": " (which truncation removes below this temperature)",
        "tie": " (their logits are equal; above T=0 the noise decides)",
        "merged": " (the texts in between were not explored)",
    }[fork.cause]
    return f"{where}, word {fork.word}: {word(fork.word_before)} becomes {word(fork.word_after)}{why}"


def found_sentences(spectra: Sequence[Spectrum]) -> list[str]:
    """What spectra of one prompt show, in two sentences: how many texts there are, and the first change."""
    first = spectra[0]
    where = f"between T={first.low:g} and T={first.high:g}"
    texts = [len(spectrum.leaves) for spectrum in spectra]
    widest_leaf = max(first.leaves, key=lambda leaf: leaf.high - leaf.low)
    holds = f"one text holds from T={widest_leaf.low:.3g} to T={widest_leaf.high:.3g}"
    if len(spectra) > 1:
        said = [f"{len(spectra)} seeds give {min(texts)} to {max(texts)} different texts each {where}."]
    elif texts[0] == 1:
        said = [f"There is one text {where}."]
    else:
        said = [f"There are {texts[0]} different texts {where}; {holds}."]
    if first.forks:
        seed = f" (seed {first.seed})" if len(spectra) > 1 else ""
        said.append(f"The first change{seed} is {sentence(first.forks[0], first)}.")
    return said


def reason(fork: Fork, *, ascii_only: bool = False) -> str:
    """The numbers behind a fork: what each token scores at its temperature."""
    before, after = (
        escape(w or "the end", keep="", ascii_only=ascii_only) for w in (fork.word_before, fork.word_after)
    )
    numbers = (
        f"'{before}' has logit {fork.logit_before:.3f} and noise {fork.noise_before:.3f}, '{after}' has logit "
        f"{fork.logit_after:.3f} and noise {fork.noise_after:.3f}"
    )
    if fork.cause != "crossing":
        return f"{numbers}."
    score = fork.logit_before / fork.temperature + fork.noise_before
    return f"{numbers}: at this temperature logit / T + noise is {score:.3f} for both."


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
