"""Each filter by hand arithmetic on four or five tokens."""

import math

import pytest
import torch

from thermoscope.sampling import filters

INF = math.inf


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def logits_of(*rows: list[float]) -> torch.Tensor:
    """Logits whose softmax is the given rows."""
    return torch.tensor(rows, dtype=torch.float64).log()


def kept(logits: torch.Tensor) -> list[list[int]]:
    return [torch.isfinite(row).nonzero().flatten().tolist() for row in logits]


HALVES = [0.5, 0.25, 0.125, 0.125]


def test_temperature_divides():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]], dtype=torch.float64)
    out = filters.temperature(logits, column(0.5))
    p = torch.softmax(out, dim=-1)[0].tolist()
    total = sum(math.exp(x) for x in (4, 2, 0, -2))
    assert p == pytest.approx([math.exp(x) / total for x in (4, 2, 0, -2)], rel=1e-14)
    # odds of neighbours are e^(1/T)
    assert p[0] / p[1] == pytest.approx(math.exp(2), rel=1e-14)


def test_temperature_zero_keeps_the_lowest_id_among_ties():
    logits = torch.tensor([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0], [-INF, -INF, 5.0, 5.0]])
    assert kept(filters.temperature(logits, torch.zeros(3, 1))) == [[1], [0], [2]]


def test_temperature_of_each_row_is_its_own():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]] * 3, dtype=torch.float64)
    out = filters.temperature(logits, column(0, 0.5, 2))
    assert kept(out) == [[0], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert (out[1, 0] - out[1, 1]).item() == 2
    assert (out[2, 0] - out[2, 1]).item() == 0.5


@pytest.mark.parametrize("t", [5e-324, 1e-300, 1e-3, 1e3, 1e308])
def test_temperature_never_overflows(t):
    logits = torch.tensor([[100.0, 0.0, -INF, 100.0]], dtype=torch.float64)
    p = torch.softmax(filters.temperature(logits, column(t)), dim=-1)[0]
    odds = math.exp(max(-100 / t, -800))
    assert p.tolist() == pytest.approx([1 / (2 + odds), odds / (2 + odds), 0, 1 / (2 + odds)], abs=1e-14)


def test_top_k():
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0]] * 4)
    assert kept(filters.top_k(logits, column(1, 2, 4, 1e18))) == [[1], [1, 3], [0, 1, 2, 3], [0, 1, 2, 3]]


def test_top_k_keeps_all_ties_of_the_kth():
    logits = torch.tensor([[1.0, 2.0, 1.0, 1.0], [5.0, 5.0, 5.0, 5.0], [-INF, 1.0, -INF, 0.0]])
    assert kept(filters.top_k(logits, column(2, 1, 3))) == [[0, 1, 2, 3], [0, 1, 2, 3], [1, 3]]


@pytest.mark.parametrize(
    ("p", "tokens"),
    [
        (0.4, [0]),
        (0.5, [0]),  # reaches it exactly
        (0.51, [0, 1]),  # the crossing token stays
        (0.75, [0, 1]),
        (0.76, [0, 1, 3]),  # of the two equal ones, the higher id
        (0.875, [0, 1, 3]),
        (0.9, [0, 1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
        (1e-300, [0]),
    ],
)
def test_top_p(p, tokens):
    assert kept(filters.top_p(logits_of(HALVES), column(p))) == [tokens]


def test_top_p_counts_the_mass_that_is_left():
    logits = logits_of(HALVES)
    logits[0, 0] = -INF  # 1/2, 1/4, 1/4 are left
    assert kept(filters.top_p(logits, column(0.5))) == [[1]]
    assert kept(filters.top_p(logits, column(0.6))) == [[1, 3]]


def test_top_p_of_one_keeps_what_has_no_mass_in_floating_point():
    logits = torch.tensor([[0.0, -1000.0, -2000.0]], dtype=torch.float64)
    assert kept(filters.top_p(logits, column(1.0))) == [[0, 1, 2]]
    assert kept(filters.top_p(logits, column(0.999))) == [[0]]


@pytest.mark.parametrize(
    ("p", "tokens"),
    [(0, [0, 1, 2, 3]), (0.25, [0, 1, 2, 3]), (0.26, [0, 1]), (0.5, [0, 1]), (0.51, [0]), (1, [0])],
)
def test_min_p(p, tokens):
    assert kept(filters.min_p(logits_of(HALVES), column(p))) == [tokens]


def test_min_p_of_one_keeps_all_ties_of_the_largest():
    assert kept(filters.min_p(logits_of([0.4, 0.2, 0.4]), column(1))) == [[0, 2]]


@pytest.mark.parametrize(
    ("filter_", "values"),
    [
        (filters.temperature, (0, 1e-300, 0.3, 1e308)),
        (filters.top_k, (1, 3, 7, 1000)),
        (filters.top_p, (1e-9, 0.3, 0.99, 1)),
        (filters.min_p, (0, 0.3, 0.9, 1)),
    ],
)
def test_contract_of_every_filter(filter_, values):
    """Inputs stay as they were, one token survives, rows don't see each other, survivors' odds don't change."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 40, generator=generator, dtype=torch.float64) * 3
    logits[0] = 0.0
    logits[1, 1:] = -INF
    logits[2, ::2] = -INF
    logits[3] = torch.linspace(-50, 50, 40)
    before = logits.clone()
    for value in values:
        column_ = column(*[value] * 6)
        out = filter_(logits, column_)
        assert torch.equal(logits, before)
        assert out.shape == logits.shape
        assert out.dtype == logits.dtype
        assert torch.isfinite(out).any(dim=-1).all()
        assert not torch.isfinite(out[~torch.isfinite(logits)]).any()
        for row in range(6):
            assert torch.equal(filter_(logits[row : row + 1], column_[:1]), out[row : row + 1])
        if filter_ is not filters.temperature:
            survivors = torch.isfinite(out)
            assert torch.equal(out[survivors], logits[survivors])


def test_log_total_is_the_logarithm_of_the_sum_whatever_stands_beside():
    logits = torch.randn(5, 33, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 20
    total = filters.log_total(logits)
    torch.testing.assert_close(total[:, 0], logits.logsumexp(dim=-1), rtol=1e-14, atol=1e-14)
    spread = torch.full((5, 330), -INF, dtype=torch.float64)
    spread[:, 3::10] = logits
    assert torch.equal(filters.log_total(spread), total)
