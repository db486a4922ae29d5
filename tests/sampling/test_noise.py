import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thermoscope import InputError
from thermoscope.cpu.logit_rows import Rows
from thermoscope.sampling.noise import MAX_SEED, Keys, check_seed, philox, prompt_key

#: Chance that one statistical test below fails for a right generator. The keys are fixed: it was taken once.
SIGNIFICANCE = 1e-4

PI = "243f6a8885a308d3 13198a2e03707344 a4093822299f31d0 082efa98ec4e6c89"


def signed(words: str | list[int]) -> torch.Tensor:
    numbers = [int(word, 16) for word in words.split()] if isinstance(words, str) else words
    return torch.from_numpy(np.array(numbers, dtype=np.uint64).view(np.int64))


# Random123 1.14, tests/kat_vectors, "philox4x64 10"
@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("0 0 0 0", "0 0", "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b"),
        (
            " ".join(["ffffffffffffffff"] * 4),
            " ".join(["ffffffffffffffff"] * 2),
            "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0",
        ),
        (
            PI,
            "452821e638d01377 be5466cf34e90c6c",
            "a528f45403e61d95 38c72dbd566e9788 a5a1610e72fd18b5 57bd43b5e52b7fe6",
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, words):
    assert philox(signed(counter), signed(key)).tolist() == signed(words).tolist()


words64 = st.integers(0, 2**64 - 1)


@given(st.lists(words64, min_size=4, max_size=4), st.lists(words64, min_size=2, max_size=2))
def test_philox_is_numpys(counter, key):
    state = np.array(counter, dtype=np.uint64)
    generator = np.random.Philox(counter=state, key=np.array(key, dtype=np.uint64))
    ahead = (sum(word << (64 * i) for i, word in enumerate(counter)) + 1) % 2**256  # numpy counts first
    ours = philox(signed([(ahead >> (64 * i)) % 2**64 for i in range(4)]), signed(key))
    assert ours.numpy().view(np.uint64).tolist() == generator.random_raw(4).tolist()


def test_philox_of_many_counters_is_philox_of_each():
    generator = torch.Generator().manual_seed(0)
    counters = torch.randint(-(2**63), 2**63 - 1, (4, 5, 7), generator=generator)
    keys = torch.randint(-(2**63), 2**63 - 1, (2, 5, 7), generator=generator)
    together = philox(counters, keys)
    for i in range(5):
        for j in range(7):
            assert torch.equal(together[:, i, j], philox(counters[:, i, j], keys[:, i, j]))


EDGES = [(0, 0, 0), (1, 2, 3), (MAX_SEED, MAX_SEED, 4095), (2**63, 2**63, 1), (12345, 2**63 - 1, 2**31)]


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 4, 5, 257, 50257])
def test_single_variates_are_those_of_the_whole_row(vocabulary):
    keys = Keys(EDGES)  # 5 rows: the larger vocabulary takes the other way to random access
    rows = torch.arange(len(EDGES))
    whole = keys.gumbel_all(rows, vocabulary)
    assert whole.shape == (len(EDGES), vocabulary)
    ids = torch.randint(0, vocabulary, (len(EDGES), 9), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, 1] = 0, vocabulary - 1
    assert torch.equal(keys.gumbel(rows, ids, vocabulary), whole.gather(1, ids))


def test_noise_of_a_token_does_not_know_the_vocabulary_or_the_other_rows():
    every = Keys(EDGES).gumbel_all(torch.arange(5), 1000)
    for i, triple in enumerate(EDGES):
        assert torch.equal(Keys([triple]).gumbel_all(torch.tensor([0]), 10)[0], every[i, :10])
    turned = Keys([EDGES[i] for i in (3, 3, 0, 1, 3)])
    assert torch.equal(turned.gumbel_all(torch.tensor([4, 2, 0]), 1000), every[[3, 0, 3]])


def test_noise_is_pinned():
    noise = Keys([(42, prompt_key([1, 2, 3]), 7)]).gumbel_all(torch.tensor([0]), 4)[0]
    assert noise.tolist() == pytest.approx(
        [2.0275672765407107, 0.6846077884601423, -1.1798777203077537, -0.36594371393681835], abs=1e-12
    )


def test_gumbel_from_the_published_words():
    """Counter (1, 0, 0, 0) under key 0, by way of numpy: block 1 is what it makes first from block 0."""
    words = np.random.Philox(counter=np.zeros(4, np.uint64), key=np.zeros(2, np.uint64)).random_raw(4)
    u = ((words >> np.uint64(12)).astype(float) + 0.5) / 2**52
    ours = Keys([(0, 0, 0)]).gumbel_all(torch.tensor([0]), 4)[0]
    np.testing.assert_allclose(ours.numpy(), -np.log(-np.log(u)), rtol=1e-13)


def test_noise_is_standard_gumbel():
    noise = Keys([(seed, 99, 0) for seed in range(20)]).gumbel_all(torch.arange(20), 10_000).flatten().numpy()
    assert stats.kstest(noise, "gumbel_r").pvalue > SIGNIFICANCE
    error = 4 / np.sqrt(len(noise))  # four standard errors, of a mean with deviation pi / sqrt(6)
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=error * np.pi / np.sqrt(6))
    assert noise.var() == pytest.approx(np.pi**2 / 6, rel=error * np.sqrt(4.4))  # kurtosis 5.4
    assert np.isfinite(noise).all()


@pytest.mark.parametrize("what", ["seed", "prompt", "position", "token"])
def test_noise_is_independent_across(what):
    n = 50_000
    triple = {"seed": (1, 5, 5), "prompt": (0, 6, 5), "position": (0, 5, 6), "token": (0, 5, 5)}[what]
    both = Keys([(0, 5, 5), triple]).gumbel_all(torch.tensor([0, 1]), n + 1).numpy()
    a, b = both[0, :n], both[1, 1:] if what == "token" else both[1, :n]
    assert abs(stats.spearmanr(a, b).statistic) < 4 / np.sqrt(n)
    table = np.histogram2d(stats.gumbel_r.cdf(a), stats.gumbel_r.cdf(b), bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(table.ravel()).pvalue > SIGNIFICANCE


def test_neighbouring_seeds_prompts_and_positions_are_uniform():
    """The first tokens of many keys that differ in one word by one, as a text's own are."""
    for triples in (
        [(i, 7, 3) for i in range(20_000)],
        [(7, i, 3) for i in range(20_000)],
        [(7, 3, i) for i in range(20_000)],
    ):
        noise = Keys(triples).gumbel(torch.arange(20_000), torch.full((20_000, 1), 11), 50257)[:, 0].numpy()
        assert stats.kstest(noise, "gumbel_r").pvalue > SIGNIFICANCE


def test_prompt_key_is_pinned_and_sees_every_token():
    assert prompt_key([]) == 0xB4B2797457A0A6E4
    assert prompt_key([1, 2, 3]) == 0x9E3D6A5F74569CD6
    keys = {prompt_key(ids) for ids in ([1], [1, 1], [1, 0], [0, 1], [256], [65536], [1, 2], [2, 1])}
    assert len(keys) == 8
    assert all(0 <= key < 2**64 for key in keys)
    assert prompt_key((1, 2, 3)) == prompt_key(np.array([1, 2, 3]))


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, np.int64(3), np.uint64(2**64 - 1)])
def test_seeds(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.0, "1", None, np.float64(1), [1]])
def test_bad_seeds(seed):
    with pytest.raises(InputError, match="a seed must be") as caught:
        check_seed(seed)
    assert "\n" not in str(caught.value)


def test_seeds_that_differ_by_the_sign_bit_differ():
    noise = Keys([(0, 1, 1), (2**63, 1, 1), (MAX_SEED, 1, 1)]).gumbel_all(torch.arange(3), 8)
    assert len({tuple(row) for row in noise.tolist()}) == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_noise_on_cuda_is_that_of_the_cpu():
    rows = torch.arange(len(EDGES))
    here, there = Keys(EDGES), Keys(EDGES, device="cuda")
    whole = here.gumbel_all(rows, 50257)
    torch.testing.assert_close(there.gumbel_all(rows.cuda(), 50257).cpu(), whole, rtol=1e-14, atol=1e-14)
    ids = torch.randint(0, 50257, (len(EDGES), 50))
    torch.testing.assert_close(
        there.gumbel(rows.cuda(), ids.cuda(), 50257).cpu(), whole.gather(1, ids), rtol=1e-14, atol=1e-14
    )


@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 5.0])
@pytest.mark.parametrize("vocabulary", [3, 64, 65, 5000])
def test_the_argmax_of_all_is_found_without_the_noise_of_all(spread, vocabulary):
    """Flat rows, where any token may win, and peaked ones; rows that share noise; removed tokens."""
    generator = torch.Generator().manual_seed(vocabulary)
    rows = 40
    logits = torch.randn(rows, vocabulary, generator=generator, dtype=torch.float64) * spread
    logits[::3, ::2] = -torch.inf
    logits[1::7, :-1] = -torch.inf
    keys = Keys([(seed // 2, 3, 5) for seed in range(rows)])
    some = torch.arange(rows).flip(0)[:33]
    want = (logits[:33] + keys.gumbel_all(some, vocabulary)).argmax(dim=-1)
    got, logprobs = Rows(logits, torch.arange(33)).draw(torch.ones(33, dtype=torch.float64), *keys.triples(some))
    assert torch.equal(got, want)
    exact = torch.log_softmax(logits[:33], dim=-1).gather(1, want[:, None])[:, 0]
    some_left = logits[:33].amax(dim=-1) > -torch.inf
    torch.testing.assert_close(logprobs[some_left], exact[some_left], rtol=0, atol=1e-13)
