"""The long requests, each a call of a public function whose callbacks become events."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.comparison.comparison import Comparison, finite
from thermoscope.errors import InputError
from thermoscope.files.writing import write_whole
from thermoscope.web.jobs import Job
from thermoscope.web.schemas import (
    AuditRequest,
    CompareRequest,
    RecommendRequest,
    SpectrumRequest,
    TemperatureRequest,
    TextRequest,
)
from thermoscope.web.settings import setting_of

if TYPE_CHECKING:
    from thermoscope.decode.records import TokenRecord
    from thermoscope.decode.sample import Sample
    from thermoscope.models.base import Model
    from thermoscope.spectra.spectrum import Spectrum
    from thermoscope.web.models import Models

#: Results that are kept, so that a page can have their reports.
_KEPT = 32


class Results:
    """The latest results, by number."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._next = 1

    def keep(self, result: Any) -> int:
        """Keep a result; the number under which it is found."""
        number, self._next = self._next, self._next + 1
        self._kept[number] = result
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return number

    def get(self, number: int) -> Any:
        """The result of this number; InputError where it is not kept any more."""
        if number not in self._kept:
            raise InputError(f"result {number} is not kept any more; make it again")
        return self._kept[number]

    def reports(self, numbers: Sequence[int], language: str) -> bytes:
        """A zip file with the report of each in a language; errors as in ``get``."""
        from thermoscope.report.forms import render

        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
            for place, number in enumerate(dict.fromkeys(numbers), 1):
                file.writestr(f"{place}.html", render(self.get(number), "html", language=language))
        return made.getvalue()


class Pieces:
    """The text of tokens as they come, behind those that are there: a character is told when it is whole."""

    def __init__(self, model: Model, there: Sequence[int] = ()) -> None:
        self._model, self._ids = model, list(there)
        self._told = len(model.decode(self._ids).rstrip("\ufffd"))

    def add(self, token: int) -> str:
        """What one more token adds to the text."""
        self._ids.append(token)
        text = self._model.decode(self._ids)
        if text.endswith("\ufffd"):
            return ""
        piece, self._told = text[self._told :], len(text)
        return piece


def text(models: Models, results: Results, asked: TextRequest, job: Job) -> None:
    """One text, token by token; ``thermoscope.generate``."""
    from thermoscope.comparison.compare import comparison_of
    from thermoscope.decode.generate import generate

    model = models.model(asked.model)
    pieces = Pieces(model, asked.tokens)

    def tell(_: int, token: int, record: TokenRecord) -> None:
        job.tell("token", **_token(token, pieces.add(token), record))

    (sample,) = generate(
        model, asked.prompt, setting_of(asked.settings), seeds=[asked.seed],
        max_new_tokens=len(asked.tokens) + asked.max_new_tokens, stop=asked.stop, begin=asked.tokens,
        on_token=tell, on_progress=lambda state: job.step(),
    )  # fmt: skip
    made = comparison_of(models.source(asked.model), sample, chosen=len(asked.tokens), stop=asked.stop)
    job.tell("result", id=results.keep(made), sample=_sample(sample))


def compare(models: Models, results: Results, asked: CompareRequest, job: Job) -> None:
    """One prompt at several settings; ``thermoscope.compare``, once for each setting where noise is not shared."""
    from thermoscope.comparison.compare import compare as compare_them
    from thermoscope.sources.local import LocalSource

    source = models.source(asked.model)
    settings = [setting_of(given, name) for name, given in asked.settings.items()]
    model = getattr(source, "model", None)
    groups = [settings] if asked.shared_noise else [[setting] for setting in settings]
    earlier = _earlier(results, asked.earlier, len(groups))
    made = []
    for number, group in enumerate(groups):
        first = asked.first_seed + number * asked.seeds
        seeds = list(range(first, first + asked.seeds))
        pieces = _pieces(model, earlier[number], len(group) * len(seeds))

        def place(index: int, number: int = number, seeds: list[int] = seeds) -> dict[str, int]:
            setting, seed = divmod(index, len(seeds))
            return {"setting": number + setting, "seed": seeds[seed]}

        def tell(index: int, token: int, record: TokenRecord, pieces: dict[int, Pieces] = pieces) -> None:
            piece = pieces[index].add(token)
            job.tell("token", **place(index), **_token(token, piece, record))

        def finished(index: int, sample: Sample, place: Callable[[int], dict[str, int]] = place) -> None:
            job.tell("text", **place(index), sample=_sample(sample))

        made.append(
            compare_them(
                source, asked.prompt, group, seeds=seeds, max_new_tokens=asked.max_new_tokens,
                earlier=earlier[number],
                on_sample=finished,
                on_token=None if model is None else tell,
                on_progress=lambda state: job.step(state.tokens, state.most_tokens, "tokens"),
            )
        )  # fmt: skip
    job.tell(
        "result",
        ids=[results.keep(comparison) for comparison in made],
        comparisons=[finite(comparison.to_dict()) for comparison in made],
        noted=[list(comparison.reading) for comparison in made],
        goes_on=isinstance(source, LocalSource),
    )


def _earlier(results: Results, numbers: Sequence[int], groups: int) -> list[Comparison | None]:
    """The comparisons that each group of settings goes on with; InputError where they are not such."""
    found = [results.get(number) for number in numbers]
    if not found:
        return [None] * groups
    if len(found) != groups or not all(isinstance(each, Comparison) for each in found):
        raise InputError(f"earlier must be the ids of one comparison's result; got {list(numbers)}")
    return found


def _pieces(model: Model | None, earlier: Comparison | None, texts: int) -> dict[int, Pieces]:
    """The pieces of so many texts, behind those that are there."""
    if model is None:
        return {}
    there = [()] * texts if earlier is None else [text.sample.token_ids for text in earlier.texts]
    return {index: Pieces(model, tokens) for index, tokens in enumerate(there)}


def spectrum(models: Models, results: Results, asked: SpectrumRequest, job: Job) -> None:
    """Every text between two temperatures; ``thermoscope.spectrum``."""
    from thermoscope.spectra.explore import spectrum as explore

    (found,) = explore(
        models.model(asked.model), asked.prompt, temperature=(asked.low, asked.high),
        params=setting_of(asked.settings), seeds=[asked.seed], max_new_tokens=asked.max_new_tokens,
        max_leaves=asked.max_leaves,
        on_leaf=lambda _, leaf: job.tell("leaf", low=leaf.low, high=leaf.high, text=leaf.text),
        on_progress=lambda state: job.step(state.finished, state.samples, "texts"),
    )  # fmt: skip
    job.tell("result", id=results.keep(found), **_spectrum(found))


def temperature(models: Models, results: Results, asked: TemperatureRequest, job: Job) -> None:
    """The temperature of texts; ``thermoscope.temperature_of``."""
    from thermoscope.auditing.text_temperature import temperature_of

    job.step()
    found = temperature_of(asked.texts, models.model(asked.model), prompt=asked.prompt or None)
    job.tell("result", id=results.keep(found), **finite(json.loads(found.to_json())))


def recommend(models: Models, results: Results, runs: Path, asked: RecommendRequest, job: Job) -> None:
    """The setting for some prompts; ``thermoscope.recommend``, kept in the folder of runs."""
    from thermoscope.recommending.recommend import recommend as recommend_it
    from thermoscope.usecases.load import bundled

    if bool(asked.prompts) == bool(asked.use_case):
        raise InputError("give prompts or a use case, one of them")
    if asked.use_case and asked.use_case not in bundled():
        raise InputError(f"use_case must be one of {', '.join(bundled())}; got {asked.use_case!r:.60}")
    given = asked.use_case or _prompts_file(runs, asked.prompts)
    found = recommend_it(
        models.source(asked.model), given, vary=asked.vary, objective=asked.objective,
        budget=f"{asked.budget} tokens", max_new_tokens=asked.max_new_tokens, runs=runs,
        on_plan=lambda plan: job.tell("note", kind="plan", text="\n".join(plan)),
        on_range=lambda said: job.tell("note", kind="range", text=said),
        on_note=lambda said: job.tell("note", kind="note", text=said),
        on_progress=lambda what, done, of: job.step(done, of, what),
        on_stage=lambda what, done, of: job.step(done, of, what),
    )  # fmt: skip
    job.tell("result", id=results.keep(found), recommendation=finite(found.to_dict()))


def _prompts_file(runs: Path, prompts: list[str]) -> Path:
    """The prompts as a file, which the run can be gone on with: its name is that of what is in it."""
    lines = "".join(json.dumps({"prompt": prompt}, ensure_ascii=False) + "\n" for prompt in prompts)
    folder = runs / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(lines.encode()).hexdigest()[:12]}.jsonl"
    write_whole(path, lines)
    return path


def audit(models: Models, results: Results, asked: AuditRequest, job: Job) -> None:
    """What an endpoint does with what it is sent; ``thermoscope.audit``."""
    from thermoscope.auditing.protocol import audit as audit_it
    from thermoscope.sources.endpoint import Endpoint

    source = models.source(asked.model)
    if not isinstance(source, Endpoint):
        raise InputError(f"an audit needs an endpoint; {source.name} runs here and does what it is told")
    found = audit_it(source, budget=asked.budget, on_progress=lambda what, done, of: job.step(done, of, what))
    job.tell("result", id=results.keep(found), audit=finite(found.to_dict()), finding=found.finding)


def resume(models: Models, runs: Path, name: str, model: str, job: Job) -> None:
    """Go on with a run; ``thermoscope.Run.resume``."""
    from thermoscope.runs.run import open_run

    done = open_run(runs / name).resume(
        models.source(model), on_progress=lambda state: job.step(state.tokens, state.most_tokens, "tokens")
    )
    job.tell("result", run=name, complete=done.complete)


def _token(token: int, piece: str, record: TokenRecord) -> dict[str, Any]:
    return {"id": token, "text": piece, "logprob": record.logprob, "rank": record.rank, "entropy": record.entropy}


def _sample(sample: Sample) -> dict[str, Any]:
    made: dict[str, Any] = finite(sample.to_dict())
    return made


def _spectrum(found: Spectrum) -> dict[str, Any]:
    """A spectrum as the page shows it: its texts by temperature, and why each gives way to the next."""
    return {
        "low": found.low,
        "high": found.high,
        "leaves": [{"low": leaf.low, "high": leaf.high, "text": leaf.text} for leaf in found.leaves],
        "forks": [finite({name: getattr(fork, name) for name in fork.__slots__}) for fork in found.forks],
        "exact_share": found.exact_share,
    }
