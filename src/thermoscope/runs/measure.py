"""Measuring the texts of a run: as columns, then evidence, then the tables that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.metrics.embedding import Watched
from thermoscope.metrics.ragged import Ragged, starts_of
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.table import nullable, setting_columns, with_thinking
from thermoscope.metrics.texts import Texts
from thermoscope.metrics.thinking import Columns
from thermoscope.metrics.thoughts import Thoughts, texts_and_thoughts
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.statistics.evidence import Evidence
from thermoscope.statistics.reference import Reference
from thermoscope.words import count

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured on all texts of a run.

    Attributes
    ----------
    evidence
        Measures with intervals, for claims.
    tables
        The tables that are kept, by name.
    reference
        Why there is no distance to the reference, or what limits it; "" if nothing does.
    notes
        What a reader must know of thinking in the texts, a sentence each.
    thinking
        Measures per setting of the thinking, where some texts hold it and it is measured apart.
    """

    evidence: Evidence
    tables: dict[str, pyarrow.Table]
    reference: str
    notes: tuple[str, ...] = ()
    thinking: tuple[Mapping[str, Any], ...] = ()


def stored_texts(
    plan: Plan, store: Store, measuring: Measuring, opens: Callable[[str], bool] = lambda _: False
) -> tuple[Texts, Thoughts]:
    """The texts of a run as columns to be measured, from what is stored, and their thinking.

    ``opens`` says whether a prompt, as the model sees it, opens a block of thinking.
    """
    table, tokens = store.texts(), store.tokens()
    order = np.argsort(table["text_id"].to_numpy(), kind="stable")
    table = table.take(order)
    counts, spoken = (table[name].to_numpy() * (plan.tokens != "none") for name in ("tokens", "text_tokens"))
    starts = starts_of(counts)

    def column(name: str) -> Ragged:
        return Ragged(tokens[name].to_numpy(), starts)

    def records(name: str) -> Ragged | None:  # none of an endpoint that gives none, or of a version without them
        known = name in tokens.column_names and not tokens[name].null_count == len(tokens) > 0
        return column(name) if known else None

    def of_text(name: str) -> Ragged:  # without a final end-of-text token and what a stop string cut off
        return column(name).spans(starts[:-1], spoken)

    by_id = {setting.id: setting for setting in plan.settings}
    answers = {prompt.text: prompt.answer for prompt in measuring.use_case.prompts}
    columns = Columns(
        table["text"].to_pylist(),
        of_text("token_id"),
        of_text("text_end"),
        records("logprob"),
        records("entropy"),
        records("tempered_entropy"),
    )
    return texts_and_thoughts(
        columns,
        [plan.prompts[i] for i in table["prompt_id"].to_pylist()],
        [by_id[name] for name in table["setting_id"].to_pylist()],
        measuring.thinking,
        opens,
        length=plan.max_new_tokens,
        embedder=measuring.embedder,
        scorer=measuring.scorer,
        answers=[answers.get(plan.prompts[i]) for i in table["prompt_id"].to_pylist()],
        answer_pattern=measuring.use_case.answer_pattern,
        tokens_kept=plan.tokens != "none",
    )


def measure_run(
    plan: Plan,
    store: Store,
    measuring: Measuring,
    reference: Reference | str,
    opens: Callable[[str], bool],
    on_stage: Callable[[str, int, int], None] | None,
) -> Measurements:
    """Measure all stored texts.

    Parameters
    ----------
    plan, store, measuring
        The run, its folder, and how it is measured.
    reference
        What the texts are compared with, or why with nothing.
    opens
        Whether a prompt, as the model sees it, opens a block of thinking.
    on_stage
        Told what is under way, how much of it is done and how much there is.
    """
    if on_stage is not None and measuring.embedder is not None:
        measuring = replace(measuring, embedder=Watched(measuring.embedder, partial(on_stage, "embedding texts")))
    texts, thoughts = stored_texts(plan, store, measuring, opens)
    evidence = Evidence(texts, reference if isinstance(reference, Reference) else None, on_stage)
    note = reference.note if isinstance(reference, Reference) else reference
    apart = None if thoughts.texts is None else Evidence(thoughts.texts)
    tables = _tables(plan, store, evidence)
    if thoughts.texts is not None:
        tables["measures"] = with_thinking(tables["measures"], thoughts.texts, thoughts.rows)
    notes = (*(() if thoughts.said is None else (thoughts.said,)), *not_kept(plan), *failed_scores(texts))
    return Measurements(
        evidence, tables, note, notes, () if apart is None else tuple(apart.settings_table().to_pylist())
    )


def not_kept(plan: Plan) -> tuple[str, ...]:
    """Which measures are unknown because of what is not kept of tokens, a sentence; none if all is kept."""
    if plan.tokens == "records":
        return ()
    of_records = [m.summary_name for m in MEASURES.values() if m.needs in ("records", "temperatures")]
    of_tokens = [m.summary_name for m in MEASURES.values() if m.reads == "tokens"]
    lost, what = (of_tokens, "tokens") if plan.tokens == "none" else (of_records, "records of tokens")
    return (f"No {what} were kept (--keep-tokens {plan.tokens}), so these measures are unknown: {', '.join(lost)}.",)


def failed_scores(texts: Texts) -> tuple[str, ...]:
    """How many texts have no score because the scorer failed on them, and why, a sentence; none if none failed."""
    failed = texts.score_failures
    if not failed:
        return ()
    return (f"The scorer failed on {len(failed)} of {count(len(texts), 'text')}, which have no score: {failed[0]}.",)


def _tables(plan: Plan, store: Store, evidence: Evidence) -> dict[str, pyarrow.Table]:
    import pyarrow as pa

    texts = evidence.texts
    table = store.texts().sort_by("text_id")
    columns = {name: table[name] for name in ("text_id", "prompt_id", "setting_id", "setting", "temperature", "seed")}
    columns |= {name: nullable(texts.in_given_order(values)) for name, values in evidence.of_texts.items()}
    settings = [texts.setting_names[i] for i in texts.group_setting.tolist()]
    named = setting_columns(settings)
    groups = {
        "prompt_id": pa.array([plan.prompts.index(texts.prompt_names[i]) for i in texts.group_prompt], pa.int32()),
        **{name: named[name] for name in ("setting_id", "setting", "temperature")},
        "texts": pa.array(texts.groups, pa.int64()),
    } | {name: nullable(values) for name, values in evidence.of_groups.items()}
    return {
        "measures": pa.table(columns),
        "groups": pa.table(groups),
        "settings": evidence.settings_table(),
        "differences": evidence.differences_table(),
    }
