"""What ``thermoscope measure`` does, for texts from files and for a use case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from thermoscope.errors import InputError, Interrupted

if TYPE_CHECKING:
    from thermoscope.cli.console import PageFile
    from thermoscope.decode.progress import Progress
    from thermoscope.files.remote import Remote
    from thermoscope.metrics.thinking import Thinking
    from thermoscope.runs.plan import Plan
    from thermoscope.settings.params import SamplingParams
    from thermoscope.sources.base import Source
    from thermoscope.sources.cluster import Cluster


#: Options whose names differ from the arguments that they give.
_OPTIONS = {"chat_options": "chat-option"}


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """What both kinds of texts have in common: what is measured beyond the text, and how it is shown."""

    embedding_model: str | None
    score: str | None
    reference: Path | None
    answer_pattern: str | None
    thinking: Thinking
    everything: bool
    as_json: bool
    output: Path | None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is generated for a use case, and by what; ``settings`` are known for sure once the source is there."""

    source_options: Mapping[str, Any]
    settings: Callable[[Source], tuple[SamplingParams, ...]]
    seeds: Sequence[int]
    max_new_tokens: int | None
    stop: Sequence[str]
    max_rows: int | None
    held_out: bool
    keep_tokens: str
    folder: Path | Remote | None
    html: PageFile | None
    cluster: Cluster | None


def measure_files(
    files: list[Path],
    columns: Mapping[str, Any],
    length: int | None,
    parquet: Path | None,
    loading: Mapping[str, Any],
    measuring: MeasureOptions,
    *,
    folder: Path | Remote | None,
    html: PageFile | None,
) -> None:
    """Measure texts from files and show the measures.

    Raises
    ------
    InputError
        A file, a column or an option breaks its rule.
    """
    from thermoscope.cli import console
    from thermoscope.cli.show_measured import show_measured

    if loading["name_or_path"] is None and (
        given := next((k for k, v in loading.items() if v not in (None, {})), None)
    ):
        raise InputError(f"--{_OPTIONS.get(given, given)} is for a model; add --model NAME (bundled is one)")
    with console.status("reading the texts"):
        from thermoscope.runs import from_files, kept_texts

        read = from_files.read_files(
            files, **{f"{name}_column": column for name, column in columns.items()}, scorer=measuring.score
        )
    with console.status("loading the libraries"):
        from thermoscope.models.load import load_model

        model = None if loading["name_or_path"] is None else load_model(**loading)
    with console.counting() as on_progress:
        found = from_files.measure_found(
            read, model=model, length=length, embedder=measuring.embedding_model, scorer=measuring.score,
            answer_pattern=measuring.answer_pattern, thinking=measuring.thinking, on_progress=on_progress,
        )  # fmt: skip
    if folder is not None:
        found = kept_texts.keep(found, folder)
    show_measured(found, as_json=measuring.as_json, output=measuring.output, everything=measuring.everything, html=html)
    if parquet is not None:
        console.write_table(parquet, found.texts())


def measure_use_case(name: str, generating: RunOptions, measuring: MeasureOptions) -> None:
    """Generate for a use case into a run, measure and show it.

    Raises
    ------
    InputError
        The use case or an option breaks its rule.
    """
    from thermoscope.cli import console
    from thermoscope.cli.show_run import show_run

    def say_plan(plan: Plan) -> None:
        for sentence in plan.foresight:
            console.say(sentence)

    on_progress: Callable[[Progress], None]
    on_stage: Callable[[str, int, int], None]

    @contextmanager
    def opened() -> Iterator[Source]:
        nonlocal on_progress, on_stage
        # the progress of the run comes after the line that says that the model is loaded: one is drawn at a time
        loaded = console.source_in(generating.source_options, generating.cluster)
        with loaded as source, console.run_progress() as (on_progress, on_stage):
            yield source

    try:
        with console.status("loading the libraries"):
            from thermoscope.runs.run import run

        done = run(
            opened(),
            name,
            generating.settings,
            held_out=generating.held_out,
            seeds=generating.seeds,
            max_new_tokens=generating.max_new_tokens,
            stop=generating.stop,
            max_rows=generating.max_rows,
            keep_tokens=generating.keep_tokens,
            folder=generating.folder,
            embedder=measuring.embedding_model,
            scorer=measuring.score,
            answer_pattern=measuring.answer_pattern,
            reference=measuring.reference,
            thinking=measuring.thinking,
            on_plan=say_plan,
            on_progress=lambda state: on_progress(state),
            on_stage=lambda what, finished, texts: on_stage(what, finished, texts),
            on_note=console.say,
        )
    except Interrupted as interrupt:
        console.say(f"interrupted; the same command goes on where it was ({interrupt.finished.folder})")
        raise typer.Exit(130) from None
    show_run(
        done, as_json=measuring.as_json, output=measuring.output, everything=measuring.everything, html=generating.html
    )
