"""A run: prompts x settings x seeds generated in pieces into a folder, measured, and read.

What is stored is never made again: an interrupted run goes on with the first piece that is missing, a complete one
makes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.decode.batch import rows_in_flight
from thermoscope.decode.generate import Progress, generate
from thermoscope.decode.request import at_least_one, new_tokens, prompt_ids, seed_list, stop_strings
from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer
from thermoscope.metrics.embedding import Embedder, Watched
from thermoscope.metrics.ragged import Ragged, starts_of
from thermoscope.metrics.table import nullable, setting_columns
from thermoscope.metrics.texts import Texts
from thermoscope.models.base import Model
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.ran.provenance import common_words, quote, setting_words, versions
from thermoscope.runs.design import Design
from thermoscope.runs.store import Store
from thermoscope.sampling.chain import settings_of
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.claims import judge
from thermoscope.statistics.evidence import Evidence
from thermoscope.statistics.reference import Reference, choose, tokenizer_id
from thermoscope.usecases.load import Prompt, UseCase

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Measuring:
    """How the texts of a run are measured; another way needs no new texts.

    Attributes
    ----------
    use_case
        Objective, reference, answers and their pattern.
    embedder
        For the embedding measures, or None.
    scorer
        For ``score``, or None.
    words
        The options of the command that say so.
    """

    use_case: UseCase
    embedder: Embedder | None = None
    scorer: Scorer | None = None
    words: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What is compared to see whether tables must be made anew."""
        return {
            "use_case": self.use_case.content_id,
            "reference": self.use_case.reference_statistics(),
            "embedder": None if self.embedder is None else self.embedder.name,
            "scorer": self.scorer is not None,
            "words": list(self.words),
        }


def plan(
    model: Model,
    use_case: UseCase,
    settings: Iterable[SamplingParams],
    *,
    prompts: Sequence[Prompt] | None = None,
    seeds: int | Sequence[int] = 8,
    max_new_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    name: str | None = None,
) -> Design:
    """What a run is to make, with every rule checked.

    Parameters
    ----------
    model
        From ``load_model``.
    use_case
        From ``usecases.load``.
    settings
        The settings.
    prompts
        Prompts of the use case; by default those that are not held out.
    seeds
        A list of seeds; ``range(8)`` are eight.
    max_new_tokens
        By default the use case's.
    stop, max_rows
        As in ``generate``.
    name
        What the use case is called in the command that makes the run again; by default its name.

    Raises
    ------
    InputError
        A value breaks its rule.
    """
    texts = tuple(prompt.text for prompt in (use_case.open_prompts if prompts is None else prompts))
    length = use_case.max_new_tokens if max_new_tokens is None else max_new_tokens
    rows = at_least_one("max_rows", max_rows)
    longest = max(len(prompt_ids(model, text)) for text in texts)
    length = new_tokens(model, longest, length, None)
    numbers = tuple(seed_list(seeds))
    known: dict[str, SamplingParams] = {}
    chosen = settings_of(settings, model.vocabulary)
    if not chosen:
        raise InputError("settings must not be empty; give at least one")
    for setting in chosen:
        before = known.get(setting.id)
        if before == setting:
            raise InputError(f"settings of a run must differ; got {setting} more than once; leave the repeats out")
        if before is not None:
            raise InputError(
                f"settings of a run must differ in what they do; got {setting} twice, with orders of stages that are "
                "off; leave one out"
            )
        known[setting.id] = setting
    return Design(
        name=use_case.name,
        prompts=texts,
        settings=tuple(chosen),
        seeds=numbers,
        max_new_tokens=length,
        stop=stop_strings(stop),
        model=model.name,
        revision=model.revision,
        dtype=model.dtype,
        device=model.device,
        max_rows=rows or rows_in_flight(model, longest + length, len(chosen) * len(numbers)),
        use_case=name or use_case.name,
        use_case_id=use_case.content_id,
        chat_words=tuple(model.chat_words),
    )


def run(
    model: Model,
    design: Design,
    store: Store,
    measuring: Measuring,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str, int, int], None] | None = None,
) -> Store:
    """Make what is missing of a run, measure it, and store the tables and the reading.

    Parameters
    ----------
    model
        The model of the design.
    design
        From ``plan``.
    store
        Where the run is kept; it may hold a part of this run, or all of it.
    measuring
        How the texts are measured.
    on_progress
        Told after every step how much of what was missing at the start is done.
    on_stage
        Told, once all texts are there, what is under way, how much of it is done and how much there is.

    Raises
    ------
    RunError
        The folder holds another run, or another process writes it.
    KeyboardInterrupt
        The user interrupted; all finished pieces are stored.
    """
    with store.locked():
        design = store.begin(design)
        store.clean()
        manifest = store.manifest()
        if manifest is None:
            store.keep_command(run_command(design, store, measuring))
        begun = time.perf_counter()
        made = _generate(model, design, store, on_progress)
        generated_s = time.perf_counter() - begun
        same = manifest is not None and manifest["measuring"] == measuring.to_dict()
        if made == 0 and same and store.measured:
            return store
        begun = time.perf_counter()
        evidence, tables, why = _measure(model, design, store, measuring, on_stage)
        claims = [claim.to_dict() for claim in judge(evidence, measuring.use_case.objective, why)]
        seconds = {"generating": round(generated_s, 3), "measuring": round(time.perf_counter() - begun, 3)}
        store.finish(tables, claims, _manifest(model, design, store, measuring, made, seconds, why))
    return store


def _generate(model: Model, design: Design, store: Store, on_progress: Callable[[Progress], None] | None) -> int:
    """Generate the chunks that are missing; return how many texts were made."""
    missing = [chunk for chunk in design.chunks() if not store.has(chunk)]
    sizes = [len(chunk.seeds) * len(design.settings) for chunk in missing]
    most = sum(sizes) * design.max_new_tokens
    done = Progress(0, sum(sizes), 0, most, 0)
    for chunk, size in zip(missing, sizes, strict=True):
        latest = Progress(0, size, 0, size * design.max_new_tokens, 0)

        def tell(state: Progress, before: Progress = done) -> None:
            nonlocal latest
            latest = state
            if on_progress is not None:
                on_progress(
                    replace(
                        before,
                        finished=before.finished + state.finished,
                        tokens=before.tokens + state.tokens,
                        forward_rows=before.forward_rows + state.forward_rows,
                    )
                )

        effects = Effects()
        samples = generate(
            model,
            design.prompts[chunk.prompt],
            design.settings,
            seeds=chunk.seeds,
            max_new_tokens=design.max_new_tokens,
            stop=design.stop,
            max_rows=design.max_rows,
            effects=effects,
            on_progress=tell,
        )
        store.add(chunk, samples, {setting.id: effects.idle(setting) for setting in design.settings})
        # texts that ended early leave less to do
        done = replace(
            done,
            finished=done.finished + size,
            tokens=done.tokens + latest.tokens,
            most_tokens=done.most_tokens - size * design.max_new_tokens + latest.tokens,
            forward_rows=done.forward_rows + latest.forward_rows,
        )
    return sum(sizes)


def stored_texts(design: Design, store: Store, measuring: Measuring) -> Texts:
    """The texts of a run as columns to be measured, from what is stored."""
    table, tokens = store.texts(), store.tokens()
    order = np.argsort(table["text_id"].to_numpy(), kind="stable")
    table = table.take(order)
    counts, spoken = table["tokens"].to_numpy(), table["text_tokens"].to_numpy()
    starts = starts_of(counts)

    def column(name: str) -> Ragged:
        return Ragged(tokens[name].to_numpy(), starts)

    def of_text(name: str) -> Ragged:  # without a final end-of-text token and what a stop string cut off
        return column(name).spans(starts[:-1], spoken)

    strings = table["text"].to_pylist()
    by_id = {setting.id: setting for setting in design.settings}
    prompts = [design.prompts[i] for i in table["prompt_id"].to_pylist()]
    answers = {prompt.text: prompt.answer for prompt in measuring.use_case.prompts}
    return Texts(
        tokens=of_text("token_id"),
        strings=strings,
        prompts=prompts,
        settings=[by_id[name] for name in table["setting_id"].to_pylist()],
        ends=of_text("text_end"),
        logprobs=column("logprob"),
        entropies=column("entropy"),
        length=design.max_new_tokens,
        embedder=measuring.embedder,
        scorer=measuring.scorer,
        answers=[answers.get(prompt) for prompt in prompts],
        answer_pattern=measuring.use_case.answer_pattern,
    )


def _measure(
    model: Model,
    design: Design,
    store: Store,
    measuring: Measuring,
    on_stage: Callable[[str, int, int], None] | None,
) -> tuple[Evidence, dict[str, pyarrow.Table], str]:
    """Measure all texts; the evidence, the tables, and what limits the comparison with the reference."""
    import pyarrow as pa

    if on_stage is not None and measuring.embedder is not None:
        measuring = replace(measuring, embedder=Watched(measuring.embedder, partial(on_stage, "embedding texts")))
    texts = stored_texts(design, store, measuring)
    record = measuring.use_case.reference_statistics()
    reference = choose(record, design.max_new_tokens, tokenizer_id(model), model.revision)
    evidence = Evidence(texts, reference if isinstance(reference, Reference) else None, on_stage)
    table = store.texts().sort_by("text_id")
    columns = {name: table[name] for name in ("text_id", "prompt_id", "setting_id", "setting", "temperature", "seed")}
    columns |= {name: nullable(texts.in_given_order(values)) for name, values in evidence.of_texts.items()}
    settings = [texts.setting_names[i] for i in texts.group_setting.tolist()]
    named = setting_columns(settings)
    groups = {
        "prompt_id": pa.array([design.prompts.index(texts.prompt_names[i]) for i in texts.group_prompt], pa.int32()),
        **{name: named[name] for name in ("setting_id", "setting", "temperature")},
        "texts": pa.array(texts.groups, pa.int64()),
    } | {name: nullable(values) for name, values in evidence.of_groups.items()}
    tables = {
        "measures": pa.table(columns),
        "groups": pa.table(groups),
        "settings": evidence.settings_table(),
        "differences": evidence.differences_table(),
    }
    return evidence, tables, reference.note if isinstance(reference, Reference) else reference


def _manifest(
    model: Model,
    design: Design,
    store: Store,
    measuring: Measuring,
    made: int,
    seconds: Mapping[str, float],
    reference: str,
) -> dict[str, Any]:
    """What ran, and how to make it again."""
    texts = store.texts()
    return {
        "id": design.id,
        "plan": design.to_dict(),
        "settings": [setting.to_record() for setting in design.settings],
        "objective": measuring.use_case.objective,
        "title": measuring.use_case.title,
        "measuring": measuring.to_dict(),
        "reference": reference,
        "texts": texts.num_rows,
        "tokens": int(np.sum(texts["tokens"].to_numpy())),
        "texts_made_last": made,
        "seconds_last": dict(seconds),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": list(model.notes),
        "effective": [*contradictions(design.settings), *idle_parameters(design.settings, store.idle_stages)],
        "versions": versions(),
        "command": run_command(design, store, measuring),
    }


def run_command(design: Design, store: Store, measuring: Measuring) -> str:
    """The ``thermoscope measure`` command that makes the run again."""
    words = ["thermoscope", "measure", "--use-case", design.use_case]
    words += setting_words(design.settings)
    words += common_words(design, design.seeds, design.max_new_tokens, design.stop, design.model)
    if design.prompts == tuple(prompt.text for prompt in measuring.use_case.held_out_prompts):
        words.append("--held-out")
    words += [*measuring.words, "--run", str(store.folder)]
    return " ".join(map(quote, words))
