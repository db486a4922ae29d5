"""What a report is made from: the tables of a run, of a comparison, or of texts from files, in one form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from thermoscope.comparison.evidence import tables
from thermoscope.language.saying import phrase, say, worded
from thermoscope.metrics.ragged import Ragged, starts_of
from thermoscope.ran.facts import facts
from thermoscope.ran.of_run import what_ran
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.reference import nearest_window
from thermoscope.words import joined

if TYPE_CHECKING:
    from thermoscope.comparison.comparison import Comparison
    from thermoscope.runs.measured import Measured
    from thermoscope.runs.run import Run

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceText:
    """One text: its place in the lists of prompts, settings and seeds, its tokens and what was measured."""

    prompt: int
    setting: int
    seed: int
    text: str
    token_ids: Sequence[int]
    ends: Sequence[int]
    finish_reason: str
    measures: Row


@dataclass(frozen=True, slots=True)
class Source:
    """A run, a comparison, or texts from files as a report needs them.

    Attributes
    ----------
    name, title, objective
        What it is called; of the use case.
    model
        The model's name.
    prompts, settings, seeds
        What texts refer to; settings of texts from elsewhere may be names.
    texts
        All texts.
    measured
        Rows per measure and setting: mean, low, high, band_low, band_high, units, texts.
    differences
        Rows per measure and pair of settings.
    groups
        Rows per prompt and setting: measures of groups.
    facts, command, claims, effective
        As in ``Ran``.
    reference
        Why there is no distance to a reference, or what limits it; "" if nothing does.
    loop_limit
        The reference's loop rate; None where there is no reference of the texts' length.
    limit
        The most new tokens of a text.
    reading
        What a comparison's measures say, a sentence each.
    shared_noise
        As in ``Ran``.
    """

    name: str
    title: str
    objective: str
    model: str
    prompts: tuple[str, ...]
    settings: tuple[SamplingParams | str, ...]
    seeds: tuple[int, ...]
    texts: tuple[SourceText, ...]
    measured: Sequence[Row]
    differences: Sequence[Row]
    groups: Sequence[Row]
    facts: tuple[tuple[str, str], ...]
    command: str
    claims: tuple[Row, ...]
    effective: tuple[str, ...]
    reference: str
    loop_limit: float | None
    limit: int
    reading: tuple[str, ...] = ()
    shared_noise: bool = True

    @property
    def unit(self) -> Literal["prompt", "seed"]:
        """What intervals are over."""
        return "seed" if len(self.prompts) == 1 else "prompt"


def from_run(run: Run, *, texts: bool = True) -> Source:
    """A stored run, if so wanted without its texts.

    Raises
    ------
    RunError
        It is not complete.
    """
    manifest, plan = run.manifest, run.plan
    place = {setting.id: i for i, setting in enumerate(plan.settings)}
    seed_place = {seed: i for i, seed in enumerate(plan.seeds)}
    groups = [row | {"setting": place[row["setting_id"]], "prompt": row["prompt_id"]}
              for row in run.groups().to_pylist()]  # fmt: skip
    return Source(
        name=plan.name,
        title=str(manifest["title"]),
        objective=str(manifest["objective"]),
        model=plan.model,
        prompts=plan.prompts,
        settings=plan.settings,
        seeds=plan.seeds,
        texts=tuple(_stored_texts(run, place, seed_place)) if texts else (),
        measured=_by_place(run.summary().to_pylist(), place, ("setting",)),
        differences=_by_place(run.differences().to_pylist(), place, ("setting_a", "setting_b")),
        groups=groups,
        facts=tuple(facts(what_ran(manifest, str(run.folder)))),
        command=run.command,
        claims=run.claims,
        effective=tuple(manifest.get("effective", ())),
        shared_noise=manifest.get("shared_noise", True),
        reference=str(manifest["reference"]),
        loop_limit=_loop_limit(manifest),
        limit=plan.max_new_tokens,
    )


def _by_place(rows: Sequence[dict[str, Any]], place: Mapping[str, int], names: Sequence[str]) -> list[Row]:
    """Rows with settings as places: ``setting`` from ``setting_id``, ``setting_a`` from ``setting_id_a``."""
    ids = {name: name.replace("setting", "setting_id") for name in names}
    return [row | {name: place[row[column]] for name, column in ids.items()} for row in rows]


def _stored_texts(run: Run, place: Mapping[str, int], seed_place: Mapping[int, int]) -> list[SourceText]:
    table, tokens = run.texts(), run.tokens()
    starts = starts_of(table["tokens"].to_numpy() * (run.plan.tokens != "none"))
    ids, ends = (Ragged(tokens[name].to_numpy(), starts) for name in ("token_id", "text_end"))
    measured = run.measures().sort_by("text_id").to_pylist()
    return [
        SourceText(
            prompt=row["prompt_id"],
            setting=place[row["setting_id"]],
            seed=seed_place[row["seed"]],
            text=row["text"],
            token_ids=ids.row(i)[: row["text_tokens"]].tolist(),
            ends=ends.row(i)[: row["text_tokens"]].tolist(),
            finish_reason=row["finish_reason"],
            measures=measures,
        )
        for i, (row, measures) in enumerate(zip(table.to_pylist(), measured, strict=True))
    ]


def _loop_limit(manifest: Mapping[str, Any]) -> float | None:
    """The share of the reference's texts that end in a loop, at about the run's length."""
    record = manifest["measuring"].get("reference")
    window = nearest_window(record, manifest["plan"]["max_new_tokens"]) if record else None
    value = None if window is None else window["mean"].get("loop_rate")
    return None if value is None else float(value)


def from_comparison(comparison: Comparison) -> Source:
    """A comparison: one prompt, so that its seeds are the units; no claims."""
    place = {setting: i for i, setting in enumerate(comparison.settings)}
    made = tables(comparison)
    ran = comparison.ran
    return Source(
        name="compare",
        title=comparison.prompt,
        objective="",
        model=str(ran.model),
        prompts=(comparison.prompt,),
        settings=comparison.settings,
        seeds=comparison.seeds,
        texts=tuple(
            SourceText(
                prompt=0,
                setting=place[text.sample.params],
                seed=comparison.seeds.index(text.sample.seed),
                text=text.sample.text,
                token_ids=text.sample.text_token_ids,
                ends=text.sample.text_ends,
                finish_reason=text.sample.finish_reason,
                measures=text.measures,
            )
            for text in comparison.texts
        ),
        measured=made.measured,
        differences=made.differences,
        groups=made.groups,
        facts=tuple(facts(ran)),
        command=ran.command,
        claims=(),
        effective=comparison.effective,
        shared_noise=comparison.ran.shared_noise,
        reference="",
        loop_limit=None,
        limit=int(ran.max_new_tokens or 0),
        reading=comparison.reading,
    )


def from_measured(measured: Measured) -> Source:
    """Texts from files; a seed is the file's, or a text's number among those of its prompt and setting."""
    found = measured.found
    settings: tuple[SamplingParams | str, ...] = tuple(dict.fromkeys(measured.settings))
    prompts = measured.prompts
    place = {setting: i for i, setting in enumerate(settings)}
    prompt_place = {prompt: i for i, prompt in enumerate(prompts)}
    numbers = _numbers(measured)
    seeds = tuple(sorted(set(numbers)))
    rows = measured.texts().to_pylist()
    by_label = {str(getattr(setting, "name", None) or setting): i for setting, i in place.items()}
    of_prompts = {prompt or worded(NO_PROMPT): i for i, prompt in enumerate(prompts)}
    return Source(
        name=title_of(found.sources),
        title=title_of(found.sources),
        objective="",
        model=measured.tokens,
        prompts=tuple(of_prompts),
        settings=settings,
        seeds=seeds,
        texts=tuple(
            SourceText(
                prompt=prompt_place[found.prompts[i]],
                setting=place[measured.settings[i]],
                seed=seeds.index(numbers[i]),
                text=text,
                token_ids=measured.token_ids.row(i).tolist(),
                ends=measured.ends.row(i).tolist(),
                finish_reason="",
                measures=rows[i],
            )
            for i, text in enumerate(found.texts)
        ),
        measured=[row | {"setting": by_label[row["setting"]]} for row in measured.summary().to_pylist()],
        differences=[
            row | {f"setting_{side}": by_label[row[f"setting_{side}"]] for side in "ab"}
            for row in measured.differences().to_pylist()
        ],
        groups=[
            row | {"setting": by_label[row["setting"]], "prompt": prompt_place[row["prompt"]]}
            for row in measured.groups().to_pylist()
        ],
        facts=(*((say("read"), sentence) for sentence in found.read_as), *facts(measured.ran),
               *((say("note"), note) for note in measured.notes)),
        command=measured.ran.command,
        claims=measured.claims,
        effective=(),
        shared_noise=False,
        reference=phrase("there is no text by people to compare with"),
        loop_limit=None,
        limit=int(measured.token_ids.lengths.max(initial=0)),
    )  # fmt: skip


#: What stands for the prompt of texts whose file names none.
NO_PROMPT = phrase("(no prompt is given)")
#: So many files are named in a title; more are counted.
_NAMED = 2


def title_of(sources: Sequence[str]) -> str:
    """What texts from these files are called."""
    names = [PurePath(source).name for source in sources]
    return joined(names) if len(names) <= _NAMED else f"{names[0]} and {len(names) - 1} more files"


def _numbers(measured: Measured) -> list[int]:
    """A number for each text that is its own among those of its prompt and setting."""
    groups = list(zip(measured.found.prompts, measured.settings, strict=True))
    said = [int(seed) if seed.isdecimal() and len(seed) <= _DIGITS else None for seed in measured.found.seeds]
    if said and None not in said and len(set(zip(groups, said, strict=True))) == len(groups):
        return [seed for seed in said if seed is not None]
    there: Counter[Hashable] = Counter()
    numbers = []
    for group in groups:
        numbers.append(there[group])
        there[group] += 1
    return numbers


#: The most digits of a seed: those of 2^64.
_DIGITS = 20
