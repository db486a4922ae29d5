"""The reading: what the measures of a comparison say, in sentences. Made from measures, never from a setting."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from thermoscope.comparison.comparison import ComparedText
from thermoscope.language.saying import say
from thermoscope.settings.grid import label, neighbours, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.words import count, joined

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
        sentences.append(_unfinished(len(texts), asked))  # an interrupt came first
    sentences += [sentence for name, group in there if (sentence := _repetition(name, group))]
    sentences += _hardly(there)
    pairs = [(groups[j], groups[i]) for i, j in enumerate(neighbours(settings)) if j is not None]
    sentences += [sentence for (a, before), (b, after) in pairs if (sentence := _parting(a, b, before, after))]
    sentences += [sentence for name, group in there if (sentence := _one_text(name, group))]
    sentences += _likelihood(there)
    sentences += [sentence for name, group in there if (sentence := _ending(name, group))]
    return sentences


def _unfinished(finished: int, asked: int) -> str:
    """How many texts there are."""
    texts = count(asked, "text")
    if finished == 1:
        return say("1 of {texts} is finished; the reading covers what is there.", texts=texts)
    return say("{n} of {texts} are finished; the reading covers what is there.", n=finished, texts=texts)


def number(value: float | None) -> str:
    """A measure as it is shown: two decimals, none from 100 on; ``unknown`` if it is None."""
    if value is None:
        return say("unknown")
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _repetition(name: str, group: Sequence[ComparedText]) -> str | None:
    loops = [text.loop for text in group if text.loop is not None]
    repetition = _mean(group, "rep_4")
    if len(group) == 1 and loops:
        return say("{setting} ends in a loop of {tokens} tokens, repeated {n} times.", setting=name,
                   tokens=loops[0].tokens, n=loops[0].repeats)  # fmt: skip
    said: str | None = None
    if loops:
        texts = count(len(group), "text")
        said = (
            say("{setting}: {n} of {texts} ends in a loop", setting=name, n=1, texts=texts)
            if len(loops) == 1
            else say("{setting}: {n} of {texts} end in a loop", setting=name, n=len(loops), texts=texts)
        )
    elif repetition is not None and repetition >= REPEATS:
        said = say("{setting} repeats itself without ending in a loop", setting=name)
    elif repetition is not None and repetition >= HARDLY:
        said = say("{setting} repeats itself a little without ending in a loop", setting=name)
    if said is None or repetition is None:
        return None if said is None else say("{sentence}.", sentence=said)
    share = _percent(repetition)
    spread = _spread(group, "rep_4")
    if len(group) == 1:
        return say("{sentence}; {share} of its 4-grams repeat earlier ones.", sentence=said, share=share)
    return say("{sentence}; {share} of their 4-grams repeat earlier ones{spread}.", sentence=said, share=share,
               spread=spread)  # fmt: skip


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
    settings = joined(name for name, _ in quiet)
    one = len(quiet) == 1
    what = say("no 4-gram occurs twice")
    if most > 0 and one:
        what = say("{share} of the 4-grams repeat earlier ones", share=_percent(most))
    elif most > 0:
        what = say("at most {share} of the 4-grams repeat earlier ones", share=_percent(most))
    if one:
        return [say("{setting} hardly repeats itself: {what}.", setting=settings, what=what)]
    return [say("{settings} hardly repeat themselves: {what}.", settings=settings, what=what)]


def _parting(a: str, b: str, before: Sequence[ComparedText], after: Sequence[ComparedText]) -> str | None:
    """Where two neighbours begin to differ, seed by seed; None if they have no finished text of the same seed."""
    pair = say("{first} and {last}", first=a, last=b)
    seeds = {text.sample.seed: text for text in before}
    both = [(seeds[t.sample.seed], t) for t in after if t.sample.seed in seeds]
    if not both:
        return None
    parted = sorted(y.shared_tokens or 0 for x, y in both if x.sample.token_ids != y.sample.token_ids)
    if len(both) == 1:
        if not parted:
            return say("{pair} give the same text.", pair=pair)
        if not parted[0]:
            return say("{pair} differ from the first token.", pair=pair)
        if parted[0] == 1:
            return say("{pair} share their first token.", pair=pair)
        return say("{pair} share their first {n} tokens.", pair=pair, n=parted[0])
    if not parted:
        return say("{pair} give the same text for every seed.", pair=pair)
    same = len(both) - len(parted)
    where = _where(parted)
    if same:
        values = {"pair": pair, "same": same, "seeds": len(both), "where": where}
        if len(parted) == 1:
            return say("{pair} give the same text for {same} of {seeds} seeds; the other differs {where}.", **values)
        return say("{pair} give the same text for {same} of {seeds} seeds; the others differ {where}.", **values)
    return say("{pair} differ {where}, over {seeds} seeds.", pair=pair, where=where, seeds=len(both))


def _where(shared: Sequence[int]) -> str:
    """Where texts begin to differ, from their numbers of shared tokens in order."""
    if shared[-1] == 0:
        return say("from the first token")
    if shared[0] == shared[-1]:
        return say("after {tokens}", tokens=count(shared[0], "shared token"))
    return say("after {least} to {most} shared tokens (mean {mean})", least=shared[0], most=shared[-1],
               mean=f"{fmean(shared):.1f}")  # fmt: skip


def _one_text(name: str, group: Sequence[ComparedText]) -> str | None:
    """Whether all seeds gave the same text."""
    if len(group) < 2 or len({text.sample.token_ids for text in group}) > 1:
        return None
    if len(group) == 2:
        return say("{setting} gives the same text for both seeds.", setting=name)
    return say("{setting} gives the same text for all {n} seeds.", setting=name, n=len(group))


def _likelihood(groups: Sequence[tuple[str, list[ComparedText]]]) -> list[str]:
    """Which setting's texts the model itself finds the most and the least likely."""
    known = [(p, name) for name, group in groups if (p := _mean(group, "perplexity")) is not None]
    if len(known) < 2:
        return []
    low, high = number(min(known)[0]), number(max(known)[0])
    several = any(len(group) > 1 for _, group in groups)
    mean = say("mean perplexity") if several else say("perplexity")
    if low == high:
        return [say("The model finds all texts equally likely ({mean} {value}).", mean=mean, value=low)]
    # settings whose values look equal are named together
    likely, unlikely = ([name for value, name in known if number(value) == shown] for shown in (low, high))
    best, worst = (
        say("the {settings} texts", settings=joined(names))
        if several or len(names) > 1
        else say("the {settings} text", settings=joined(names))
        for names in (likely, unlikely)
    )
    values = {"best": best, "worst": worst, "mean": mean, "low": low, "high": high}
    if len(known) == 2:
        return [say("The model finds {best} more likely than {worst} ({mean} {low} against {high}).", **values)]
    return [say("The model finds {best} most likely ({mean} {low}) and {worst} least likely ({high}).", **values)]


def _ending(name: str, group: Sequence[ComparedText]) -> str | None:
    """Whether texts ended by themselves."""
    ended = [text for text in group if text.sample.finish_reason == "end_of_text"]
    if not ended:
        return None
    if len(group) == 1:
        tokens = count(len(ended[0].sample.text_token_ids), "token")
        return say("{setting} ends by itself after {tokens}.", setting=name, tokens=tokens)
    texts = count(len(group), "text")
    if len(ended) == 1:
        return say("{setting}: {n} of {texts} ends by itself before the limit.", setting=name, n=1, texts=texts)
    return say("{setting}: {n} of {texts} end by themselves before the limit.", setting=name, n=len(ended), texts=texts)


def _mean(group: Sequence[ComparedText], measure: str) -> float | None:
    values = [value for text in group if (value := text.measures[measure]) is not None]
    return fmean(values) if values else None


def _spread(group: Sequence[ComparedText], measure: str) -> str:
    """The least and the largest share behind a mean; "" where there is one text or they look the same."""
    values = [value for text in group if (value := text.measures[measure]) is not None]
    least, most = _percent(min(values)), _percent(max(values))
    return "" if least == most else say(" ({least} to {most}, text by text)", least=least, most=most)


def _percent(share: float) -> str:
    """A share as it is read: ``64%``, ``3.1%``."""
    return f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}"
