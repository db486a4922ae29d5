"""Measuring the texts of a run: as columns, then evidence, then the tables that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer, compile_pattern
from thermoscope.metrics.embedding import Embedder, Watched
from thermoscope.metrics.ragged import Ragged, starts_of
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.table import nullable, setting_columns, with_thinking
from thermoscope.metrics.texts import Texts
from thermoscope.metrics.thinking import USUAL, Columns, Thinking, opens_thinking, thinking_mode
from thermoscope.metrics.thoughts import Thoughts, texts_and_thoughts
from thermoscope.runs.plan import Plan
from thermoscope.runs.scorers import compares_with_answers, embedder_of, scorer_of, scorer_of_case
from thermoscope.runs.store import Store
from thermoscope.sources.base import Source
from thermoscope.sources.opening import ask_model
from thermoscope.sources.spread import Spread
from thermoscope.statistics.evidence import Evidence
from thermoscope.statistics.reference import Reference, choose, tokenizer_id
from thermoscope.statistics.reference_text import enough_windows, reference_of, text_id
from thermoscope.usecases.case import UseCase, read_reference
from thermoscope.words import count

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Measuring:
    """How the texts of a run are measured. Measuring them differently does not need new texts.

    Attributes
    ----------
    use_case
        Objective, reference, answers and their pattern.
    embedder
        For the embedding measures, or None.
    scorer
        For ``score``, or None.
    asked
        What was asked for by name, as ``measuring_of`` takes it: ``embedder``, ``scorer``, ``answer_pattern``,
        ``reference``, ``thinking``.
    reference
        Text by people to compare with, in place of the use case's.
    objects
        Which of these were given as Python objects, which neither a command nor a file can name.
    """

    use_case: UseCase
    embedder: Embedder | None = None
    scorer: Scorer | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    reference: str | None = None

    @property
    def thinking(self) -> Thinking:
        """What is done with the thinking of a reasoning model."""
        return thinking_mode(self.asked.get("thinking", USUAL))

    @property
    def reference_text(self) -> str | None:
        """The text by people that texts are compared with, if there is one."""
        return self.use_case.reference_text() if self.reference is None else self.reference

    @property
    def words(self) -> tuple[str, ...]:
        """The options of ``thermoscope measure`` that ask for the same."""
        options = {
            "embedder": "--embedding-model",
            "scorer": "--score",
            "reference": "--reference",
            "answer_pattern": "--answer-pattern",
            "thinking": "--thinking",
        }
        return tuple(f"{option}={self.asked[name]}" for name, option in options.items() if name in self.asked)

    @property
    def notes(self) -> list[str]:
        """A sentence for each object that a command can't name."""
        return [f"{name} was given as a Python object, which the command does not name." for name in self.objects]

    def to_dict(self) -> dict[str, Any]:
        """What decides whether stored tables still apply."""
        return {
            "use_case": self.use_case.content_id,
            "reference_text": None if (text := self.reference_text) is None else text_id(text),
            "embedder": None if self.embedder is None else self.embedder.name,
            "scorer": self.scorer is not None,
            "asked": dict(self.asked),
            "objects": list(self.objects),
        }


def measuring_of(
    use_case: UseCase,
    embedder: Embedder | str | None = None,
    scorer: Scorer | str | None = None,
    answer_pattern: str | None = None,
    reference: str | Path | None = None,
    thinking: str | None = None,
) -> Measuring:
    """How texts of a use case are measured; parameters and errors as in ``run``."""
    given = {
        "embedder": embedder,
        "scorer": scorer,
        "answer_pattern": answer_pattern,
        "reference": None if reference is None else str(reference),
        "thinking": None if thinking in (None, USUAL) else thinking_mode(thinking),
    }
    text = None if reference is None else read_reference(Path(reference))
    if text is not None:
        enough_windows(text)  # what is wrong with it is said before anything is generated
    if answer_pattern is not None:
        compile_pattern(answer_pattern)
        use_case = use_case.model_copy(update={"answer_pattern": answer_pattern})
    if scorer is None:
        scorer = scorer_of_case(use_case.score, use_case.source.parent)
    elif isinstance(scorer, str):
        if compares_with_answers(scorer) and all(prompt.answer is None for prompt in use_case.prompts):
            raise InputError(
                f"the scorer {scorer} compares with expected answers; no prompt of {use_case.name} has one; "
                "add answers, or choose another scorer"
            )
        scorer = scorer_of(scorer)
    elif not callable(scorer):
        raise InputError(
            f"scorer must be a function of (text, answer), or as --score takes it; got {type(scorer).__name__}"
        )
    if embedder is None or isinstance(embedder, str):
        embedder = embedder_of(embedder)
    return Measuring(
        use_case,
        embedder,
        scorer,
        asked={name: value for name, value in given.items() if isinstance(value, str)},
        objects=tuple(name for name, value in given.items() if value is not None and not isinstance(value, str)),
        reference=text,
    )


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

    ``opens`` says whether the model sees a prompt that begins its thinking.
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


def reference_statistics(
    source: Source, plan: Plan, measuring: Measuring, on_stage: Callable[[str, int, int], None] | None
) -> Mapping[str, Any] | str | None:
    """Statistics of what the texts are compared with, or why there are none; None without such a text."""
    if not source.can.logits:
        return "the model's engine keeps its logits, without which text by people can't be scored"
    text = measuring.reference_text
    if text is None:
        return measuring.use_case.reference_statistics()
    # a worker of a cluster has nobody to tell
    told = None if on_stage is None or isinstance(source, Spread) else partial(on_stage, "reading the reference")
    found: Mapping[str, Any] | str = ask_model(source, "a reference", reference_of, text, plan.max_new_tokens, told)
    return found


def measure_run(
    source: Source,
    plan: Plan,
    store: Store,
    measuring: Measuring,
    record: Mapping[str, Any] | str | None,
    on_stage: Callable[[str, int, int], None] | None,
) -> Measurements:
    """Measure all stored texts; ``on_stage`` is told what is under way, how much is done and how much there is.

    ``record`` is what ``reference_statistics`` gives.
    """
    if on_stage is not None and measuring.embedder is not None:
        measuring = replace(measuring, embedder=Watched(measuring.embedder, partial(on_stage, "embedding texts")))
    texts, thoughts = stored_texts(plan, store, measuring, partial(opens_thinking, source))
    if isinstance(record, str):
        reference: Reference | str = record
    else:
        tokenizer = ask_model(source, "a reference", tokenizer_id)
        reference = choose(record, plan.max_new_tokens, tokenizer, source.revision)
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
