"""The first truncation of whole rows on the CPU: what it can keep is found in the logits as they are.

A filter that keeps what is at least so far below the largest needs of the vocabulary only that bound: one pass finds
the largest logit of each block, another (for some filters) the sum of exponentials, and then only blocks that reach
the bound are looked at. What is found holds all that the filter keeps, and little more; the filter itself, the same
function as everywhere, decides over those few, in float64.

Shapes: R rows of logits, V vocabulary, B rows of a group, K candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from thermoscope.sampling import filters, passes
from thermoscope.sampling.filters import Masses
from thermoscope.sampling.stages import StageRows, mirostat_column

if TYPE_CHECKING:
    from thermoscope.cpu.logit_rows import Rows

#: A bound on a row's logits is taken lower by this share of what it is made of: float32 rounds by 2^-24.
_SLACK = 2.0**-20


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first truncation can keep.

    Attributes
    ----------
    logits, ids : Tensor (B, K), float64 and int64
        Logits, not yet divided by the temperature, and their tokens, ascending; filled up with token 0 at -inf.
    masses
        What the truncation has to know of the tokens that were left out.
    """

    logits: Tensor
    ids: Tensor
    masses: Masses | None


def truncation(stages: Sequence[str], group: StageRows, logits: Tensor) -> str | None:
    """The first of these stages that truncates, if what it can keep may be found before any of them runs."""
    if not passes.compiled_for(logits) or logits.shape[-1] <= filters.NARROW:
        return None
    rest = stages[1:] if stages[0] == "temperature" else stages
    if not rest or rest[0] not in _LEAST or (rest is not stages and group.has_dynamic_temperature):
        return None
    return rest[0]


def open_rows(logits: Tensor, taken: Tensor, stage: str, group: StageRows, *, tempered: bool) -> Opened:
    """What a truncation can keep of the rows ``taken`` (B,) of logits (R, V); ``tempered`` if temperature is before it.

    Rows that agree in logits, temperature and parameter are treated once.
    """
    from thermoscope.cpu.logit_rows import Rows

    t = group.column("temperature")[:, 0] if tempered else torch.ones(len(taken), dtype=torch.float64)
    value = _VALUES[stage](group)[:, 0] if stage in _VALUES else group.column(stage)[:, 0]
    which = torch.stack([taken.double(), t, value])
    distinct, inverse = torch.unique(which, dim=1, return_inverse=True)
    shared = distinct.shape[1] < len(taken)
    rows, t, value = (distinct[0].long(), distinct[1], distinct[2]) if shared else (taken, t, value)
    of = Rows(logits, rows)
    largest = of.largest[rows].double()
    bound, masses = _LEAST[stage](of, t, value)
    if stage != "top_k":  # in units of (l - max) / t
        bound = largest + t * bound - _SLACK * (largest.abs() + t * bound.abs())
    bound = torch.where(t > 0, bound, largest).nan_to_num(nan=float("-inf"))
    kept, ids = of.reaching(bound)
    if shared:
        kept, ids = kept[inverse], ids[inverse]
        masses = None if masses is None else masses.of_rows(inverse)
    return Opened(kept, ids, masses)


def _top_k(rows: Rows, t: Tensor, k: Tensor) -> tuple[Tensor, None]:
    bound = torch.empty(len(k), dtype=torch.float64)
    for number in torch.unique(k).tolist():
        of = (k == number).nonzero()[:, 0]
        bound[of] = rows.kth_block(int(number))[of].double()
    return bound, None


def _top_p(rows: Rows, t: Tensor, p: Tensor) -> tuple[Tensor, Masses]:
    total, depth = rows.nucleus(t, p)
    return torch.where(p < 1, -depth, float("-inf")), Masses(total[:, None])


def _by_masses(least: Callable[[Tensor, Masses], Tensor]) -> Callable[[Rows, Tensor, Tensor], tuple[Tensor, Masses]]:
    def bound(rows: Rows, t: Tensor, value: Tensor) -> tuple[Tensor, Masses]:
        total, mean = rows.masses(t)
        masses = Masses(total[:, None], mean[:, None])
        return least(value[:, None], masses).clamp(max=0)[:, 0], masses

    return bound


def _sigma(rows: Rows, t: Tensor, n: Tensor) -> tuple[Tensor, Masses]:
    sigma = rows.deviations() / t
    return -n * sigma, Masses(sigma=sigma[:, None])


#: Truncation -> what (l - max) / t must be at least (B,), for top_k what l must be, and what it has to know of all.
_LEAST: Mapping[str, Callable[[Rows, Tensor, Tensor], tuple[Tensor, Masses | None]]] = {
    "top_k": _top_k,
    "top_p": _top_p,
    "min_p": lambda rows, t, p: (p.log(), None),
    "epsilon_cutoff": _by_masses(filters.epsilon_least),
    "eta_cutoff": _by_masses(filters.eta_least),
    "top_a": _by_masses(filters.top_a_least),
    "mirostat": _by_masses(filters.mirostat_least),
    "top_n_sigma": _sigma,
}
_VALUES: Mapping[str, Callable[[StageRows], Tensor]] = {"mirostat": mirostat_column}
