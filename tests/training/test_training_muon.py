import pytest
import torch
from training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(64, 256), (256, 64), (32, 32)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    made = orthogonal(matrix, torch.float32)
    turned = u.T @ made @ v.T  # diagonal if the vectors stayed
    inside = s > 0.05 * s.max()  # five rounds don't lift what is nearly 0
    assert turned.diagonal()[inside].min() > 0.6
    assert turned.diagonal().max() < 1.3
    assert (turned - turned.diagonal().diag()).abs().max() < 1e-4


def test_steps_are_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(2)
    start = [torch.randn(64, 256, generator=generator), torch.randn(256, 64, generator=generator)]
    ours, theirs = ([torch.nn.Parameter(matrix.clone()) for matrix in start] for _ in range(2))
    one = Muon(ours, lr=1e-2, weight_decay=0.1, dtype=torch.bfloat16)
    two = torch.optim.Muon(theirs, lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=generator)
            b.grad = a.grad.clone()
        one.step()
        two.step()
    for a, b, before in zip(ours, theirs, start, strict=True):
        moved = (b - before).norm()
        assert (a - b).norm() < 0.02 * moved  # bfloat16 rounds at 2^-8


def test_zero_gradient_moves_by_decay_alone() -> None:
    matrix = torch.nn.Parameter(torch.ones(4, 8))
    optimizer = Muon([matrix], lr=0.1, weight_decay=0.5, dtype=torch.float32)
    matrix.grad = torch.zeros(4, 8)
    optimizer.step()
    assert torch.allclose(matrix, torch.full((4, 8), 0.95))
