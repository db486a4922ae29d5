"""The chain: runs the stages that a setting switches on, in its order, and says which tokens are left.

Rows are grouped by the tuple of their active stages, so a stage that is off costs nothing and rows with
different values share a batch. Everything runs in float64: a draw at temperature T then agrees with the exact
spectrum to far below the spacing of float32 logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.errors import BadLogitsError, InputError
from thermoscope.params import SamplingParams
from thermoscope.sampling import filters
from thermoscope.sampling.whole import at_least


@dataclass(frozen=True, slots=True)
class StageRows:
    """What a stage may look at beside the logits: the rows that it works on, all with the stage switched on.

    Attributes
    ----------
    settings
        One per row, B in all.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row; None if the caller has none.
    device
        Where the logits are.
    """

    settings: Sequence[SamplingParams]
    prompt_ids: Sequence[Sequence[int]] | None
    output_ids: Sequence[Sequence[int]] | None
    device: torch.device

    def column(self, name: str) -> Tensor:
        """A parameter of every row as a tensor (B, 1), float64."""
        values = [[getattr(setting, name)] for setting in self.settings]
        return torch.tensor(values, dtype=torch.float64, device=self.device)


#: stage -> function of (logits (B, K), the rows) that gives the logits (B, K) after it
_FUNCTIONS: Mapping[str, Callable[[Tensor, StageRows], Tensor]] = {
    "temperature": lambda logits, rows: filters.temperature(logits, rows.column("temperature")),
    "top_k": lambda logits, rows: filters.top_k(logits, rows.column("top_k")),
    "top_p": lambda logits, rows: filters.top_p(logits, rows.column("top_p")),
    "min_p": lambda logits, rows: filters.min_p(logits, rows.column("min_p")),
}
#: Stages that keep the order of logits within a row: what top_k would drop after them, it may drop before.
_MONOTONE = frozenset({"temperature"})
#: Stages that keep every token (but at temperature 0).
_KEEP_ALL = frozenset({"temperature"})
#: Survivors are few if they are fewer than one in so many.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Processed:
    """What the chain left of some rows.

    Attributes
    ----------
    rows : Tensor (B,), int64
        Which rows of the input these are.
    logits : Tensor (B, K), float64
        Processed logits; removed tokens at -inf. ``softmax(logits)`` is the distribution to draw from.
    ids : Tensor (B, K), int64, or None
        The token of each column, ascending in each row up to columns at -inf that fill it up; None if the columns
        are the whole vocabulary.
    """

    rows: Tensor
    logits: Tensor
    ids: Tensor | None

    def tokens(self, columns: Tensor) -> Tensor:
        """Token ids (B,) of the given columns (B,)."""
        return columns if self.ids is None else self.ids.gather(1, columns[:, None])[:, 0]


def process(
    logits: Tensor,
    params: Sequence[SamplingParams],
    *,
    source: Tensor | None = None,
    prompt_ids: Sequence[Sequence[int]] | None = None,
    output_ids: Sequence[Sequence[int]] | None = None,
) -> Iterator[Processed]:
    """Run every row's stages; yield groups of rows that together cover all of them once.

    Parameters
    ----------
    logits : Tensor (R, V)
        The model's logits, natural-log units.
    params
        One setting per row, B in all.
    source : Tensor (B,), int64, optional
        Row b takes its logits from ``logits[source[b]]``; by default row b takes row b.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row, for stages that count them.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, setting in enumerate(params):
        groups.setdefault(setting.active_stages, []).append(row)
    for stages, members in groups.items():
        rows = torch.tensor(members, device=logits.device)
        taken = rows if source is None else source[rows]
        group = StageRows(
            settings=[params[row] for row in members],
            prompt_ids=prompt_ids and [prompt_ids[row] for row in members],
            output_ids=output_ids and [output_ids[row] for row in members],
            device=logits.device,
        )
        kept, ids = _preselect(logits, taken, stages, group.settings)
        for stage in stages:
            kept = _FUNCTIONS[stage](kept, group)
        yield Processed(rows, *(_compact(kept) if ids is None and set(stages) - _KEEP_ALL else (kept, ids)))


def probabilities(
    logits: Tensor,
    params: SamplingParams | Sequence[SamplingParams],
    *,
    prompt_ids: Sequence[Sequence[int]] | None = None,
    output_ids: Sequence[Sequence[int]] | None = None,
) -> Tensor:
    """The distribution that the next token of each row is drawn from.

    Parameters
    ----------
    logits : Tensor (B, V)
        The model's logits, natural-log units; -inf marks tokens that can't be.
    params
        One setting for all rows, or one per row.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row, for stages that count them (none of
        today's stages does).

    Returns
    -------
    Tensor (B, V)
        Probabilities in the floating-point type of ``logits``; each row sums to 1. Without a gradient.

    Raises
    ------
    InputError
        Shapes don't fit each other.
    BadLogitsError
        A row holds NaN or +inf, or no finite value.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.is_floating_point():
        raise InputError(f"logits must be a floating-point tensor of shape (B, V); got {_kind(logits)}")
    if logits.shape[1] == 0:
        raise InputError(f"logits must have at least one token; got shape {tuple(logits.shape)}")
    rows, vocabulary = logits.shape
    settings = settings_of(params)
    if isinstance(params, SamplingParams):
        settings *= rows
    for name, lists in (("params", settings), ("prompt_ids", prompt_ids), ("output_ids", output_ids)):
        if lists is not None and len(lists) != rows:
            raise InputError(f"{name} must have one entry per row; got {len(lists)} for {rows} rows of logits")
    if rows == 0:
        return logits.clone()
    check_logits(logits)
    result = logits.new_zeros((rows, vocabulary))
    for part in process(logits.detach(), settings, prompt_ids=prompt_ids, output_ids=output_ids):
        p = torch.exp(part.logits - filters.log_total(part.logits)).to(logits.dtype)
        result[part.rows] = p if part.ids is None else logits.new_zeros(len(p), vocabulary).scatter_add_(1, part.ids, p)
    return result


def settings_of(params: SamplingParams | Sequence[SamplingParams]) -> list[SamplingParams]:
    """One setting or several as a list; InputError for anything else."""
    if isinstance(params, SamplingParams):
        return [params]
    settings = list(params) if isinstance(params, Iterable) else [params]
    for setting in settings:
        if not isinstance(setting, SamplingParams):
            raise InputError(
                f"params must be SamplingParams; got {setting!r:.60}; write SamplingParams(temperature=0.7)"
            )
    return settings


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return type(value).__name__


def check_logits(logits: Tensor) -> None:
    """Raise BadLogitsError unless every row has a finite maximum and no NaN. logits (B, V)."""
    bad = ~torch.isfinite(logits.amax(dim=-1))  # the maximum carries NaN along
    if bool(bad.any()):
        row = int(bad.nonzero()[0, 0])
        raise BadLogitsError(
            f"the model's logits must be numbers below infinity; row {row} has NaN, +inf or nothing finite: "
            "load the model with dtype float32, or check its weights"
        )


def _preselect(
    logits: Tensor, taken: Tensor, stages: tuple[str, ...], settings: Sequence[SamplingParams]
) -> tuple[Tensor, Tensor | None]:
    """Candidates (B, K), float64, and their ids; only those that a top_k to come can keep, if it comes first."""
    first = next((stage for stage in stages if stage not in _MONOTONE), None)
    vocabulary = logits.shape[-1]
    if first != "top_k":
        return logits[taken].double(), None
    k = max(setting.top_k or 0 for setting in settings)
    unique, inverse = torch.unique(taken, return_inverse=True)  # rows that share logits share the search
    searched = logits if len(unique) == len(logits) else logits[unique]
    if k < vocabulary:
        values, ids = torch.topk(searched, k + 1, dim=-1)
        kth = values[:, k - 1]
        if bool(((kth == values[:, k]) & torch.isfinite(kth)).any()):  # bfloat16 has many ties
            values, ids = at_least(searched, kth)
            return values[inverse].double(), ids[inverse]
        ids = ids[:, :k].sort(dim=-1).values
        return searched.gather(1, ids)[inverse].double(), ids[inverse]
    return logits[taken].double(), None


def _compact(logits: Tensor) -> tuple[Tensor, Tensor | None]:
    """The surviving candidates (B, K) with their ids, where they are few; else all (B, V) and None.

    Rows with fewer survivors than K are filled up with token 0 at -inf.
    """
    survives = logits > filters.NEG_INF
    counts = survives.sum(dim=-1)
    width = int(counts.max())
    if width * _FEW > logits.shape[-1]:
        return logits, None
    rows, tokens = survives.nonzero(as_tuple=True)  # row by row, tokens ascending
    places = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    ids = torch.zeros((len(logits), width), dtype=torch.int64, device=rows.device)
    kept = torch.full((len(logits), width), filters.NEG_INF, dtype=logits.dtype, device=rows.device)
    ids[rows, places] = tokens
    kept[rows, places] = logits[rows, tokens]
    return kept, ids
