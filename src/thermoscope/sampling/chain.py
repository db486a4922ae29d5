"""The chain: runs the stages that a setting switches on, in its order, and says which tokens are left.

Rows are grouped by the tuple of their active stages, so a stage that is off costs nothing and rows with different
values share a batch. On the CPU the first truncation finds its candidates in the whole rows (candidates.py), and a
temperature that comes last is left to the draw. Temperatures divide in float64: a draw at temperature T then agrees
with the exact spectrum to far below the spacing of float32 logits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import torch
from torch import Tensor

from thermoscope.errors import BadLogitsError, InputError, ParameterError
from thermoscope.sampling import filters
from thermoscope.sampling.candidates import open_rows, truncation
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.lists import per_row, token_ids
from thermoscope.sampling.passes import at_least
from thermoscope.sampling.stages import FUNCTIONS, StageRows, temperature_column
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import OPAQUE, STAGES, TRUNCATIONS, stages_that

#: Stages that look at tokens by their id, and so need the whole vocabulary as columns.
_BY_TOKEN = stages_that("by_token")
#: Stages that keep the order of logits within a row: what top_k would drop after them, it may drop before.
_MONOTONE = stages_that("keeps_order")
#: Stages that keep every token (but at temperature 0), and those that remove tokens by their id in place.
_KEEP_ALL = frozenset(STAGES) - TRUNCATIONS | _BY_TOKEN
#: Survivors are few if they are fewer than one in so many.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Processed:
    """What the chain left of some rows.

    Attributes
    ----------
    rows : Tensor (B,), int64
        Which rows of the input these are.
    logits : Tensor (B, K)
        Processed logits; removed tokens at -inf. ``softmax(tempered())`` is the distribution to draw from.
    ids : Tensor (B, K), int64, or None
        The token of each column, ascending in each row up to columns at -inf that fill it up; None if the columns
        are the whole vocabulary.
    temperature : Tensor (B, 1), float64, or None
        By what the logits of whole rows are still to be divided; None if that is done.
    before : Tensor (B, K), or None
        The logits before adaptive-p, which goes on from the probability that a drawn token had there.
    """

    rows: Tensor
    logits: Tensor
    ids: Tensor | None
    temperature: Tensor | None = None
    before: Tensor | None = None

    def tempered(self) -> Tensor:
        """The logits (B, K) of the distribution to draw from, float64."""
        return self.logits.double() if self.temperature is None else filters.temperature(self.logits, self.temperature)

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
    drawn_logprobs: Sequence[Sequence[float]] | None = None,
    kept_logprobs: Sequence[Sequence[float]] | None = None,
    coins: Tensor | None = None,
    end_ids: Iterable[int] = (),
    effects: Effects | None = None,
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
    drawn_logprobs
        Log-probability of each token of the text under the distribution that it was drawn from, for mirostat.
    kept_logprobs
        The same before adaptive-p, for adaptive-p.
    coins : Tensor (B,), optional
        One uniform variate per row, for XTC.
    end_ids
        The tokens that end a text, for stages that forbid them.
    effects
        Where to note which stages changed anything.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    active = {id(setting): setting.active_stages for setting in {id(s): s for s in params}.values()}
    for row, setting in enumerate(params):
        groups.setdefault(active[id(setting)], []).append(row)
    for stages, members in groups.items():
        rows = torch.tensor(members, device=logits.device)
        group = StageRows(
            settings=[params[row] for row in members],
            prompt_ids=prompt_ids and [prompt_ids[row] for row in members],
            output_ids=output_ids and [output_ids[row] for row in members],
            drawn_logprobs=drawn_logprobs and [drawn_logprobs[row] for row in members],
            kept_logprobs=kept_logprobs and [kept_logprobs[row] for row in members],
            coins=None if coins is None else coins[rows],
            device=logits.device,
            end_ids=tuple(end_ids),
        )
        taken = rows if source is None else source[rows]
        last = "adaptive_p" if stages[-1:] == ("adaptive_p",) else None
        kept, ids, temperature = _run(logits, taken, stages[:-1] if last else stages, group, effects)
        if ids is None and temperature is None and set(stages) - _KEEP_ALL:
            parts = _compact(rows, kept)
        else:
            parts = iter([Processed(rows, kept, ids, temperature)])
        yield from parts if last is None else (_adapted(part, members, group, effects) for part in parts)


def _adapted(part: Processed, members: Sequence[int], group: StageRows, effects: Effects | None) -> Processed:
    """A part after adaptive-p, with the logits before it; ``members`` are the rows of the group."""
    places = {row: place for place, row in enumerate(members)}
    own = [places[row] for row in part.rows.tolist()]
    kept = group.kept_logprobs and [group.kept_logprobs[place] for place in own]
    of = replace(group, settings=[group.settings[place] for place in own], kept_logprobs=kept)
    before = part.tempered()
    after = FUNCTIONS["adaptive_p"](before, of)
    if effects is not None and effects.pending("adaptive_p", of.settings):
        effects.note("adaptive_p", of.settings, before, after, None)
    return Processed(part.rows, after, part.ids, None, before)


def _run(
    logits: Tensor, taken: Tensor, stages: Sequence[str], group: StageRows, effects: Effects | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The stages over the rows ``taken`` of logits (R, V): logits (B, K), ids where K is not V, temperature to come."""
    kept: Tensor | None = None  # not yet taken out of the logits
    ids: Tensor | None = None
    narrowed: _Narrowed | None = None
    for n, stage in enumerate(stages):
        watched = effects is not None and effects.pending(stage, group.settings)
        if ids is None:
            whole, rows = (logits, taken) if kept is None else (kept, None)
            narrowed = _narrow(whole, rows, stages[n:], group, effects)
            if narrowed is not None:
                kept, ids = narrowed.logits, narrowed.ids
            elif kept is None:
                kept = logits if _is_all(taken, len(logits)) else logits[taken]
            if narrowed is None and stage == "temperature" and n == len(stages) - 1:
                if watched and effects is not None:
                    effects.record(stage, group.settings, _differ(kept))
                return kept, None, temperature_column(kept, group)
        assert kept is not None
        of = group if narrowed is None or narrowed.first != stage else replace(group, masses=narrowed.masses)
        before, kept = kept, FUNCTIONS[stage](kept, of)
        if watched and effects is not None:
            if narrowed is not None and stage == "temperature":
                effects.record(stage, group.settings, narrowed.differ)
            else:
                width = narrowed.width if narrowed is not None and stage == narrowed.first else None
                effects.note(stage, group.settings, before, kept, width)
        if narrowed is not None and stage == narrowed.first:
            narrowed = None
    return logits[taken] if kept is None else kept, ids, None


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """Candidates (B, K) of the stage ``first``, which may have a temperature before it.

    ``width`` (B,) is how many tokens each row had and ``differ`` (B,) whether their logits differ, where that is
    watched.
    """

    first: str
    logits: Tensor
    ids: Tensor
    masses: filters.Masses | None
    width: Tensor | None
    differ: Tensor


def _narrow(
    logits: Tensor, taken: Tensor | None, stages: Sequence[str], group: StageRows, effects: Effects | None
) -> _Narrowed | None:
    """What the first truncation of ``stages`` can keep of the rows ``taken`` (all by default), if that can be said."""
    if not _BY_TOKEN.isdisjoint(stages):
        return None
    first = truncation(stages, group, logits)
    if first is not None:
        rows = torch.arange(len(logits)) if taken is None else taken
        opened = open_rows(logits, rows, first, group, tempered=stages[0] == "temperature")
        kept, ids, masses = opened.logits, opened.ids, opened.masses
    elif _next_is_top_k(stages, group):
        first = "top_k"
        masses = None
        kept, found = _candidates(logits, taken, [setting.top_k or 0 for setting in group.settings])
        if found is None:
            return None
        ids = found
    else:
        return None
    width: Tensor | None = None
    differ = torch.empty(0)
    if effects is not None and any(effects.pending(stage, group.settings) for stage in ("temperature", first)):
        whole = logits if taken is None else logits[taken]
        width, differ = (whole > filters.NEG_INF).sum(dim=-1), _differ(whole)
    return _Narrowed(first, kept, ids, masses, width, differ)


def _differ(logits: Tensor) -> Tensor:
    """Which rows (B,) have finite logits that differ, so that a temperature changes their distribution."""
    return ((logits > filters.NEG_INF) & (logits < logits.amax(dim=-1, keepdim=True))).any(dim=-1)


def _is_all(taken: Tensor, rows: int) -> bool:
    """Whether the rows taken are all of them in order, so that none has to be copied."""
    return len(taken) == rows and bool((taken == torch.arange(rows, device=taken.device)).all())


def _next_is_top_k(stages: Sequence[str], group: StageRows) -> bool:
    """Whether top_k may come first: before it are only stages that keep the order of logits."""
    first = next((stage for stage in stages if stage not in _MONOTONE), None)
    return first == "top_k" and (stages[0] == "top_k" or not group.has_dynamic_temperature)  # entropy of all of them


def _candidates(logits: Tensor, taken: Tensor | None, ks: Sequence[int]) -> tuple[Tensor, Tensor | None]:
    """Those that top_k can keep of the rows ``taken`` (all by default): logits (B, K) and ids, in order of id."""
    vocabulary = logits.shape[-1]
    k = max(ks)
    if taken is None:
        searched, inverse = logits, torch.arange(len(logits), device=logits.device)
    else:
        unique, inverse = torch.unique(taken, return_inverse=True)  # rows that share logits share the search
        searched = logits if len(unique) == len(logits) else logits[unique]
    if k < vocabulary:
        values, ids = torch.topk(searched, k + 1, dim=-1)
        kth = values[:, k - 1]
        if bool(((kth == values[:, k]) & torch.isfinite(kth)).any()):  # ties: bfloat16 has many
            values, ids = at_least(searched, kth)
            return values[inverse].double(), ids[inverse]
        ids = ids[:, :k].sort(dim=-1).values
        return searched.gather(1, ids)[inverse].double(), ids[inverse]
    return searched[inverse], None


def probabilities(
    logits: Tensor,
    params: SamplingParams | Sequence[SamplingParams],
    *,
    prompt_ids: Sequence[Sequence[int]] | None = None,
    output_ids: Sequence[Sequence[int]] | None = None,
    drawn_logprobs: Sequence[Sequence[float]] | None = None,
    kept_logprobs: Sequence[Sequence[float]] | None = None,
    end_ids: Iterable[int] = (),
) -> Tensor:
    """The distribution that the next token of each row is drawn from.

    Parameters
    ----------
    logits : Tensor (B, V)
        The model's logits, natural-log units; -inf marks tokens that can't be.
    params
        One setting for all rows, or one per row.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row, for stages that count them: repetition,
        presence and frequency penalties, no_repeat_ngram and DRY. Without them there are none.
    drawn_logprobs
        Log-probability, nats, of each token of the text under the distribution that it was drawn from, one list
        per row: mirostat's state. Without it the text is at its start.
    kept_logprobs
        The same before adaptive-p, which makes the last of it: its state.
    end_ids
        The tokens that end a text, as ``model.end_of_text``: ``min_new_tokens`` forbids them.

    Returns
    -------
    Tensor (B, V)
        Probabilities in the floating-point type of ``logits``; each row sums to 1. Without a gradient. XTC throws a
        coin before each token: this is the mixture of both outcomes.

    Raises
    ------
    InputError
        Shapes don't fit each other.
    ParameterError
        A setting names a token beyond the columns of ``logits``.
    BadLogitsError
        A row holds NaN or +inf, or no finite value.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.is_floating_point():
        raise InputError(f"logits must be a floating-point tensor of shape (B, V); got {_kind(logits)}")
    if logits.shape[1] == 0:
        raise InputError(f"logits must have at least one token; got shape {tuple(logits.shape)}")
    rows, vocabulary = logits.shape
    settings = settings_of(params, vocabulary)
    if isinstance(params, SamplingParams):
        settings *= rows
    if len(settings) != rows:
        raise InputError(f"params must have one entry per row; got {len(settings)} for {rows} rows of logits")
    prompt_ids = token_ids("prompt_ids", prompt_ids, rows, vocabulary)
    output_ids = token_ids("output_ids", output_ids, rows, vocabulary)
    drawn_logprobs = per_row("drawn_logprobs", drawn_logprobs, rows, Real, "numbers")
    kept_logprobs = per_row("kept_logprobs", kept_logprobs, rows, Real, "numbers")
    (ends,) = token_ids("end_ids", [list(end_ids)], 1, vocabulary) or [[]]
    if rows == 0:
        return logits.clone()
    check_logits(logits)
    share = torch.tensor([setting.xtc_probability or 0.0 for setting in settings], dtype=torch.float64)
    share = share.to(logits.device)[:, None]  # how often XTC's coin says yes
    result = logits.new_zeros((rows, vocabulary), dtype=torch.float64)
    for coin, weight in ((0.0, share), (1.0, 1 - share)):
        coins = torch.full((rows,), coin, dtype=torch.float64, device=logits.device)
        if bool((weight == 0).all()):
            continue
        parts = process(
            logits.detach(), settings, prompt_ids=prompt_ids, output_ids=output_ids, drawn_logprobs=drawn_logprobs,
            kept_logprobs=kept_logprobs, coins=coins, end_ids=ends,
        )  # fmt: skip
        for part in parts:
            left = part.tempered()
            p = torch.exp(left - filters.log_total(left)).mul_(weight[part.rows])
            if part.ids is None:
                result[part.rows] += p
            else:
                result[part.rows] += p.new_zeros(len(p), vocabulary).scatter_add_(1, part.ids, p)
    return result.to(logits.dtype)


def settings_of(
    params: SamplingParams | Iterable[SamplingParams], vocabulary: int | None = None
) -> list[SamplingParams]:
    """One setting or several as a list, for V tokens of a model that runs here; None for an endpoint.

    Raises
    ------
    InputError
        One is no setting.
    ParameterError
        One names a token that is not there, or has a parameter for endpoints alone.
    """
    settings: list[SamplingParams] = (
        [params] if isinstance(params, SamplingParams) or not isinstance(params, Iterable) else list(params)
    )
    for setting in settings:
        if not isinstance(setting, SamplingParams):
            raise InputError(
                f"params must be SamplingParams; got {setting!r:.60}; write SamplingParams(temperature=0.7)"
            )
        if vocabulary is not None:
            check_setting(setting, vocabulary)
    return settings


def check_setting(setting: SamplingParams, vocabulary: int) -> None:
    """Raise ParameterError if a model of V tokens that runs here can't run a setting."""
    for name in OPAQUE:
        if (value := getattr(setting, name)) is not None:
            raise ParameterError(
                f"{name} is for models behind an endpoint; got {value} for a model that runs here; leave it out, or "
                f"give it to the chat template, if that reads it: --chat-option {name}={value}"
            )
    biased = [token for token, _ in setting.logit_bias or ()]
    for name, tokens in (("logit_bias", biased), ("dry_breakers", setting.dry_breakers or ())):
        beyond = next((token for token in tokens if token >= vocabulary), None)
        if beyond is not None:
            raise ParameterError(
                f"{name} must have token ids below {vocabulary}, the size of the vocabulary; got {beyond}; "
                "take it out, or use an id of this model's tokenizer"
            )


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


def _compact(rows: Tensor, logits: Tensor) -> Iterator[Processed]:
    """Rows (B,) of logits (B, V): those with few survivors (each by itself) as these and their ids, the others whole.

    Rows with fewer survivors than columns are filled up with token 0 at -inf.
    """
    counts = (logits > filters.NEG_INF).sum(dim=-1)
    few = counts * _FEW <= logits.shape[-1]
    for some, compacted in ((few, True), (~few, False)):
        if not bool(some.any()):
            continue
        of = logits if bool(some.all()) else logits[some]
        kept, ids = at_least(of, torch.full_like(of[:, 0], torch.finfo(of.dtype).min)) if compacted else (of, None)
        yield Processed(rows[some], kept, ids)
