"""``thermoscope measure``: texts from files measured, or a use case generated, stored, measured and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli.compare import varied_settings
from thermoscope.cli.settings import Asked, takes_settings
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.metrics.answers import Scorer
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.models.base import Model
    from thermoscope.params import SamplingParams
    from thermoscope.usecases.load import Score

#: Temperatures of a run when nothing is said.
DEFAULT_TEMPERATURES = ("0.1:1.5:0.1",)


@takes_settings
def measure(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="JSON lines, CSV, Parquet, .txt, or a folder of .txt files."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the texts. Without one: text, completion, output, ...")
    ] = None,
    prompt_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the prompts.")] = None,
    setting_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column that says the setting, such as the temperature.")
    ] = None,
    answer_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the expected answers.")] = None,
    length: Annotated[
        str | None, typer.Option(metavar="N", help="Cut texts from files to N tokens: measures depend on length.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the measures of every text as Parquet.")
    ] = None,
    use_case: Annotated[
        str | None, typer.Option(metavar="NAME", help="Generate for a use case, by name or .toml file, and measure.")
    ] = None,
    temperature: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--temperature",
            metavar="T",
            help="A temperature, a list or a range 0.1:1.5:0.1. Without one and without --vary or --params: that "
            "range.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES", help="Vary another parameter as well: top_p=0.8,0.95,off. May be repeated."
        ),
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="N", help="A seed; may be given again. Without one: 0.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="N", help="How many seeds, counted up (8 unless given).")] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="Use the prompts that are held out instead.")] = False,
    max_new_tokens: Annotated[
        str | None, typer.Option(metavar="N", help="Length of the texts (the use case's unless given).")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text ends where this begins; may be given again.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the run is kept. Without one: in runs/.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A Hugging Face name or a local folder; for texts from files it scores their likelihood.",
        ),
    ] = None,
    revision: Annotated[str | None, typer.Option(metavar="NAME", help="Branch, tag or commit of the model.")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1.")] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="float32, bfloat16, float16 or auto.")] = None,
    max_rows: Annotated[str | None, typer.Option(metavar="N", help="The most rows in flight.")] = None,
    embedding_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sentence-embedding model, by name or local path.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="exact, regex:PATTERN ({answer} in it) or FILE.py:FUNCTION."),
    ] = None,
    answer_pattern: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Finds the answer in a text, for agreement.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every measure.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour and no other control codes.")] = False,
    *,
    asked: Asked,
) -> None:
    """Measure texts from files, or generate for a use case and measure that.

    With --use-case the texts, measures, intervals and claims are kept in one folder; the same command goes on where
    it was interrupted, and makes nothing twice.
    """
    if (files is None) == (use_case is None):
        raise InputError("give files of texts, or --use-case NAME; got " + ("both" if files else "neither"))
    generating = {
        "-t": temperature, "--vary": vary, "--seed": seed, "--seeds": seeds, "--held-out": held_out or None,
        "--max-new-tokens": max_new_tokens, "--stop": stop, "--run": run, "--max-rows": max_rows,
        "--params": asked.source,
    } | {f"--{name.replace('_', '-')}": word for name, word in asked.words.items()}  # fmt: skip
    reading = {
        "--text-column": text_column, "--prompt-column": prompt_column, "--setting-column": setting_column,
        "--answer-column": answer_column, "--length": length, "--parquet": parquet,
    }  # fmt: skip
    extra = [name for name, value in (reading if use_case is not None else generating).items() if value is not None]
    if extra:
        where = "texts from files" if use_case is not None else "--use-case"
        raise InputError(f"{extra[0]} is for {where}; leave it out")
    loading = {"name_or_path": model, "revision": revision, "device": device, "dtype": dtype}
    if use_case is not None:
        from thermoscope.experiment.plan import varied

        def settings(loaded: Model | None = None) -> tuple[SamplingParams, ...]:
            over, params = varied_settings(temperature, vary or [], asked, loaded, usual=DEFAULT_TEMPERATURES)
            return varied(over, params)

        if asked.source != "model":
            settings()  # what is wrong is said before the model is loaded
        _use_case(
            use_case, settings, seed, seeds, max_new_tokens, stop, max_rows, held_out=held_out, folder=run,
            loading=loading, embedding_model=embedding_model, score=score, answer_pattern=answer_pattern,
            everything=everything, as_json=json, no_color=no_color,
        )  # fmt: skip
        return
    columns = {"text": text_column, "prompt": prompt_column, "setting": setting_column, "answer": answer_column}
    _files(
        files or [], columns, length, parquet, loading, embedding_model=embedding_model, score=score,
        answer_pattern=answer_pattern, everything=everything, as_json=json, no_color=no_color,
    )  # fmt: skip


def _files(
    files: list[Path],
    columns: dict[str, str | None],
    length: str | None,
    parquet: Path | None,
    loading: dict[str, str | None],
    *,
    embedding_model: str | None,
    score: str | None,
    answer_pattern: str | None,
    everything: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Measure texts from files."""
    from thermoscope.cli import console
    from thermoscope.cli.values import whole

    cut = whole(length, "--length", least=1)
    if parquet is not None:
        console.check_writable(parquet)
    if loading["name_or_path"] is None and (given := next((k for k, v in loading.items() if v is not None), None)):
        raise InputError(f"--{given} is for a model; add --model NAME (bundled is one)")
    scorer = _scorer(score)
    if score is not None and (score == "exact" or "{answer}" in score) and columns["answer"] is None:
        raise InputError(f"--score {score} compares with expected answers; name their column with --answer-column")
    with console.status("reading"):
        from thermoscope.experiment.files import read

        found = read(files, **columns)
    with console.status("loading the libraries"):
        from thermoscope.experiment.measured import measure_found

        embedder = _embedder(embedding_model)
        model = None
        if loading["name_or_path"] is not None:
            from thermoscope.models.load import load_model

            model = load_model(**loading)
    with console.counting() as on_progress:
        measured = measure_found(
            found, model=model, length=cut, embedder=embedder, scorer=scorer, answer_pattern=answer_pattern,
            on_progress=on_progress,
        )  # fmt: skip
    with console.status("intervals"):
        table = measured.evidence.settings_table()
    if parquet is not None:
        import pyarrow.parquet

        pyarrow.parquet.write_table(measured.texts_table(found), parquet, compression="zstd")
    rows = table.to_pylist()
    if as_json:
        texts = measured.texts_table(found).drop_columns(["text"]).to_pylist()
        record = {"format": "thermoscope.measured/1", "files": list(found.sources), "tokens": measured.tokens}
        notes = list(measured.notes)
        console.json({**record, "notes": notes, "settings": rows, "groups": measured.groups_records(), "texts": texts})
        return

    def printing(to: Console) -> None:
        from rich.text import Text

        from thermoscope.report.escape import escape
        from thermoscope.report.run_terminal import print_measured

        groups = len(measured.evidence.texts.groups)
        many = "1 group" if groups == 1 else f"{groups:,} groups"
        number = "1 text" if len(found.texts) == 1 else f"{len(found.texts):,} texts"
        head = f"{number} in {many} of one prompt and setting; tokens: {measured.tokens}"
        to.print(Text(escape(head), style="bold"), highlight=False)
        print_measured(rows, to, everything=everything, notes=measured.notes)

    console.show(printing, no_color=no_color)


def _use_case(
    name: str,
    settings: Callable[[Model], tuple[SamplingParams, ...]],
    seed: list[str] | None,
    seeds: str | None,
    max_new_tokens: str | None,
    stop: list[str] | None,
    max_rows: str | None,
    *,
    held_out: bool,
    folder: Path | None,
    loading: dict[str, str | None],
    embedding_model: str | None,
    score: str | None,
    answer_pattern: str | None,
    everything: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Generate for a use case into a run, measure and show it."""
    from thermoscope.cli import console
    from thermoscope.cli.runs import RUNS
    from thermoscope.cli.show_run import show_run
    from thermoscope.cli.values import MOST_SEED, MOST_SEEDS, consecutive_seeds, whole
    from thermoscope.usecases.load import load

    case = load(name)
    if answer_pattern is not None:
        case = case.model_copy(update={"answer_pattern": answer_pattern})
    scorer = _scorer(score) if score is not None else _scorer_of(case.score, case.source.parent)
    prompts = case.held_out_prompts if held_out else case.open_prompts
    if not prompts:
        raise InputError(f"{case.source}: no prompt is held out; leave --held-out out")
    first = [whole(word, "--seed", most=MOST_SEED) for word in seed or []]
    count = whole(seeds, "--seeds", least=1, most=MOST_SEEDS)
    numbers = consecutive_seeds(first, 8 if count is None and len(first) < 2 else count)
    tokens, rows = whole(max_new_tokens, "--max-new-tokens", least=1), whole(max_rows, "--max-rows", least=1)
    with console.status("loading the libraries and the model"):
        from thermoscope.experiment.run import Measuring, plan, run
        from thermoscope.experiment.store import Store
        from thermoscope.models.load import load_model

        embedder = _embedder(embedding_model)
        loaded = load_model(**loading)
    design = plan(
        loaded, case, settings(loaded), prompts=prompts, seeds=numbers, max_new_tokens=tokens, stop=stop or (),
        max_rows=rows, name=name,
    )  # fmt: skip
    options = {"--embedding-model": embedding_model, "--score": score, "--answer-pattern": answer_pattern}
    words = tuple(f"{option}={value}" for option, value in options.items() if value is not None)
    store = Store(folder or RUNS / f"{case.name}-{design.id}")
    try:
        with console.run_progress() as (on_progress, on_stage):
            how = Measuring(case, embedder, scorer, words)
            run(loaded, design, store, how, on_progress=on_progress, on_stage=on_stage)
    except KeyboardInterrupt:
        console.say(f"interrupted; the same command goes on where it was ({store.folder})")
        raise typer.Exit(130) from None
    show_run(store, as_json=as_json, everything=everything, no_color=no_color)


def _embedder(name: str | None) -> Embedder | None:
    """The embedding model that was named, or the default one where its library and files are there."""
    from thermoscope.errors import ModelError
    from thermoscope.metrics.embedding import SentenceEmbedder, default_embedder

    if name is not None:
        return SentenceEmbedder(name)
    try:
        return default_embedder()
    except ModelError:  # not asked for, and not to be had: the rows say that they are not measured
        return None


def _scorer_of(score: Score | None, folder: Path) -> Scorer | None:
    """The scorer of a use case; a function's file is beside the use case's."""
    if score is None:
        return None
    if score.kind == "function":
        return _function(str(folder / str(score.function)))
    return _scorer("exact" if score.kind == "exact" else f"regex:{score.pattern}")


def _scorer(how: str | None) -> Scorer | None:
    """A scorer from what was typed."""
    from thermoscope.metrics.answers import exact, matching

    if how is None:
        return None
    if how == "exact":
        return exact
    if how.startswith("regex:"):
        return matching(how.removeprefix("regex:"))
    return _function(how)


def _function(how: str) -> Scorer:
    """The function ``FILE.py:NAME``."""
    import runpy

    path, _, name = how.rpartition(":")
    if not path.endswith(".py") or not name:
        raise InputError(f"--score must be exact, regex:PATTERN or FILE.py:FUNCTION; got {how!r}")
    try:
        found = runpy.run_path(path)
    except OSError as error:
        raise InputError(f"the scorer's file can't be read: {path!r} ({error.strerror}); check the path") from None
    except Exception as error:
        raise InputError(f"the scorer's file {path!r} fails ({type(error).__name__}: {error}); mend it") from None
    if not callable(found.get(name)):
        raise InputError(f"the scorer's file {path!r} has no function {name!r}; check the name")
    scorer: Scorer = found[name]
    return scorer
