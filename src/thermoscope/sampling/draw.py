"""The draw: the token with the largest sum of processed logit and keyed Gumbel noise.

``argmax_i (l'_i + g_i)`` with standard Gumbel ``g`` is an exact draw from ``softmax(l')`` (Gumbel 1954; Maddison
et al. 2014, "A* sampling", section 2). With noise keyed by (seed, prompt, position, token id) it is a pure
function of the row's own logits, setting, seed and position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.sampling import passes
from thermoscope.sampling.chain import Processed, process
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.filters import log_total
from thermoscope.sampling.noise import Keys
from thermoscope.settings.params import SamplingParams

#: Bytes of float64 logits that one pass of the draw may hold: large batches of a large vocabulary go in turns.
_PASS_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawn tokens and how they were drawn.

    Attributes
    ----------
    tokens : Tensor (B,), int64
    logprobs : Tensor (B,), float64
        Log-probability of each under the distribution that it was drawn from, nats; with XTC under the one that
        the coin chose.
    kept : Tensor (B,), float64, or None
        Log-probability of each before adaptive-p, NaN for rows without it; None if no row has it.
    """

    tokens: Tensor
    logprobs: Tensor
    kept: Tensor | None


def draw(
    logits: Tensor,
    params: Sequence[SamplingParams],
    keys: Keys,
    *,
    source: Tensor | None = None,
    prompt_ids: Sequence[Sequence[int]] | None = None,
    output_ids: Sequence[Sequence[int]] | None = None,
    drawn_logprobs: Sequence[Sequence[float]] | None = None,
    kept_logprobs: Sequence[Sequence[float]] | None = None,
    end_ids: Iterable[int] = (),
    effects: Effects | None = None,
) -> Drawn:
    """Draw one token per row.

    Parameters
    ----------
    logits : Tensor (R, V)
        The model's logits, natural-log units.
    params
        One setting per row, B in all.
    keys
        One (seed, prompt key, position) per row, B in all.
    source : Tensor (B,), int64, optional
        Row b draws from ``logits[source[b]]``; by default row b draws from row b.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row, for stages that count them.
    drawn_logprobs
        Log-probability of each token of the text under the distribution that it was drawn from, one list per row:
        what ``Drawn.logprobs`` gave. Mirostat's state.
    kept_logprobs
        What ``Drawn.kept`` gave, one list per row: adaptive-p's state.
    end_ids
        The tokens that end a text, for stages that forbid them.
    effects
        Where to note which stages changed anything.
    """
    rows, vocabulary = len(params), logits.shape[-1]
    if logits.device.type == "cpu" and logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()  # exact, and the type of the compiled loops
    if source is None:
        source = torch.arange(rows, device=logits.device)
    tokens = torch.empty(rows, dtype=torch.int64, device=logits.device)
    logprobs = torch.empty(rows, dtype=torch.float64, device=logits.device)
    adapts = any(setting.adaptive_target is not None for setting in params)
    kept = torch.full_like(logprobs, float("nan")) if adapts else None
    coins = keys.uniform() if any(setting.xtc_probability for setting in params) else None
    loops = passes.drawn_by_loops(logits)
    plain = {id(s) for s in {id(s): s for s in params}.values() if loops and _is_untouched(s, effects)}
    untouched = [row for row, setting in enumerate(params) if id(setting) in plain]
    if untouched:  # the rows as they are, without a copy
        at = torch.tensor(untouched)
        temperatures = torch.tensor([params[row].temperature for row in untouched], dtype=torch.float64)
        tokens[at], logprobs[at] = _from_rows(logits, source[at], temperatures, keys, at)
    rest = sorted(set(range(rows)).difference(untouched))
    step = max(1, _PASS_BYTES // (8 * vocabulary))
    for start in range(0, len(rest), step):
        turn = rest[start : start + step]
        here = torch.tensor(turn, device=logits.device)
        parts = process(
            logits,
            [params[row] for row in turn],
            source=source[here],
            prompt_ids=prompt_ids and [prompt_ids[row] for row in turn],
            output_ids=output_ids and [output_ids[row] for row in turn],
            drawn_logprobs=drawn_logprobs and [drawn_logprobs[row] for row in turn],
            kept_logprobs=kept_logprobs and [kept_logprobs[row] for row in turn],
            coins=None if coins is None else coins[here],
            end_ids=end_ids,
            effects=effects,
        )
        for part in parts:
            at = here[part.rows]
            tokens[at], logprobs[at], before = _draw_part(part, keys, at, vocabulary)
            if kept is not None and before is not None:
                kept[at] = before
    return Drawn(tokens, logprobs, kept)


def _draw_part(part: Processed, keys: Keys, at: Tensor, vocabulary: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Tokens (B,) and their log-probabilities (B,), at last and before adaptive-p, of what the chain left.

    ``at`` (B,) are the rows of the keys.
    """
    if part.before is None and part.ids is None and passes.drawn_by_loops(part.logits):
        one = torch.ones(len(at), dtype=torch.float64)
        temperatures = one if part.temperature is None else part.temperature[:, 0]
        return *_from_rows(part.logits, torch.arange(len(at)), temperatures, keys, at), None
    left = part.tempered()
    noise = keys.gumbel_all(at, vocabulary) if part.ids is None else keys.gumbel(at, part.ids, vocabulary)
    columns = (left + noise).argmax(dim=-1)  # (B,)
    chosen = left.gather(1, columns[:, None])[:, 0]
    before = None
    if part.before is not None:
        before = (part.before.gather(1, columns[:, None]) - log_total(part.before))[:, 0]
    return part.tokens(columns), chosen - log_total(left)[:, 0], before


def _from_rows(logits: Tensor, rows: Tensor, temperatures: Tensor, keys: Keys, at: Tensor) -> tuple[Tensor, Tensor]:
    """The same, by compiled loops, of rows (B,) of logits (R, V) at temperatures (B,)."""
    from thermoscope.cpu.logit_rows import Rows

    return Rows(logits, rows).draw(temperatures, *keys.triples(at))


def _is_untouched(setting: SamplingParams, effects: Effects | None) -> bool:
    """Whether temperature is all that the setting does, and nobody waits to see whether it does anything."""
    stages = setting.active_stages
    watched = effects is not None and any(effects.pending(stage, [setting]) for stage in stages)
    return not watched and set(stages) <= {"temperature"} and not setting.dynatemp_range
