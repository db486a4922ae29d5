"""``recommend``: the setting for some prompts on a model, with evidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import Interrupted
from thermoscope.files.remote import on_disk
from thermoscope.language.saying import say
from thermoscope.ran.facts import facts
from thermoscope.ran.provenance import model_words, option_words, quote, what_ran
from thermoscope.recommending.answer import answer, best_member, confirm
from thermoscope.recommending.axes import Axes, Range, axes_of
from thermoscope.recommending.beside import settings_beside
from thermoscope.recommending.bounds import Bound, bounds_of, given_bounds
from thermoscope.recommending.budget import USUAL, Budget, allowance, budget_of
from thermoscope.recommending.candidates import check_all, first_candidates
from thermoscope.recommending.folder import Folder, question_id
from thermoscope.recommending.judging import Judged, pick_of
from thermoscope.recommending.objective import objective_of
from thermoscope.recommending.planning import Layout, layout, plan_sentences
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.recommending.search import Search
from thermoscope.recommending.sentences import first_range
from thermoscope.recommending.unfinished import UnfinishedRun
from thermoscope.runs import RUNS
from thermoscope.runs.measuring import measuring_of
from thermoscope.runs.plan import Plan, plan_run
from thermoscope.runs.reference import Statistics, reference_for, reference_statistics
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.power import foresight
from thermoscope.statistics.reference import Reference
from thermoscope.usecases.prompts import HELD_OUT
from thermoscope.words import count

if TYPE_CHECKING:
    from thermoscope.metrics.answers import Scorer
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.metrics.thinking import Thinking
    from thermoscope.models.base import Model
    from thermoscope.runs.run import Run
    from thermoscope.sources.base import Source
    from thermoscope.usecases.case import UseCase

_log = logging.getLogger(__name__)
#: Prompts from which on a third is held out where a use case holds none out.
_ENOUGH = 3
#: Whole prompts of an interrupted first round from which on it is answered from.
_FEWEST = 2


def recommend(
    model: Model | Source | str | Path,
    use_case: UseCase | str | Path,
    *,
    vary: Mapping[str, Any] | None = None,
    params: SamplingParams | None = None,
    objective: str | None = None,
    scorer: Scorer | str | None = None,
    matters: float | None = None,
    best_of: int = 1,
    bounds: Mapping[str, float] | None = None,
    baseline: str | Path | SamplingParams | None = None,
    budget: str | int = USUAL,
    max_new_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    folder: str | Path | None = None,
    runs: str | Path = RUNS,
    embedder: Embedder | str | None = None,
    answer_pattern: str | None = None,
    reference: str | Path | None = None,
    thinking: Thinking = "apart",
    on_plan: Callable[[tuple[str, ...]], None] | None = None,
    on_range: Callable[[str], None] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_stage: Callable[[str, int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Recommendation:
    """Find the setting for some prompts on a model: the feasible range, the settings that no other beats, and a pick.

    The same call goes on where it was interrupted, and generates nothing once it is complete; another scorer or
    objective is answered from the texts that are there, as far as they go.

    Parameters
    ----------
    model
        From ``load_model`` or ``open_source``, or the name or path that they take.
    use_case
        The name of a bundled use case, the path of a ``.toml`` file or of a file of prompts, or a ``UseCase``.
    vary
        By parameter a list of values, or ``"LOW:HIGH"``: ``{"temperature": "0:1.5", "min_p": [None, 0.05, 0.1]}``. With
        many combinations, or ranges of parameters beside temperature, candidates are proposed by optuna.
    params
        What all settings have in common.
    objective
        "diversity", "agreement", "score", "reference" (likeness to text by people) or "none" (anything in the range);
        by default the scorer's score, else what the use case's objective says.
    scorer
        A function of (text, expected answer or None), or as ``--score`` takes it: "exact", "regex:PATTERN",
        "FILE.py:FUNCTION", "MODULE:FUNCTION". "agreement" is the objective of that name.
    matters
        The smallest difference in the objective that matters: 0.05 unless given.
    best_of
        For a score: of how many texts the best counts.
    bounds
        The largest means that are feasible, by measure: ``{"rep_4": 0.05, "perplexity": 20}``. Others are those of the
        reference (its mean and one standard deviation), or usual ones where there is none.
    baseline
        The present setting, which stands beside the pick: a file as ``read_settings`` takes it, "model" (its generation
        config), the name of an engine (its defaults), or ``SamplingParams``.
    budget
        Tokens ("200k tokens"), time of generating ("10m") or money ("5usd", for endpoints with prices).
    max_new_tokens, stop, max_rows, embedder, answer_pattern, reference, thinking
        As in ``run``.
    folder
        Where everything is kept; by default a folder in ``runs``.
    runs
        The folder of runs in which that folder is made.
    on_plan
        Called with the plan and what it can see, a sentence each, before anything is generated.
    on_range
        Called with the feasible range, a sentence, once it is known roughly.
    on_progress
        Called with (what is under way, tokens made, tokens planned).
    on_stage, on_note
        As in ``run``.

    Returns
    -------
    Recommendation
        The answer; ``save(answer, "page.html")`` makes a page of it.

    Raises
    ------
    InputError
        A value breaks its rule, or the budget is too small.
    RunError
        The folder holds something else, or another process is writing it.
    ModelError, EndpointError
        As in ``run``.
    Interrupted
        The user interrupted; ``finished`` is the answer with what was there, None before the first round was complete.
    """
    from thermoscope.sources.open import source_of
    from thermoscope.usecases.case import UseCase
    from thermoscope.usecases.load import load

    case = use_case if isinstance(use_case, UseCase) else load(use_case)
    case, notes = _with_held_out(case)
    if scorer == "agreement":
        scorer, objective = None, objective or "agreement"
    measuring = measuring_of(case, embedder, scorer, answer_pattern, reference, thinking)
    given, money, axes = given_bounds(bounds), budget_of(budget), axes_of(vary, params)
    check_all(axes)
    source = source_of(model)
    wanted = objective_of(measuring, kind=objective, matters=matters, best_of=best_of, has_reference=source.can.logits)
    first = source.settings(first_candidates(axes))
    beside, refused = settings_beside(source, baseline)
    open_prompts = tuple(prompt.text for prompt in case.open_prompts)
    held_out = tuple(prompt.text for prompt in case.held_out_prompts)
    probe = plan_run(source, case, first[:1], prompts=[*open_prompts, *held_out], seeds=[0],
                     max_new_tokens=max_new_tokens, stop=stop, max_rows=max_rows)  # fmt: skip
    question = _question(probe, axes, money)
    kept = Folder(Path(runs) / f"recommend-{case.name}-{question_id(question)}" if folder is None else on_disk(folder))

    def laid_out(tokens: int) -> Layout:
        numbers = (len(open_prompts), len(held_out), len(first), len(beside))
        return layout(tokens, probe.max_new_tokens, *numbers, wanted)

    def allowed() -> tuple[int, str]:
        found = allowance(money, source, open_prompts, first, probe.max_new_tokens)
        laid_out(found.tokens)  # too small a budget is said before anything is stored
        return found.tokens, found.said

    tokens, said = kept.begin(question, allowed)
    plan = laid_out(tokens)
    sees = foresight(len(open_prompts) if plan.prompts < len(open_prompts) else plan.prompts, plan.seeds)
    foreseen = plan_sentences(plan, said, [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in sees])
    if on_plan is not None and kept.answer() is None:
        on_plan(foreseen)

    statistics: list[Statistics] = []

    def record() -> Statistics:
        if not statistics:
            key = f"{measuring.to_dict()['reference_text']} {case.reference} {source.revision} {probe.max_new_tokens}"
            read = partial(reference_statistics, source, measuring, probe.max_new_tokens, on_stage)
            statistics.append(kept.reference(key, read))
        return statistics[0]

    chosen: list[Reference | None] = []

    def reference_known() -> Reference | None:
        if not chosen:
            made = reference_for(source, record(), probe.max_new_tokens)
            chosen.append(made if isinstance(made, Reference) else None)
        return chosen[0]

    def bounds_known() -> tuple[Bound, ...]:
        return bounds_of(reference_known(), given)

    search = Search(
        source, kept, measuring, open_prompts, held_out, axes, bounds_known, wanted, plan,
        {"max_new_tokens": probe.max_new_tokens, "stop": stop, "max_rows": max_rows}, record,
        on_progress, on_stage, on_note or _log.warning,
    )  # fmt: skip
    fixed = {
        "title": case.title, "use_case": case.name_or_path, "model": source.name, "foresight": foreseen,
        "budget": money.given, "folder": str(kept.path), "not_run": refused,
    }  # fmt: skip

    def told(judgement: Judged) -> None:
        if on_range is not None:
            on_range(first_range(judgement))

    def answered(judgement: Judged, confirmed: Sequence[Run], *, complete: bool, more: Sequence[str]) -> Recommendation:
        pick = pick_of(judgement)
        setting = None if pick is None else judgement.values.settings[pick]
        about = {
            "confirmed_on": _confirmed_on(confirmed),
            "complete": complete,
            "notes": tuple(dict.fromkeys([*notes, *more, *source.notes, *_failures(search)])),
            "command": _command(probe, axes, fixed, case, measuring, wanted, given, baseline, budget),
            "next_command": "" if setting is None else f"thermoscope export --run {kept.path} --to vllm",
            "ran": _facts(source, probe, search),
        }
        return answer(
            search, judgement, confirmed, beside, bounds=bounds_known(), reference=reference_known(), given=given,
            said=fixed | about,
        )  # fmt: skip

    judgement: Judged | None = None
    try:
        judgement = search.carry_on(told)
        pick = pick_of(judgement)
        confirmed: list[Run] = []
        if pick is not None and held_out:
            best = best_member(judgement, wanted)
            confirmed = confirm(search, judgement.values.settings[pick], best, beside)
    except KeyboardInterrupt:
        raise Interrupted(_as_far(search, answered)) from None
    made = answered(judgement, confirmed, complete=True, more=())
    kept.keep(made)
    return made


def _as_far(search: Search, answered: Callable[..., Recommendation]) -> Recommendation | None:
    """The answer from what is there; None before two prompts of the first round are whole."""
    more = ["Interrupted: the same command goes on where it was."]
    if not search.runs:
        begun = next(search.folder.runs("round"), None)
        first = None if begun is None else UnfinishedRun(begun, search.measuring)
        if first is None or first.whole_prompts < _FEWEST:
            return None
        whole = count(first.whole_prompts, "prompt")
        more.append(f"Only {whole} of the first round are whole: what is said is about them.")
        search.add_unfinished(first)
    return answered(search.look(), [], complete=False, more=more)


def _with_held_out(case: UseCase) -> tuple[UseCase, list[str]]:
    """The use case with a third of its prompts held out, if it holds none out, and what is to be said of that."""
    held, open_ = case.held_out_prompts, case.open_prompts
    if held:
        return case, [f"{len(held)} of {count(len(held) + len(open_), 'prompt')} are held out to confirm the pick."]
    if len(open_) < _ENOUGH:
        return case, [
            f"{count(len(open_), 'prompt')}: none is held out, so the pick is not confirmed on other prompts."
        ]
    out = [int((i + 1) * HELD_OUT + 1e-9) > int(i * HELD_OUT + 1e-9) for i in range(len(case.prompts))]
    prompts = tuple(
        prompt.model_copy(update={"held_out": held}) for prompt, held in zip(case.prompts, out, strict=True)
    )
    made = case.model_copy(update={"prompts": prompts})
    return made, [f"{sum(out)} of {count(len(prompts), 'prompt')} are held out to confirm the pick, every third."]


def _question(probe: Plan, axes: Axes, budget: Budget) -> dict[str, Any]:
    """What texts depend on, as far as it is decided at the start."""
    record = probe.to_dict()
    fields = ("prompts", "max_new_tokens", "stop", "model", "revision", "dtype", "device", "chat_words")
    listed = {name: _plain(axis) for name, axis in (("temperature", axes.temperature), *axes.others.items())}
    return {name: record[name] for name in fields} | {
        "values to vary": listed,
        "parameters": axes.base.to_json(),
        "budget": budget.given,
    }


def _plain(axis: Any) -> Any:
    return f"{axis.low:g}:{axis.high:g}" if isinstance(axis, Range) else list(axis)


def _confirmed_on(runs: Sequence[Run]) -> str:
    """On what the pick was confirmed; "" where it was not."""
    if not runs:
        return ""
    seeds = {seed for run in runs for seed in run.plan.seeds}
    prompts = count(len(runs[0].plan.prompts), "held-out prompt")
    return say("{prompts} x {seeds}", prompts=prompts, seeds=count(len(seeds), "seed"))


def _failures(search: Search) -> list[str]:
    """What runs note of their own: scores that failed, thinking, parameters that did nothing are left out."""
    found: dict[str, None] = {}
    for run in search.runs:
        for note in run.manifest["notes"]:
            if note.startswith("The scorer failed"):
                found[note] = None
    return list(found)


def _facts(source: Source, probe: Plan, search: Search) -> dict[str, str]:
    """What ran, in words."""
    ran = what_ran(source, "", max_new_tokens=probe.max_new_tokens, stop=probe.stop, settings=search.tried[:1])
    return {name: text for name, text in facts(ran) if name not in ("settings", "same for all")}


def _command(
    probe: Plan,
    axes: Axes,
    fixed: Mapping[str, Any],
    case: UseCase,
    measuring: Any,
    objective: Any,
    given: Mapping[str, float],
    baseline: Any,
    budget: str | int,
) -> str:
    """The command line that makes the answer again, or goes on with it."""
    words = ["thermoscope", "recommend"]
    prompts_file = case.source.suffix != ".toml"
    words += ["--prompts" if prompts_file else "--use-case", case.name_or_path]
    for name, axis in (("temperature", axes.temperature), *axes.others.items()):
        shown = _plain(axis)
        listed = shown if isinstance(shown, str) else ",".join("off" if v is None else f"{v}" for v in shown)
        if (name, listed) != ("temperature", "0:1.5"):
            words += ["--vary", f"{name}={listed}"]
    words += option_words(axes.base, leave_out=("temperature",))
    words += [word.replace("--score=", "--scorer=") for word in measuring.words]
    words += ["--objective", objective.kind, "--matters", f"{objective.matters:g}"]
    words += ["--best-of", str(objective.best_of)] if objective.best_of > 1 else []
    words += [word for name, most in given.items() for word in ("--bound", f"{name}={most:g}")]
    words += ["--baseline", str(baseline)] if isinstance(baseline, str | Path) else []
    words += ["--budget", str(budget), "--max-new-tokens", str(probe.max_new_tokens)]
    words += [f"--stop={text}" for text in probe.stop]
    words += model_words(probe.model, probe.revision, probe.device, probe.dtype, probe.chat_words)
    return " ".join(map(quote, [*words, "--run", str(fixed["folder"])]))
