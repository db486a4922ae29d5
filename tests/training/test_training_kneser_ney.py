import math

import numpy as np
import pytest
from training.kneser_ney import KneserNey, discounts, pack


def all_probabilities(model: KneserNey, context: list[int]) -> np.ndarray:
    v = model.vocab_size
    return model.probability(np.array([pack(np.array([*context, w]), model.order, v)[0] for w in range(v)]))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_sums_to_one_in_every_context(order: int) -> None:
    rng = np.random.default_rng(0)
    ids = rng.zipf(1.5, 3000).clip(0, 11) % 12
    ids[-1] = 0
    model = KneserNey(ids, 12, order)
    for _ in range(50):
        context = rng.integers(0, 12, order - 1).tolist()
        assert math.isclose(all_probabilities(model, context).sum(), 1, rel_tol=1e-12)


def test_bigram_by_hand() -> None:
    # one document "a b a b a c $" with $=0 a=1 b=2 c=3: bigrams $a:1 ab:2 ba:2 ac:1 c$:1
    model = KneserNey(np.array([1, 2, 1, 2, 1, 3, 0]), 4, 2)
    # counts of counts lack n3, so the discounts are .5 for 1, 1 for 2
    # continuation counts: a after {$, b}: 2, b after {a}: 1, c after {a}: 1, $ after {c}: 1, in all 5;
    # their discounts are 1 for a and .5 for the others, 2.5 in all
    unigram = {w: (count - d) / 5 + 2.5 / 5 / 4 for w, count, d in ((0, 1, 0.5), (1, 2, 1), (2, 1, 0.5), (3, 1, 0.5))}
    # after a stand b twice, c once: 3 in all, 1 + .5 discounted
    expected = {
        0: 1.5 / 3 * unigram[0],
        1: 1.5 / 3 * unigram[1],
        2: (2 - 1) / 3 + 1.5 / 3 * unigram[2],
        3: (1 - 0.5) / 3 + 1.5 / 3 * unigram[3],
    }
    assert all_probabilities(model, [1]) == pytest.approx([expected[w] for w in range(4)], rel=1e-12)


def test_discounts_by_hand() -> None:
    counts = np.repeat([1, 2, 3, 4], [40, 12, 6, 3])
    y = 40 / (40 + 24)
    expected = [0, 1 - 2 * y * 12 / 40, 2 - 3 * y * 6 / 12, 3 - 4 * y * 3 / 6]
    assert discounts(counts) == pytest.approx(expected)


def test_no_ngram_reaches_over_the_end_of_a_document() -> None:
    documents = [[1, 2, 3, 0], [2, 2, 0], [3, 1, 0]]
    one_way = KneserNey(np.concatenate(documents), 4, 3)
    other_way = KneserNey(np.concatenate(documents[::-1]), 4, 3)
    ids = np.array([1, 2, 2, 0])
    assert one_way.nll(ids) == pytest.approx(other_way.nll(ids))
    assert len(one_way.nll(np.concatenate(documents))) == 10


def test_more_context_helps_on_text_with_structure() -> None:
    ids = np.array(([1, 2, 3, 1, 2, 4] * 50 + [0]) * 2)
    losses = [KneserNey(ids, 5, order).nll(ids).mean() for order in (1, 2, 3, 5)]
    assert losses == sorted(losses, reverse=True)


def test_too_many_ngrams_for_64_bits() -> None:
    with pytest.raises(ValueError, match="lower the order"):
        KneserNey(np.array([1, 0]), 65536, 5)
