"""The spectrum against ``generate``: token for token the same text at every temperature."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import END, FakeModel
from thermoscope import InputError, SamplingParams, generate
from thermoscope.errors import BadLogitsError, Interrupted, ModelMemoryError, ParameterError, PromptError
from thermoscope.sampling.effects import Effects
from thermoscope.spectra.explore import spectrum
from thermoscope.spectra.spectrum import Spectrum

PARTS: dict[str, dict[str, object]] = {
    "top_k": {"top_k": 20},
    "top_p": {"top_p": 0.9},
    "min_p": {"min_p": 0.05},
    "first": {"order": "llama.cpp"},
    "min_p first": {"order": ("temperature", "min_p", "top_p", "top_k")},
    "between": {"order": ("top_k", "temperature", "min_p", "top_p")},
}
ALONE = [{}, *PARTS.values()]
PAIRS = [{**a, **b} for a, b in itertools.combinations(PARTS.values(), 2) if not ("order" in a and "order" in b)]
THREE = [{"top_k": 20, "top_p": 0.9, "min_p": 0.05, **PARTS[name]} for name in ("first", "min_p first", "between")]


def temperatures(number: int, low: float, high: float, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).uniform(low, high, number).tolist()


def differences(model, found: list[Spectrum], ts: list[float]) -> list[tuple[float, int]]:
    """(temperature, position) where the text of a spectrum is not that of ``generate``, where it claims to be."""
    first = found[0]
    texts = generate(
        model, [first.prompt], [first.params.replace(temperature=t) for t in ts], seeds=[s.seed for s in found],
        max_new_tokens=first.max_new_tokens, stop=first.stop,
    )  # fmt: skip
    wrong = []
    for (t, whole), sample in zip(itertools.product(ts, found), texts, strict=True):
        ours = whole.at(t)
        if not whole.leaf(t).is_exact(t):
            continue
        if ours.token_ids != sample.token_ids:
            pairs = itertools.zip_longest(ours.token_ids, sample.token_ids)
            wrong.append((t, next(i for i, (a, b) in enumerate(pairs) if a != b)))
            continue
        assert (ours.text, ours.finish_reason, ours.ranks) == (sample.text, sample.finish_reason, sample.ranks)
        assert (ours.text_ends, ours.prompt_tokens) == (sample.text_ends, sample.prompt_tokens)
        assert ours.params == sample.params
        assert ours.logprobs == pytest.approx(sample.logprobs, abs=1e-4)
        assert ours.entropies == pytest.approx(sample.entropies, abs=1e-4)
    return wrong


@pytest.mark.slow
def test_at_500_temperatures_it_is_what_generate_gives():
    model = FakeModel(end_bias=3.0)
    found = spectrum(model, "Once", seeds=[0, 7], max_new_tokens=40, resolution=0)
    assert sum(len(s.leaves) for s in found) > 60
    assert {leaf.finish_reason for s in found for leaf in s.leaves} == {"length", "end_of_text"}
    assert differences(model, found, [0.0, 1.5, *temperatures(500, 0, 1.5)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("values", [*ALONE, *PAIRS, *THREE], ids=str)
def test_every_setting_is_exact_alone_and_in_pairs(values):
    model = FakeModel(spread=1.2, end_bias=1.0)
    found = spectrum(model, "A", params=SamplingParams(**values), seeds=[3], max_new_tokens=25, resolution=0)
    assert len(found[0].leaves) > 5
    assert differences(model, found, [0.0, *temperatures(120, 0, 1.5, seed=1)]) == []


def test_what_did_nothing_is_noted():
    model, effects = FakeModel(), Effects()
    params = SamplingParams(
        temperature=0.7, logit_bias={5: 0.0, 6: 1.0}, repetition_penalty=1.2, top_k=model.vocabulary - 1, top_p=0.8,
        min_p=1e-9,
    )  # fmt: skip
    (found,) = spectrum(model, "A", params=params, temperature=(0.5, 1.5), max_new_tokens=12, effects=effects)
    assert effects.idle(found.params) == ("min_p",)
    (same,) = spectrum(model, "A", params=params, temperature=(0.5, 1.5), max_new_tokens=12)
    assert same.leaves == found.leaves


def test_just_beside_every_breakpoint_it_is_what_generate_gives():
    model = FakeModel()
    for values in ({}, {"top_p": 0.8, "min_p": 0.02}):
        found = spectrum(model, "B", params=SamplingParams(**values), max_new_tokens=30, resolution=0)
        ts = [f.temperature * (1 + d) for f in found[0].forks for d in (-1e-9, 1e-9)]
        assert len(ts) > 40
        assert differences(model, found, ts) == []


def test_a_wide_range_and_a_hot_one():
    model = FakeModel()
    for low, high in ((0.0, 50.0), (2.0, 2.5), (1e5, 1e6), (0.0, 1e-6)):
        found = spectrum(model, "C", temperature=(low, high), max_new_tokens=15, resolution=0)
        assert differences(model, found, [low, high, *temperatures(60, low, high)]) == []


class Ties(FakeModel):
    """Logits rounded to whole numbers: equal ones everywhere."""

    def _logits(self, context):
        return torch.round(super()._logits(context))


@pytest.mark.slow
@pytest.mark.parametrize("values", [{}, {"top_p": 0.7}, {"min_p": 0.3}, {"top_k": 3}], ids=str)
def test_with_equal_logits_zero_is_greedy_and_noise_decides_above(values):
    model = Ties(spread=1.0)
    found = spectrum(model, "T", params=SamplingParams(**values), seeds=range(3), max_new_tokens=20, resolution=0)
    assert differences(model, found, [0.0, 1e-9, *temperatures(100, 0, 1.5)]) == []
    ties = [f for s in found for f in s.forks if f.cause == "tie"]
    assert ties
    for fork in ties:
        assert fork.temperature == 0
        assert fork.logit_before == fork.logit_after
        assert fork.noise_before < fork.noise_after
    coarse = spectrum(model, "T", params=SamplingParams(**values), seeds=range(3), max_new_tokens=20, resolution=0.4)
    assert differences(model, coarse, [0.0, *temperatures(100, 0, 1.5)]) == []
    assert all(s.leaves[0].is_exact(0.0) for s in coarse)


def test_forks_say_why():
    (found,) = spectrum(
        FakeModel(), "D", params=SamplingParams(min_p=0.02), max_new_tokens=40, resolution=0, temperature=(0, 2)
    )
    assert len(found.forks) == len(found.leaves) - 1
    assert {"crossing", "admitted"} == {fork.cause for fork in found.forks}
    for number, fork in enumerate(found.forks):
        below, above = found.leaves[number], found.leaves[number + 1]
        assert fork.temperature == below.high == above.low
        assert below.token_ids[: fork.position] == above.token_ids[: fork.position]
        assert below.token_ids[fork.position] == fork.token_before != fork.token_after
        assert above.token_ids[fork.position] == fork.token_after
        assert fork.logit_after < fork.logit_before
        before, after = (
            fork.logit_before / fork.temperature + fork.noise_before,
            fork.logit_after / fork.temperature + fork.noise_after,
        )
        if fork.cause == "crossing":
            assert before == pytest.approx(after, rel=1e-9)
        else:  # it enters where its probability is min_p of the largest, and wins at once
            assert after > before
        assert fork.word_before != fork.word_after or "\ufffd" in fork.word_before


class Words(FakeModel):
    """Says "the cat sat" when cold; the noise decides what the second word is."""

    def decode(self, token_ids):
        return "".join((" the", " cat", " dog", " sat")[t] for t in token_ids)

    vocabulary = 4
    end_of_text = frozenset()

    def _logits(self, context):
        place = len(context) - 1
        scores = [[5.0, 0, 0, 0], [0, 2.0, 1.5, 0], [0, 0, 0, 5.0]][place]
        return torch.tensor(scores)


def test_a_fork_by_hand():
    """Cat and dog cross where 2 + T g = 1.5 + T h, at T = 0.5 / (h - g)."""
    model = Words(memory=9)
    forks = 0
    for seed in range(40):
        (found,) = spectrum(model, "x", seeds=[seed], temperature=(0, 0.7), max_new_tokens=3, resolution=0)
        for fork in found.forks:
            if (fork.token_before, fork.token_after) == (1, 2) and fork.position == 1:
                forks += 1
                assert fork.temperature == pytest.approx(0.5 / (fork.noise_after - fork.noise_before), rel=1e-12)
                assert (fork.word, fork.word_before, fork.word_after) == (2, "cat", "dog")
    assert forks > 5


class Commas(Words):
    """The second word may get a comma or be followed by another."""

    def decode(self, token_ids):
        return "".join((" the", " cat", ",", " sat")[t] for t in token_ids)

    def _logits(self, context):
        place = len(context) - 1
        return torch.tensor([[5.0, -99, -99, -99], [-99, 5.0, -99, -99], [-99, -99, 1.0, 0.5]][place])


def test_a_token_that_goes_on_with_a_word_changes_that_word():
    spectra = spectrum(Commas(memory=9), "x", seeds=range(40), max_new_tokens=3, resolution=0)
    forks = [f for s in spectra for f in s.forks if (f.token_before, f.token_after) == (2, 3)]
    assert len(forks) > 3
    assert {(f.word, f.word_before, f.word_after) for f in forks} == {(2, "cat,", "cat")}


class Japanese(Words):
    """The second token, of one or more words without spaces, is one of two."""

    def decode(self, token_ids):
        return "".join(("昔々", "ました", "です", "。")[t] for t in token_ids)


def test_where_words_have_no_spaces_a_fork_shows_what_changes_and_not_the_sentence():
    spectra = spectrum(Japanese(memory=9), "x", seeds=range(40), temperature=(0, 0.7), max_new_tokens=3, resolution=0)
    forks = [f for s in spectra for f in s.forks if (f.token_before, f.token_after, f.position) == (1, 2, 1)]
    assert len(forks) > 5
    assert {(f.word, f.word_before, f.word_after) for f in forks} <= {(3, "ました", "です"), (3, "ました。", "です。")}


def test_leaves_cover_the_range_and_the_tree_shares_prefixes():
    (found,) = spectrum(FakeModel(end_bias=3.0), "E", max_new_tokens=30)
    cover(found)
    assert found.leaf(found.low) == found.leaves[0]
    assert found.leaf(found.high) == found.leaves[-1]
    assert len(found.nodes) < sum(len(leaf.path) for leaf in found.leaves)
    for leaf in found.leaves:
        nodes = [found.nodes[n] for n in leaf.path]
        assert tuple(node.token_id for node in nodes) == leaf.token_ids
        assert [node.position for node in nodes] == list(range(len(nodes)))
        assert all(a in found.children[b] or b == -1 for a, b in zip(leaf.path, (-1, *leaf.path), strict=False))
        assert all(node.low <= leaf.low and leaf.high <= node.high for node in nodes)
    for number, node in enumerate(found.nodes):
        below = [found.nodes[n] for n in found.children[number]]
        if below:
            assert (below[0].low, below[-1].high) == (node.low, node.high)
            assert all(a.high == b.low for a, b in itertools.pairwise(below))


def cover(found: Spectrum) -> None:
    assert (found.leaves[0].low, found.leaves[-1].high) == (found.low, found.high)
    for a, b in itertools.pairwise(found.leaves):
        assert a.high == b.low
        assert a.token_ids != b.token_ids
    for leaf in found.leaves:
        assert leaf.low <= leaf.exact_low <= leaf.exact_high <= leaf.high


@pytest.mark.slow
@given(
    low=st.floats(0, 1),
    width=st.floats(1e-4, 3),
    seed=st.integers(0, 2**64 - 1),
    resolution=st.sampled_from([0.0, 1e-3, 0.1, 10.0]),
    max_leaves=st.none() | st.integers(1, 12),
    rows=st.integers(1, 5),
)
def test_whatever_is_merged_the_leaves_cover_the_range(low, width, seed, resolution, max_leaves, rows):
    model = FakeModel(end_bias=3.0)
    (found,) = spectrum(
        model, "F", temperature=(low, low + width), seeds=[seed], max_new_tokens=8, resolution=resolution,
        max_leaves=max_leaves, max_rows=rows,
    )  # fmt: skip
    cover(found)
    assert max_leaves is None or len(found.leaves) <= max_leaves
    assert found.exact_share == pytest.approx(1) or found.merged
    middles = [leaf.exact_low + (leaf.exact_high - leaf.exact_low) * 0.5 for leaf in found.leaves]
    assert differences(model, [found], [t for t in middles if low <= t <= low + width]) == []


def test_merging_keeps_the_widest_and_says_so():
    model = FakeModel()
    (whole,) = spectrum(model, "G", max_new_tokens=30, resolution=0)
    (coarse,) = spectrum(model, "G", max_new_tokens=30, resolution=0.05)
    (few,) = spectrum(model, "G", max_new_tokens=30, max_leaves=6)
    assert len(coarse.leaves) < len(whole.leaves)
    assert len(few.leaves) == 6
    assert whole.exact_share == pytest.approx(1)
    assert not whole.merged
    for found in (coarse, few):
        assert 0.1 < found.exact_share < 1
        assert found.merged
        for leaf in found.merged:
            assert whole.leaf((leaf.exact_low + leaf.exact_high) / 2).token_ids == leaf.token_ids


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [0, 0.02])
def test_neither_the_batch_nor_the_memory_is_seen(resolution):
    """Seeds and prompts beside each other, a few rows at a time, or each alone: the same spectra."""
    model = FakeModel(end_bias=3.0)
    how = {"max_new_tokens": 20, "resolution": resolution, "params": SamplingParams(top_p=0.95)}
    together = spectrum(model, ["A", "Bb"], seeds=[1, 5], **how)
    assert [(s.prompt, s.seed) for s in together] == [("A", 1), ("A", 5), ("Bb", 1), ("Bb", 5)]
    alone = [s for p in ("A", "Bb") for seed in (1, 5) for s in spectrum(model, p, seeds=[seed], **how)]
    assert together == alone
    for rows in (1, 2, 7):
        model.added.clear()
        assert spectrum(model, ["A", "Bb"], seeds=[1, 5], max_rows=rows, **how) == together  # the fake asserts the rows
        assert len(model.added) > 2  # contexts computed anew


def test_seeds_share_rows_of_the_model():
    model = FakeModel()
    spectrum(model, "H", seeds=range(4), temperature=(0, 1e-3), max_new_tokens=10)
    assert model.stepped == 9  # as cold as that all seeds say the same


def test_json_there_and_back():
    (found,) = spectrum(FakeModel(end_bias=3.0), 'J "☃" </script>', max_new_tokens=12, stop=["zzz"], max_leaves=9)
    again = Spectrum.from_json(found.to_json())
    assert again == found
    assert again.forks == found.forks
    record = json.loads(found.to_json(indent=1))
    assert len(record["forks"]) == len(record["leaves"]) - 1
    assert record["params"]["top_p"] is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "thermoscope.spectrum/1"}', "[" * 100_000])
def test_what_is_no_spectrum_is_refused(text):
    with pytest.raises(InputError, match="a spectrum must be JSON as to_json writes it; got "):
        Spectrum.from_json(text)


def test_a_stop_string_ends_a_leaf():
    model = FakeModel()
    (found,) = spectrum(model, "K", max_new_tokens=40, stop="e", resolution=0)
    assert any(leaf.finish_reason == "stop" for leaf in found.leaves)
    assert all("e" not in leaf.text for leaf in found.leaves)
    assert differences(model, [found], temperatures(50, 0, 1.5)) == []


def test_one_token_and_one_leaf():
    (found,) = spectrum(FakeModel(), "L", temperature=(0, 1e-4), max_new_tokens=1)
    (leaf,) = found.leaves
    assert (leaf.low, leaf.high, leaf.exact_at_low, len(leaf.token_ids)) == (0.0, 1e-4, True, 1)
    assert found.forks == ()
    assert math.isnan(found.at(0.0).drawn_logprobs[0])


def test_a_text_that_ends_at_once():
    (found,) = spectrum(FakeModel(end_bias=1000.0), "M", max_new_tokens=5)
    (leaf,) = found.leaves
    assert (leaf.token_ids, leaf.text, leaf.finish_reason) == ((END,), "", "end_of_text")


def test_tokens_that_cannot_be():
    class Banned(FakeModel):
        def _logits(self, context):
            return super()._logits(context).index_fill(0, torch.arange(0, 257, 2), -math.inf)

    model = Banned()
    for values in ({}, {"top_p": 0.9}, {"min_p": 0.1}, {"top_k": 200}):
        found = spectrum(model, "N", params=SamplingParams(**values), max_new_tokens=15, resolution=0)
        assert all(t % 2 for leaf in found[0].leaves for t in leaf.token_ids)
        assert differences(model, found, temperatures(50, 0, 1.5)) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": (1.0, 0.5)}, "temperatures must go up, from low to high"),
        ({"temperature": (0.5, 0.5)}, "temperatures must go up"),
        ({"temperature": (0, 1e200)}, r"high of at most 1e\+100"),
        ({"temperature": (-1, 1)}, "temperature must be at least 0"),
        ({"temperature": (0, math.nan)}, "temperature must be a finite number"),
        ({"temperature": 0.7}, "temperature must be two numbers, low and high; got 0.7"),
        ({"resolution": -1}, "resolution must be a finite number of at least 0; got -1; use 0.001"),
        ({"resolution": math.nan}, "resolution must be"),
        ({"max_leaves": 0}, "max_leaves must be a whole number of at least 1"),
        ({"max_rows": 0}, "max_rows must be"),
        ({"seeds": -1}, "seeds must be how many seeds"),
        ({"seeds": []}, "seeds must not be empty"),
        ({"seeds": [4, 4]}, "each seed may be given once; got 4 twice"),
        ({"resolution": True}, "resolution must be"),
        ({"resolution": "1"}, "resolution must be"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"params": [SamplingParams()]}, "params must be one SamplingParams"),
        ({"params": SamplingParams(order=("top_k",), top_k=2)}, "a spectrum needs the stage 'temperature'"),
    ],
)
def test_bad_values_name_rule_value_and_fix(how, message):
    with pytest.raises((InputError, ParameterError), match=message):
        spectrum(FakeModel(), "O", **how)


def test_numbers_of_numpy_and_generators():
    how = {"max_new_tokens": 4, "resolution": 0.5, "max_leaves": 3, "max_rows": 2}
    want = spectrum(FakeModel(), ["O", "P"], temperature=(0.0, 1.0), seeds=[1, 2], **how)
    integers = {name: np.int64(how[name]) for name in ("max_new_tokens", "max_leaves", "max_rows")}
    given = {**integers, "resolution": np.float32(0.5), "seeds": (seed for seed in np.arange(1, 3))}
    ends = (end for end in np.array([0.0, 1.0]))
    assert spectrum(FakeModel(), (prompt for prompt in "OP"), temperature=ends, **given) == want


@pytest.mark.parametrize(
    "fault", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory: 9 GB")]
)
def test_too_little_memory_is_one_line(fault):
    class Full(FakeModel):
        def rows(self, **how):
            raise fault

    def fail(progress):
        raise fault

    for how in ({"model": Full()}, {"model": FakeModel(), "on_progress": fail}):
        with pytest.raises(ModelMemoryError, match="out of memory on cpu while decoding; use fewer rows"):
            spectrum(how.pop("model"), "O", max_new_tokens=2, **how)


def test_an_interrupt_before_the_first_token_finishes_nothing():
    class Interrupting(FakeModel):
        def next_logits(self, context):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        spectrum(Interrupting(), "O", seeds=range(2), max_new_tokens=2)
    assert caught.value.finished == []


def test_bad_prompts():
    with pytest.raises(PromptError):
        spectrum(FakeModel(), "")
    with pytest.raises(InputError, match="prompts must not be empty"):
        spectrum(FakeModel(), [])


def test_a_temperature_outside_the_range():
    (found,) = spectrum(FakeModel(), "P", temperature=(0.2, 0.8), max_new_tokens=3)
    for t in (0.1, 0.9, math.nan):
        with pytest.raises(InputError, match=r"a temperature must be in the spectrum's range 0.2 to 0.8; got"):
            found.at(t)


def test_nan_logits_are_refused():
    class Broken(FakeModel):
        def _logits(self, context):
            return torch.full((257,), math.nan)

    with pytest.raises(BadLogitsError):
        spectrum(Broken(), "Q", max_new_tokens=2)


def test_an_interrupt_loses_no_finished_spectrum():
    model = FakeModel(end_bias=3.0)
    steps = 0

    def interrupt(progress):
        nonlocal steps
        steps += 1
        assert progress.tokens <= progress.most_tokens
        if progress.finished > 200:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        spectrum(model, ["R", "S", "U"], seeds=range(4), max_new_tokens=30, max_rows=4, on_progress=interrupt)
    finished = caught.value.finished
    assert 0 < len(finished) < 12
    for found in finished:
        assert [found] == spectrum(model, found.prompt, seeds=[found.seed], max_new_tokens=30)
