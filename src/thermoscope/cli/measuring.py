"""What ``thermoscope measure`` does, for texts from files and for a use case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams


#: Options whose names differ from the arguments that they give.
_OPTIONS = {"chat_options": "chat-option"}


@dataclass(frozen=True, slots=True)
class How:
    """What both kinds of texts have in common: the model, what is measured beyond the text, and how it is shown."""

    loading: Mapping[str, Any]
    embedding_model: str | None
    score: str | None
    answer_pattern: str | None
    everything: bool
    as_json: bool
    output: Path | None

    @property
    def words(self) -> tuple[str, ...]:
        """The options of the command that say what is measured."""
        options = {
            "--embedding-model": self.embedding_model,
            "--score": self.score,
            "--answer-pattern": self.answer_pattern,
        }
        return tuple(f"{option}={value}" for option, value in options.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Generating:
    """What is generated for a use case; ``settings`` are known for sure once the model is loaded."""

    settings: Callable[[Model], tuple[SamplingParams, ...]]
    seeds: Sequence[int]
    max_new_tokens: int | None
    stop: Sequence[str]
    max_rows: int | None
    held_out: bool
    folder: Path | None
    html: Path | None


def measure_files(
    files: list[Path], columns: dict[str, str | None], length: int | None, parquet: Path | None, how: How
) -> None:
    """Measure texts from files and show the measures.

    Raises
    ------
    InputError
        A file, a column or an option breaks its rule.
    """
    from thermoscope.cli import console
    from thermoscope.cli.scorers import compares_with_answers, embedder_of, scorer_of

    loading = how.loading
    if loading["name_or_path"] is None and (
        given := next((k for k, v in loading.items() if v not in (None, {})), None)
    ):
        raise InputError(f"--{_OPTIONS.get(given, given)} is for a model; add --model NAME (bundled is one)")
    scorer, score = scorer_of(how.score), how.score
    if score is not None and columns["answer"] is None and compares_with_answers(score):
        raise InputError(f"--score {score} compares with expected answers; name their column with --answer-column")
    with console.status("reading"):
        from thermoscope.runs.files import read

        found = read(files, **columns)
    with console.status("loading the libraries"):
        from thermoscope.runs.measured import measure_found, what_ran

        embedder = embedder_of(how.embedding_model)
        model = None
        if loading["name_or_path"] is not None:
            from thermoscope.models.load import load_model

            model = load_model(**loading)
    with console.counting() as on_progress:
        measured = measure_found(
            found, model=model, length=length, embedder=embedder, scorer=scorer, answer_pattern=how.answer_pattern,
            on_progress=on_progress,
        )  # fmt: skip
    with console.status("intervals"):
        rows = measured.evidence.settings_table().to_pylist()
    if parquet is not None:
        import pyarrow.parquet

        pyarrow.parquet.write_table(measured.texts_table(found), parquet, compression="zstd")
    ran = what_ran(model, [str(file) for file in files], columns, length, how.words)

    def to_json() -> str:
        texts = measured.texts_table(found).drop_columns(["text"]).to_pylist()
        record = {"format": "thermoscope.measured/1", "files": list(found.sources), "tokens": measured.tokens}
        shown = {"notes": list(measured.notes), "settings": rows, "groups": measured.groups_records(), "texts": texts}
        return console.json({**record, **shown, "ran": ran.to_dict()})

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.run import print_found

        groups = len(measured.evidence.texts.groups)
        print_found(len(found.texts), groups, measured, rows, ran, to, everything=how.everything)

    console.give(to_json, printing, as_json=how.as_json, output=how.output)


def measure_use_case(name: str, what: Generating, how: How) -> None:
    """Generate for a use case into a run, measure and show it.

    Raises
    ------
    InputError
        The use case or an option breaks its rule.
    """
    from thermoscope.cli import console
    from thermoscope.cli.options import RUNS
    from thermoscope.cli.scorers import embedder_of, scorer_of, scorer_of_case
    from thermoscope.cli.show_run import show_run
    from thermoscope.usecases.load import load

    case = load(name)
    if how.answer_pattern is not None:
        case = case.model_copy(update={"answer_pattern": how.answer_pattern})
    scorer = scorer_of(how.score) if how.score is not None else scorer_of_case(case.score, case.source.parent)
    prompts = case.held_out_prompts if what.held_out else case.open_prompts
    if not prompts:
        raise InputError(f"{case.source}: no prompt is held out; leave --held-out out")
    with console.status("loading the libraries and the model"):
        from thermoscope.models.load import load_model
        from thermoscope.runs.run import Measuring, plan, run
        from thermoscope.runs.store import Store

        embedder = embedder_of(how.embedding_model)
        loaded = load_model(**how.loading)
    design = plan(
        loaded, case, what.settings(loaded), prompts=prompts, seeds=what.seeds, max_new_tokens=what.max_new_tokens,
        stop=what.stop, max_rows=what.max_rows, name=name,
    )  # fmt: skip
    store = Store(what.folder or RUNS / f"{case.name}-{design.id}")
    try:
        with console.run_progress() as (on_progress, on_stage):
            measuring = Measuring(case, embedder, scorer, how.words)
            run(loaded, design, store, measuring, on_progress=on_progress, on_stage=on_stage)
    except KeyboardInterrupt:
        console.say(f"interrupted; the same command goes on where it was ({store.folder})")
        raise typer.Exit(130) from None
    if what.html is not None:
        from thermoscope.report.forms import render
        from thermoscope.report.records.build import run_report

        with console.status("drawing"):
            page = render(run_report(store), "html")
        console.write(what.html, page)
    if what.html is None or how.as_json or how.output is not None:
        show_run(store, as_json=how.as_json, output=how.output, everything=how.everything)
