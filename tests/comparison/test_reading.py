"""Each sentence of the reading, from texts made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from tests.handmade import comparison, sample
from thermoscope.decode.sample import Sample

FRESH = [f" word{i}" for i in range(40)]
OTHER = [f" thing{i}" for i in range(40)]
LOOPS = [*FRESH[:4], *[" a", " b", " c"] * 5]


def reading(*samples: Sample, seeds: Sequence[int] = (0,), temperatures: Sequence[float] = ()) -> list[str]:
    return list(comparison(*samples, seeds=seeds, temperatures=temperatures).reading)


def test_a_loop_is_told_with_its_length_and_repeats() -> None:
    assert "T=0.2 ends in a loop of 3 tokens, repeated 5 times." in reading(sample(LOOPS, temperature=0.2))


def test_loops_over_several_seeds() -> None:
    texts = [sample(LOOPS, seed=0), sample(FRESH, seed=1)]
    share = f"{(9 / 16) / 2:.0%}"  # 9 of the 16 4-grams of one, none of the other
    assert (
        f"T=0.7: 1 of 2 texts ends in a loop; {share} of their 4-grams repeat earlier ones (0% to 56%, text by text)."
        in (reading(*texts, seeds=(0, 1)))
    )
    both = [sample(LOOPS, seed=0), sample(LOOPS, seed=1)]
    told = reading(*both, seeds=(0, 1))
    assert "T=0.7: 2 of 2 texts end in a loop; 56% of their 4-grams repeat earlier ones." in told
    assert "T=0.7 gives the same text for both seeds." in told


def test_repetition_without_a_loop() -> None:
    much = [*FRESH[:10], *FRESH[:10], " end"]  # 7 of 18
    assert "T=0.7 repeats itself without ending in a loop; 39% of its 4-grams repeat earlier ones." in reading(
        sample(much)
    )
    little = [*FRESH[:30], *FRESH[:6], " end"]  # 3 of 34
    said = "T=0.7 repeats itself a little without ending in a loop; 8.8% of its 4-grams repeat earlier ones."
    assert said in reading(sample(little))


def test_hardly_any_repetition() -> None:
    assert "T=0.7 hardly repeats itself: no 4-gram occurs twice." in reading(sample(FRESH))
    rare = [*FRESH, *FRESH[:4]]  # 1 of 41
    assert "T=0.7 hardly repeats itself: 2.4% of the 4-grams repeat earlier ones." in reading(sample(rare))
    two = reading(sample(FRESH, temperature=0.5), sample(rare, temperature=0.9))
    assert "T=0.5 and T=0.9 hardly repeat themselves: at most 2.4% of the 4-grams repeat earlier ones." in two


def test_where_neighbours_part() -> None:
    first = sample(FRESH, temperature=0.2)
    for other, sentence in (
        (FRESH, "T=0.2 and T=0.9 give the same text."),
        (FRESH[:14] + OTHER, "T=0.2 and T=0.9 share their first 14 tokens."),
        (OTHER, "T=0.2 and T=0.9 differ from the first token."),
    ):
        assert sentence in reading(first, sample(other, temperature=0.9))


def test_where_neighbours_part_over_seeds() -> None:
    def told(*shared: int) -> str:
        seeds = range(len(shared))
        low = [sample(FRESH, temperature=0.2, seed=s) for s in seeds]
        high = [
            sample(FRESH[:n] + OTHER[: 40 - n], temperature=0.9, seed=s) for s, n in zip(seeds, shared, strict=True)
        ]
        (sentence,) = [
            s for s in reading(*low, *high, seeds=seeds) if s.startswith("T=0.2 and T=0.9 ") and "hardly" not in s
        ]
        return sentence.removeprefix("T=0.2 and T=0.9 ")

    assert told(3, 8) == "differ after 3 to 8 shared tokens (mean 5.5), over 2 seeds."
    assert told(1, 1) == "differ after 1 shared token, over 2 seeds."
    assert told(0, 0) == "differ from the first token, over 2 seeds."
    assert told(40, 40) == "give the same text for every seed."
    assert told(40, 7) == "give the same text for 1 of 2 seeds; the other differs after 7 shared tokens."
    assert told(40, 0) == "give the same text for 1 of 2 seeds; the other differs from the first token."
    assert told(40, 2, 4) == (
        "give the same text for 1 of 3 seeds; the others differ after 2 to 4 shared tokens (mean 3.0)."
    )


def test_likelihood() -> None:
    told = reading(sample(FRESH, temperature=0.2, logprob=-1), sample(OTHER, temperature=0.9, logprob=-3))
    assert "The model finds the T=0.2 text more likely than the T=0.9 text (perplexity 2.72 against 20.09)." in told
    told = reading(
        sample(FRESH, temperature=0.2, logprob=-1.0001),
        sample(OTHER, temperature=0.5, logprob=-1),
        sample(OTHER, temperature=0.9, logprob=-3),
    )
    assert (
        "The model finds the T=0.2 and T=0.5 texts most likely (perplexity 2.72) and the T=0.9 text least likely "
        "(20.09)."
    ) in told
    seeds = [sample(FRESH, temperature=t, seed=s, logprob=-t) for t in (1, 2) for s in (0, 1)]
    told = reading(*seeds, seeds=(0, 1))
    assert "The model finds the T=1 texts more likely than the T=2 texts (mean perplexity 2.72 against 7.39)." in told
    told = reading(sample(FRESH, temperature=0.2), sample(OTHER, temperature=0.9))
    assert "The model finds all texts equally likely (perplexity 2.72)." in told
    assert not any("model" in sentence for sentence in reading(sample(FRESH)))


def test_ends() -> None:
    assert "T=0.7 ends by itself after 1 token." in reading(sample(["a"], finish="end_of_text"))
    assert "T=0.7 ends by itself after 2 tokens." in reading(sample(["a", "b"], finish="end_of_text"))
    texts = [sample(["a"], finish="end_of_text"), sample(["b"], seed=1)]
    assert "T=0.7: 1 of 2 texts ends by itself before the limit." in reading(*texts, seeds=(0, 1))


def test_the_temperature_itself_says_nothing() -> None:
    def texts(a: float, b: float) -> list[Sample]:
        return [sample(LOOPS, temperature=a, logprob=-1), sample(FRESH, temperature=b, logprob=-3)]

    plain, swapped = reading(*texts(0.2, 0.9)), reading(*texts(0.9, 0.2))
    labels = [s.replace("T=0.2", "T=x").replace("T=0.9", "T=0.2").replace("T=x", "T=0.9") for s in plain]
    assert labels == swapped


def test_missing_texts_are_told_and_compared_with_nothing() -> None:
    asked = (0.2, 0.5, 0.9)
    assert reading(temperatures=asked) == ["0 of 3 texts are finished; the reading covers what is there."]
    told = reading(sample(FRESH, temperature=0.2), sample(FRESH, temperature=0.9), temperatures=asked)
    assert told[0] == "2 of 3 texts are finished; the reading covers what is there."
    assert not any("differ" in s or "share" in s or "same text" in s for s in told)
    assert reading(sample(FRESH, temperature=0.2), temperatures=asked)[0].startswith("1 of 3 texts is finished")
