"""A run: prompts x settings x seeds generated in pieces into a folder, measured, and judged.

What is stored is never generated again: an interrupted run continues with the first piece that is missing, and a
complete one generates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError, Interrupted, RunError
from thermoscope.files.remote import Remote, place
from thermoscope.fragment import fragment, listed, safe, soft, table
from thermoscope.runs import RUNS
from thermoscope.runs.plan import Plan
from thermoscope.runs.rows import labelled
from thermoscope.runs.store import Store
from thermoscope.settings.grid import SettingsGiven, label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.shown import Page, as_pandas, check_table
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, short

if TYPE_CHECKING:
    import pyarrow

    from thermoscope.decode.progress import Progress
    from thermoscope.metrics.answers import Scorer
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.metrics.thinking import Thinking
    from thermoscope.models.base import Model
    from thermoscope.sources.base import Source
    from thermoscope.sources.cluster import Cluster
    from thermoscope.usecases.case import UseCase

#: Tables of a run by the name of the method that gives them, and what the folder calls them.
_TABLES = {
    "texts": "texts",
    "tokens": "tokens",
    "measures": "measures",
    "groups": "groups",
    "summary": "settings",
    "differences": "differences",
}
#: Measures that a notebook shows.
_SHOWN = ("rep_4", "loop_rate", "perplexity", "self_bleu")


def run(
    model: Model | Source | str | Path | AbstractContextManager[Source],
    use_case: UseCase | str | Path,
    settings: SettingsGiven | Callable[[Source], SettingsGiven],
    *,
    prompts: str | Sequence[str] | None = None,
    held_out: bool = False,
    seeds: int | Sequence[int] = 8,
    max_new_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    keep_tokens: str = "records",
    folder: str | Path | Remote | None = None,
    embedder: Embedder | str | None = None,
    scorer: Scorer | str | None = None,
    answer_pattern: str | None = None,
    reference: str | Path | None = None,
    thinking: Thinking = "apart",
    executor: Cluster | str | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str, int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Run:
    """Generate prompts x settings x seeds into a folder, measure the texts and test the usual claims.

    The same call resumes a run that was interrupted, and generates nothing once the run is complete.

    Parameters
    ----------
    model
        From ``load_model`` or ``open_source``, the name or path that they take, or a context manager that gives a
        source. What is given by name or as a context manager is opened once the use case, prompts, scorer, reference
        and the folder's name were checked, and closed at the end.
    use_case
        The name of a bundled use case, the path of a ``.toml`` file, or a ``UseCase``.
    settings
        One setting, several, several by name (``{"ours": SamplingParams(...), "theirs": SamplingParams(...)}``), or
        values to vary: ``{"temperature": [0.3, 0.9], "top_p": [0.9, None]}`` is every combination. A function of the
        opened source may give them.
    prompts
        Prompts instead of those of the use case.
    held_out
        Use the prompts that the use case holds out.
    seeds
        As in ``generate``: ``8`` are the seeds 0 to 7, ``[8]`` is the one seed 8.
    max_new_tokens
        The most new tokens per text; by default the use case's.
    stop, max_rows
        As in ``generate``.
    keep_tokens
        What is kept of tokens: "records" all that is known of each, "ids" the tokens alone, so that measures of
        likelihood (perplexity, entropy, ...) are unknown, "none" the texts alone, so that every measure that reads
        tokens is.
    folder
        Where the run is kept, a path or a URL of fsspec's (``s3://bucket/run``); by default a folder in
        ``runs/`` named after the use case and the plan.
    embedder
        The model of the embedding measures: a name, a path, or an object with ``encode``. By default
        sentence-transformers' small model if it is on this machine; nothing is downloaded.
    scorer
        A function of (text, expected answer or None), or as ``--score`` takes it: "exact", "regex:PATTERN",
        "FILE.py:FUNCTION". By default the use case's.
    answer_pattern
        A regular expression that finds the answer in a text, for ``agreement``; by default the use case's.
    reference
        A file with text by people to compare with; by default the use case's.
    thinking
        What is done with the thinking of a reasoning model: "apart" measures the answers, and the thinking for itself;
        "drop" the answers alone; "keep" each text as a whole.
    executor
        Where texts are made: None is this process; "ray", "ray://HEAD:10001" or a ``Cluster`` a Ray cluster, whose
        workers each open the model, which is given by name then.
    on_plan
        Called with the plan before anything is generated; not called if nothing is missing.
    on_progress
        Called after every step of decoding.
    on_stage
        Called while texts are measured, with (what is under way, how much is done, how much there is).
    on_note
        Called with a sentence for each file of the run that is damaged and made again; by default it is logged.

    Returns
    -------
    Run
        The complete run.

    Raises
    ------
    InputError
        A value breaks its rule, or a seed, a prompt or a setting is given twice.
    RunError
        The folder holds another run or something else, or another process is writing it.
    ModelError
        The model can't be loaded.
    EndpointError
        An endpoint can't be reached, refuses, or failed for some texts; the same call goes on from there.
    Interrupted
        The user interrupted; ``finished`` is the run with all finished pieces.
    """
    from thermoscope.runs.carry_out import carry_out
    from thermoscope.runs.measuring import measuring_of
    from thermoscope.runs.plan import plan_run, prompts_of
    from thermoscope.sources.open import source_on
    from thermoscope.usecases.case import UseCase
    from thermoscope.usecases.load import load

    case = use_case if isinstance(use_case, UseCase) else load(use_case)
    chosen = prompts_of(case, prompts, held_out=held_out)
    where = None if folder is None else place(folder)
    measuring = measuring_of(case, embedder, scorer, answer_pattern, reference, thinking)
    with source_on(model, executor) as source:
        plan = plan_run(
            source, case, settings(source) if callable(settings) else settings, prompts=chosen, seeds=seeds,
            max_new_tokens=max_new_tokens, stop=stop, max_rows=max_rows, keep_tokens=keep_tokens,
        )  # fmt: skip
        store = Store(RUNS / f"{case.name}-{plan.id}" if where is None else where)
        told: dict[str, Any] = {"on_progress": on_progress, "on_stage": on_stage, "on_note": on_note}
        with _finished(store):
            carry_out(source, plan, store, measuring, on_plan=on_plan, **told)
    return Run(store.folder)


@contextmanager
def _finished(store: Store) -> Iterator[None]:
    """An interrupt in the block carries the run with all finished pieces, if any part of it is stored."""
    try:
        yield
    except KeyboardInterrupt:
        if store.plan_record() is None:
            raise
        raise Interrupted(Run(store.folder)) from None


def open_run(folder: str | Path | Remote) -> Run:
    """Open a stored run, complete or not.

    Parameters
    ----------
    folder
        The run's folder, a path or a URL of fsspec's.

    Raises
    ------
    InputError
        It is not a path.
    RunError
        The folder is not a run.
    """
    if not isinstance(folder, str | Path | Remote):
        raise InputError(f"a run's folder must be a path; got {type(folder).__name__}")
    return Run(place(folder))


class Run(Page):
    """A run in its folder, complete or not; from ``run`` or ``open_run``."""

    def __init__(self, folder: Path | Remote) -> None:
        self._store = Store(folder)
        self._plan = Plan.from_dict(self._store.plan_record(), folder)

    @property
    def folder(self) -> Path | Remote:
        """Where the run is kept."""
        return self._store.folder

    @property
    def plan(self) -> Plan:
        """Everything that the texts depend on."""
        return self._plan

    @property
    def settings(self) -> tuple[SamplingParams, ...]:
        """The settings, in order."""
        return self._plan.settings

    @property
    def complete(self) -> bool:
        """Whether all texts are generated and measured."""
        return self._store.manifest() is not None

    @property
    def command(self) -> str:
        """The command line that makes the run again, or resumes it."""
        return self._store.command()

    @property
    def manifest(self) -> dict[str, Any]:
        """What ran, as records.

        Raises
        ------
        RunError
            The run is not complete.
        """
        return self._store.complete_manifest()

    @property
    def claims(self) -> tuple[dict[str, Any], ...]:
        """The claims that were tested, as records; errors as for ``manifest``."""
        self._store.complete_manifest()
        return tuple(self._store.claims())

    def texts(self) -> pyarrow.Table:
        """One row per text, as many as are stored."""
        return labelled(self._store.texts().sort_by("text_id"), self._plan)

    def tokens(self) -> pyarrow.Table:
        """One row per token of these texts: log-probabilities, entropies (nats) and ranks, as far as they are kept."""
        return self._store.tokens()

    def measures(self) -> pyarrow.Table:
        """One row per text with every measure; errors as for ``manifest``."""
        return self._measured("measures")

    def groups(self) -> pyarrow.Table:
        """One row per prompt and setting; errors as for ``manifest``."""
        return self._measured("groups")

    def summary(self) -> pyarrow.Table:
        """One row per setting and measure: mean, interval and band; errors as for ``manifest``."""
        return self._measured("summary")

    def differences(self) -> pyarrow.Table:
        """One row per pair of settings and measure, paired by prompt and seed; errors as for ``manifest``."""
        return self._measured("differences")

    def to_pandas(self, name: str = "texts") -> Any:
        """One of the tables as a pandas DataFrame.

        Parameters
        ----------
        name
            "texts", "tokens", "measures", "groups", "summary" or "differences".

        Raises
        ------
        InputError
            There is no such table, or pandas is not installed.
        """
        check_table(name, _TABLES)
        return as_pandas(getattr(self, name)())

    def resume(
        self,
        model: Model | Source | str | Path | None = None,
        *,
        embedder: Embedder | str | None = None,
        scorer: Scorer | str | None = None,
        answer_pattern: str | None = None,
        reference: str | Path | None = None,
        thinking: Thinking | None = None,
        executor: Cluster | str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_stage: Callable[[str, int, int], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> Run:
        """Generate and measure what is missing. A complete run changes only if it is to be measured differently.

        Parameters
        ----------
        model
            By default the one of the plan, opened as it was.
        embedder, scorer, answer_pattern, reference, thinking, on_progress, on_stage, on_note
            As in ``run``; by default what the run was begun with.
        executor
            As in ``run``; by default this process, wherever the run was begun.

        Raises
        ------
        InputError
            The use case can't be read any more, or a value breaks its rule.
        RunError
            The model is another one, or the run was begun with a Python function or object that is not given.
        ModelError
            The model can't be loaded.
        EndpointError
            As in ``run``.
        """
        from thermoscope.runs.carry_out import carry_out
        from thermoscope.runs.measuring import measuring_of
        from thermoscope.sources.open import source_on
        from thermoscope.usecases.load import load

        given = {"embedder": embedder, "scorer": scorer, "answer_pattern": answer_pattern, "reference": reference}
        if self.complete and thinking is None and all(value is None for value in given.values()):
            return self
        asked, objects = self._store.requested()
        if missing := [name for name in objects if given[name] is None]:
            raise RunError(
                f"{self.folder} was begun with a Python object as {missing[0]}, which is not stored; give {missing[0]}="
            )
        measuring = measuring_of(
            load(self._plan.use_case),
            embedder=asked.get("embedder") if embedder is None else embedder,
            scorer=asked.get("scorer") if scorer is None else scorer,
            answer_pattern=asked.get("answer_pattern") if answer_pattern is None else answer_pattern,
            reference=asked.get("reference") if reference is None else reference,
            thinking=asked.get("thinking") if thinking is None else thinking,
        )
        how = self._plan.loading if model is None else {}
        with source_on(self._plan.model if model is None else model, executor, **how) as source, _finished(self._store):
            plan = self._plan.on(source)
            carry_out(source, plan, self._store, measuring, on_progress=on_progress, on_stage=on_stage, on_note=on_note)
        return Run(self.folder)

    def _measured(self, name: str) -> pyarrow.Table:
        self._store.complete_manifest()
        return labelled(self._store.table(_TABLES[name]), self._plan)

    def __repr__(self) -> str:
        state = "" if self.complete else f", {self._store.texts().num_rows} of {self._plan.texts} texts"
        return (
            f"Run({str(self.folder)!r}, prompts={len(self._plan.prompts)}, settings={len(self.settings)}, "
            f"seeds={len(self._plan.seeds)}{state})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: means with intervals per setting, and what holds of the usual claims."""
        title = f"{self._plan.name}: {count(self._plan.texts, 'text')} of {self._plan.model}"
        if not self.complete:
            there = self._store.texts().num_rows
            return fragment(title, soft(f"not complete: {there:,} texts are stored; resume() continues"))
        cells = {(row["setting_id"], row["measure"]): row for row in self.summary().to_pylist()}
        names = varying(self.settings)
        rows = [
            [safe(label(setting, names)), *(_cell(cells.get((setting.id, measure))) for measure in _SHOWN)]
            for setting in self.settings
        ]
        claims = [f"{claim['name']}: {claim_verdict(claim['verdict'])}" for claim in self.claims]
        return fragment(title, table(("setting", *_SHOWN), rows), listed(claims), soft(str(self.folder)))


def _cell(row: Mapping[str, Any] | None) -> str:
    """A mean and its interval."""
    if row is None or row["mean"] is None:
        return "unknown"
    if row["low"] is None:
        return short(row["mean"])
    return f"{short(row['mean'])} ({short(row['low'])} to {short(row['high'])})"
