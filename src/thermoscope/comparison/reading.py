"""The reading: what the measures of a comparison say, in sentences. Made from measures, never from a setting."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from thermoscope.comparison.comparison import ComparedText
from thermoscope.settings.grid import label, neighbours, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.words import joined

#: From this share of repeated 4-grams on, a text is said to repeat itself; below the other, hardly.
REPEATS, HARDLY = 0.2, 0.05


def read(settings: Sequence[SamplingParams], seeds: Sequence[int], texts: Sequence[ComparedText]) -> list[str]:
    """Sentences on loops and repetition, on where neighbours differ, on likelihood, and on how texts ended.

    Parameters
    ----------
    settings
        The settings compared, in order.
    seeds
        The seeds.
    texts
        The finished texts, in order of settings, then seeds.
    """
    names = varying(settings)
    groups = [(label(setting, names), [t for t in texts if t.sample.params == setting]) for setting in settings]
    there = [(name, group) for name, group in groups if group]
    asked = len(settings) * len(seeds)
    sentences = []
    if len(texts) < asked:
        be = "is" if len(texts) == 1 else "are"  # an interrupt came first
        sentences.append(f"{len(texts)} of {_count(asked, 'text')} {be} finished; the reading covers what is there.")
    sentences += [sentence for name, group in there if (sentence := _repetition(name, group))]
    sentences += _hardly(there)
    pairs = [(groups[j], groups[i]) for i, j in enumerate(neighbours(settings)) if j is not None]
    sentences += [sentence for (a, before), (b, after) in pairs if (sentence := _parting(a, b, before, after))]
    sentences += [sentence for name, group in there if (sentence := _one_text(name, group))]
    sentences += _likelihood(there)
    sentences += [sentence for name, group in there if (sentence := _ending(name, group))]
    return sentences


def number(value: float | None) -> str:
    """A measure as it is shown: two decimals, none from 100 on; ``unknown`` if it is None."""
    if value is None:
        return "unknown"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _repetition(name: str, group: Sequence[ComparedText]) -> str | None:
    loops = [text.loop for text in group if text.loop is not None]
    repetition = _mean(group, "rep_4")
    if len(group) == 1 and loops:
        return f"{name} ends in a loop of {loops[0].tokens} tokens, repeated {loops[0].repeats} times."
    share = ""
    if repetition is not None:
        share = f"; {_percent(repetition)} of {_its(group)} 4-grams repeat earlier ones{_spread(group, 'rep_4')}"
    if loops:
        return f"{name}: {_of(len(loops), group, 'ends', 'end')} in a loop{share}."
    if repetition is not None and repetition >= HARDLY:
        how = "" if repetition >= REPEATS else " a little"
        return f"{name} repeats itself{how} without ending in a loop{share}."
    return None


def _hardly(groups: Sequence[tuple[str, list[ComparedText]]]) -> list[str]:
    """One sentence for the settings that hardly repeat themselves."""
    quiet = [
        (name, repetition)
        for name, group in groups
        if (repetition := _mean(group, "rep_4")) is not None
        and repetition < HARDLY
        and not any(text.loop for text in group)
    ]
    if not quiet:
        return []
    most = max(repetition for _, repetition in quiet)
    one = len(quiet) == 1
    what = (
        "no 4-gram occurs twice"
        if most == 0
        else f"{'' if one else 'at most '}{_percent(most)} of the 4-grams repeat earlier ones"
    )
    verb = "repeats itself" if one else "repeat themselves"
    return [f"{joined(name for name, _ in quiet)} hardly {verb}: {what}."]


def _parting(a: str, b: str, before: Sequence[ComparedText], after: Sequence[ComparedText]) -> str | None:
    """Where two neighbours begin to differ, seed by seed; None if they have no finished text of the same seed."""
    pair = f"{a} and {b}"
    seeds = {text.sample.seed: text for text in before}
    both = [(seeds[t.sample.seed], t) for t in after if t.sample.seed in seeds]
    if not both:
        return None
    parted = sorted(y.shared_tokens or 0 for x, y in both if x.sample.token_ids != y.sample.token_ids)
    if len(both) == 1:
        if not parted:
            return f"{pair} give the same text."
        if not parted[0]:
            return f"{pair} differ from the first token."
        shared = "first token" if parted[0] == 1 else f"first {parted[0]} tokens"
        return f"{pair} share their {shared}."
    if not parted:
        return f"{pair} give the same text for every seed."
    same = len(both) - len(parted)
    where = _where(parted)
    if same:
        rest = "the other differs" if len(parted) == 1 else "the others differ"
        return f"{pair} give the same text for {same} of {len(both)} seeds; {rest} {where}."
    return f"{pair} differ {where}, over {len(both)} seeds."


def _where(shared: Sequence[int]) -> str:
    """Where texts begin to differ, from their numbers of shared tokens in order."""
    if shared[-1] == 0:
        return "from the first token"
    if shared[0] == shared[-1]:
        return f"after {_count(shared[0], 'shared token')}"
    return f"after {shared[0]} to {shared[-1]} shared tokens (mean {fmean(shared):.1f})"


def _one_text(name: str, group: Sequence[ComparedText]) -> str | None:
    """Whether all seeds gave the same text."""
    if len(group) < 2 or len({text.sample.token_ids for text in group}) > 1:
        return None
    seeds = "both" if len(group) == 2 else f"all {len(group)}"
    return f"{name} gives the same text for {seeds} seeds."


def _likelihood(groups: Sequence[tuple[str, list[ComparedText]]]) -> list[str]:
    """Which setting's texts the model itself finds the most and the least likely."""
    known = [(p, name) for name, group in groups if (p := _mean(group, "perplexity")) is not None]
    if len(known) < 2:
        return []
    low, high = number(min(known)[0]), number(max(known)[0])
    several = any(len(group) > 1 for _, group in groups)
    mean = "mean perplexity" if several else "perplexity"
    if low == high:
        return [f"The model finds all texts equally likely ({mean} {low})."]
    # settings whose values look equal are named together
    likely, unlikely = ([name for value, name in known if number(value) == shown] for shown in (low, high))
    best, worst = (
        f"the {joined(names)} text{'s' if several or len(names) > 1 else ''}" for names in (likely, unlikely)
    )
    if len(known) == 2:
        return [f"The model finds {best} more likely than {worst} ({mean} {low} against {high})."]
    return [f"The model finds {best} most likely ({mean} {low}) and {worst} least likely ({high})."]


def _ending(name: str, group: Sequence[ComparedText]) -> str | None:
    """Whether texts ended by themselves."""
    ended = [text for text in group if text.sample.finish_reason == "end_of_text"]
    if not ended:
        return None
    if len(group) == 1:
        return f"{name} ends by itself after {_count(len(ended[0].sample.text_token_ids), 'token')}."
    return f"{name}: {_of(len(ended), group, 'ends by itself', 'end by themselves')} before the limit."


def _mean(group: Sequence[ComparedText], measure: str) -> float | None:
    values = [value for text in group if (value := text.measures[measure]) is not None]
    return fmean(values) if values else None


def _spread(group: Sequence[ComparedText], measure: str) -> str:
    """The least and the largest share behind a mean; "" where there is one text or they look the same."""
    values = [value for text in group if (value := text.measures[measure]) is not None]
    least, most = _percent(min(values)), _percent(max(values))
    return "" if least == most else f" ({least} to {most}, text by text)"


def _of(number: int, group: Sequence[ComparedText], one: str, many: str) -> str:
    """How many of a group: ``1 of 3 texts ends``, ``2 of 3 texts end``."""
    return f"{number} of {_count(len(group), 'text')} {one if number == 1 else many}"


def _its(group: Sequence[ComparedText]) -> str:
    return "its" if len(group) == 1 else "their"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    """A share as it is read: ``64%``, ``3.1%``."""
    return f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}"
