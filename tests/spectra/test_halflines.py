"""Half-lines against the chain itself: which tokens survive at a temperature."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from thermoscope import InputError, SamplingParams, probabilities
from thermoscope.sampling.chain import process
from thermoscope.sampling.effects import Effects
from thermoscope.spectra.envelope import envelope
from thermoscope.spectra.halflines import split_at_temperature

SETTINGS = [
    SamplingParams(top_p=0.9),
    SamplingParams(top_p=0.5),
    SamplingParams(min_p=0.1),
    SamplingParams(min_p=1),
    SamplingParams(top_p=0.8, min_p=0.05),
    SamplingParams(top_p=0.8, min_p=0.05, order=("temperature", "min_p", "top_p")),
    SamplingParams(top_k=7, top_p=0.8),
    SamplingParams(top_k=7, top_p=0.95, order=("temperature", "top_p", "top_k")),
    SamplingParams(top_k=7, top_p=0.8, min_p=0.05, order=("temperature", "min_p", "top_k", "top_p")),
    SamplingParams(top_k=7, top_p=0.8, min_p=0.05, order=("top_p", "temperature", "min_p", "top_k")),
    SamplingParams(top_k=7, top_p=0.8, min_p=0.05, order=("min_p", "temperature", "top_p", "top_k")),
    SamplingParams(top_p=1e-6),
    SamplingParams(top_p=0.99999999),
]


def rows(number: int, generator: np.random.Generator) -> np.ndarray:
    """Logits of 20 tokens at float32: plain, or with ties."""
    logits = generator.normal(size=(number, 20)) * 3
    logits[::2] = np.round(logits[::2])
    return logits.astype(np.float32)


def survivors(logits: np.ndarray, params: SamplingParams, temperature: float) -> np.ndarray:
    return probabilities(torch.tensor(logits)[None].double(), params.replace(temperature=temperature))[0].numpy() > 0


def before(logits: np.ndarray, params: SamplingParams) -> np.ndarray:
    """Logits (K,) of all tokens after the stages before temperature."""
    (part,) = process(torch.tensor(logits)[None], [split_at_temperature(params).before])
    if part.ids is None:
        return part.tempered()[0].numpy()
    full = np.full(len(logits), -np.inf)
    keep = part.logits[0] > -np.inf
    full[part.ids[0][keep]] = part.logits[0][keep]
    return full


@pytest.mark.slow
@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_what_is_admitted_is_what_the_chain_keeps(params):
    generator = np.random.default_rng(3)
    split = split_at_temperature(params)
    for logits in rows(40, generator):
        lines = before(logits, params)
        admission = split.admission(lines)
        for temperature in (0.03, 0.4, 1.0, 2.5, 40.0):
            kept = survivors(logits, params, temperature)
            ours = [admission.admits(column, temperature) for column in range(len(lines))]
            assert ours == kept.tolist()


@pytest.mark.slow
def test_what_cuts_is_what_the_chain_notes():
    """The chain notes what changed a distribution, on a grid and on both sides of where min_p admits a token."""
    generator = np.random.default_rng(6)
    low, high, seen = 0.3, 1.2, set()
    grid = np.linspace(low, high, 40)[1:]
    for params in (*SETTINGS, SamplingParams(min_p=1e-7), SamplingParams(min_p=1e-7, top_p=0.9)):
        split = split_at_temperature(params)
        for logits in rows(6, generator):
            acted, lines = set(), before(logits, params)
            entries = (lines - lines.max()) / np.log(params.min_p) if 0 < (params.min_p or 0) < 1 else np.empty(0)
            borders = np.outer(entries[(entries > low) & (entries < high)], [1 - 1e-5, 1 + 1e-5]).ravel()
            for temperature in [low * (1 + 1e-9), *grid.tolist(), *borders.tolist()]:
                setting, effects = params.replace(temperature=temperature), Effects()
                list(process(torch.tensor(logits)[None], [setting], effects=effects))
                acted |= set(setting.active_stages) - set(effects.idle(setting))
            cutting = split.admission(lines).cutting(low, high)
            assert cutting == acted & set(split.after), (params, logits)
            seen |= {(stage, stage in cutting) for stage in split.after}
    assert {("min_p", True), ("min_p", False), ("top_p", True), ("top_k", True)} <= seen


@pytest.mark.parametrize(
    ("params", "second", "begins", "ends"),
    [
        # with two tokens 2 nats apart: top_p admits the second from 2 / ln 9 on, min_p from 2 / -ln(min_p) on
        (SamplingParams(order=("temperature", "top_p", "min_p"), top_p=0.9, min_p=0.2), "min_p", 0.910, 1.243),
        (SamplingParams(order=("temperature", "min_p", "top_p"), top_p=0.9, min_p=0.05), "top_p", 0.668, 0.910),
    ],
    ids=["min_p last", "top_p last"],
)
def test_a_stage_that_cuts_between_the_ends_alone(params, second, begins, ends):
    admission = split_at_temperature(params).admission(np.array([0.0, -2.0]))
    assert second in admission.cutting(0.5, 1.5)
    assert second in admission.cutting(begins + 0.01, ends - 0.01)
    assert second not in admission.cutting(0.5, begins - 0.01)
    assert second not in admission.cutting(ends + 0.01, 1.5)


def test_just_above_zero_everything_cuts():
    admission = split_at_temperature(SamplingParams(min_p=1e-7, top_p=0.999)).admission(np.array([1.0, 2.0, 0.0]))
    assert admission.cutting(0, 1e-3) == {"top_p"}  # it leaves min_p one token
    ties = split_at_temperature(SamplingParams(min_p=0.5)).admission(np.array([2.0, 2.0, 2.0]))
    assert ties.cutting(0, 1.5) == set()


@pytest.mark.slow
@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_a_token_enters_at_one_temperature_and_stays(params):
    """The chain keeps a token just above its entry and not just below."""
    generator = np.random.default_rng(4)
    low, high = 0.1, 4.0
    # next to p = 1 the chain's own sums, which count to 1, leave few digits for the rest
    slack = 1e-6 if (params.top_p or 0) > 0.999 else 1e-12
    entered = 0
    for logits in rows(20, generator):
        lines = before(logits, params)
        admission = split_at_temperature(params).admission(lines)
        columns = np.array([c for c in range(len(lines)) if admission.admits(c, high)])
        for column, entry in zip(columns.tolist(), admission.entries(columns, low, high), strict=True):
            if entry == low:
                assert survivors(logits, params, low)[column]
                continue
            entered += 1
            assert not survivors(logits, params, entry * (1 - slack))[column]
            if entry * (1 + slack) <= high:
                assert survivors(logits, params, entry * (1 + slack))[column]
    assert entered > 20 or params.min_p == 1 or (params.top_p or 0) in (1e-6, 0.99999999)


def test_entries_from_zero_on():
    """Two tokens of equal logit: top_p=0.5 keeps the higher id alone at any temperature; 0.6 keeps both."""
    lines = np.array([2.0, 2.0, -1.0])
    half, more = (split_at_temperature(SamplingParams(top_p=p)).admission(lines) for p in (0.5, 0.6))
    assert [half.admits(c, 0.0) for c in range(3)] == [False, True, False]
    assert [more.admits(c, 0.0) for c in range(3)] == [True, True, False]
    assert more.entries(np.array([0, 1, 2]), 0.0, 50.0)[:2].tolist() == [0.0, 0.0]
    t = more.entries(np.array([2]), 0.0, 50.0)[0]
    assert 2 / (2 + np.exp(-3 / t)) == pytest.approx(0.6, abs=1e-7) or t == 50.0


@pytest.mark.slow
@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_the_envelope_of_half_lines_is_the_draw_at_every_temperature(params):
    """Against argmax(processed logits + noise) as the decoder takes it, off breakpoints by more than rounding."""
    generator = np.random.default_rng(8)
    forks = 0
    for logits in rows(60, generator):
        noise = generator.gumbel(size=len(logits))
        lines = before(logits, params)
        split = split_at_temperature(params)
        segments = envelope(lines, noise, 0.0, 3.0, None if split.admits_all else split.admission(lines))
        forks += len(segments) - 1
        for segment in segments:
            inside = (segment.low * (1 - 1e-9) + 1e-9 * segment.high, (segment.low + segment.high) / 2)
            for t in (*inside, segment.high * (1 - 1e-9)):
                (part,) = process(torch.tensor(logits)[None], [params.replace(temperature=t)])
                ids = torch.arange(len(logits))[None] if part.ids is None else part.ids
                column = int((part.tempered() + torch.tensor(noise)[ids]).argmax())
                assert int(ids[0, column]) == segment.column
    assert forks > 5 or params.min_p == 1 or params.top_p == 1e-6


def test_every_order_of_what_is_there_is_planned():
    for order in permutations(("temperature", "top_k", "top_p", "min_p")):
        split = split_at_temperature(SamplingParams(top_k=7, top_p=0.8, min_p=0.05, order=order))
        place = order.index("temperature")
        assert (split.top_p_edge is not None) == (order.index("top_p") > place)
        assert (split.min_p_edge is not None) == (order.index("min_p") > place)
        assert split.before.temperature == 1.0


def test_what_does_nothing_costs_nothing():
    split = split_at_temperature(SamplingParams(top_p=1, min_p=0, top_k=5))
    assert split.admits_all
    assert split.before == SamplingParams(top_k=5, order=("top_k",))


def test_without_temperature_there_is_no_spectrum():
    with pytest.raises(InputError, match=r"a spectrum needs the stage 'temperature' in the order; got top_k; add it"):
        split_at_temperature(SamplingParams(top_k=3, order=("top_k",)))


class Stub:
    """A setting with stages of any name, as far as they are looked at before they are refused."""

    def __init__(self, *order: str) -> None:
        self.order = self.active_stages = order

    def replace(self, **_: object) -> Stub:
        return self


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (("temperature", "typical_p"), "can't have the stage 'typical_p' after temperature: the set that it keeps"),
        (("temperature", "eta_cutoff"), "its cutoff moves with the entropy"),
        (("temperature", "dry"), "is not a line in the temperature; leave it out, or put it before temperature in"),
        (("xtc", "temperature"), "can't have the stage 'xtc': it drops tokens by a draw of its own; leave it out"),
        (("temperature", "mirostat"), "can't have the stage 'mirostat': its cutoff carries over"),
    ],
)
def test_what_would_not_be_exact_is_refused_with_the_reason(order, message):
    with pytest.raises(InputError, match=message):
        split_at_temperature(Stub(*order))
