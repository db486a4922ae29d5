"""``measure``: texts in, tables of measures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from thermoscope.checks import at_least_one
from thermoscope.decode.sample import Sample
from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer
from thermoscope.metrics.embedding import Embedder
from thermoscope.metrics.ragged import Array, Ragged, row_sums, starts_of
from thermoscope.metrics.registry import MEASURES, TEXT_MEASURES, Measure, taken
from thermoscope.metrics.texts import Texts, common_length
from thermoscope.metrics.thinking import USUAL, Thinking, answer_of, find_block, thinking_mode, thinking_of
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    import pyarrow


def measure(
    samples: Sequence[Sample],
    *,
    per: Literal["text", "group"] = "text",
    length: int | None = None,
    embedder: Embedder | None = None,
    scorer: Scorer | None = None,
    answers: Sequence[str | None] | None = None,
    answer_pattern: str | None = None,
    thinking: Thinking = USUAL,
) -> pyarrow.Table:
    """Measure samples, cut to one common length; a pyarrow table (``.to_pandas()`` where pandas is there).

    Parameters
    ----------
    samples
        From ``generate``.
    per
        "text": one row per sample, in the order given. "group": one row per prompt and setting, with the means of
        the measures of texts and the measures of groups (distinct_n, self_bleu, ...).
    length
        The common length in tokens; by default that of the shortest text which its limit cut short.
    embedder
        ``metrics.embedding.SentenceEmbedder()``, or anything with its ``encode``; without one the two embedding
        measures are null.
    scorer
        A function of (continuation, expected answer or None); without one ``score`` is null.
    answers
        For each sample, the expected answer.
    answer_pattern
        A regular expression that finds the answer in a text, as cut to the common length, for ``agreement``.

    thinking
        What is done with the thinking of a reasoning model: "apart" measures the answers, and with ``per="text"`` the
        thinking for itself (``thinking_tokens``, ...); "drop" the answers alone; "keep" each text as a whole.

    Returns
    -------
    pyarrow.Table
        One column per measure, null where it is unknown.

    Raises
    ------
    InputError
        There is no sample, or a value breaks its rule.
    """
    if per not in ("text", "group"):
        raise InputError(f"per must be 'text' or 'group'; got {per!r}")
    length, mode = at_least_one("length", length), thinking_mode(thinking)
    samples = list(samples)
    if not samples:
        raise InputError("samples must not be empty; give what generate returns")
    for sample in samples:
        if not isinstance(sample, Sample):
            raise InputError(f"samples must be what generate returns; got {type(sample).__name__}")
    if answers is not None and len(answers) != len(samples):
        raise InputError(f"answers must be one per sample; got {len(answers)} for {len(samples)}")
    blocks = [None if mode == "keep" else find_block(sample.text) for sample in samples]
    length = common_length(samples) if length is None else length
    texts = Texts.from_samples(
        [sample if block is None else answer_of(sample, block) for sample, block in zip(samples, blocks, strict=True)],
        length,
        embedder=embedder,
        scorer=scorer,
        answers=answers,
        answer_pattern=answer_pattern,
    )
    if per == "group":
        return group_table(texts, group_values(texts, text_values(texts)))
    import pyarrow

    columns = {
        "prompt": pyarrow.array([s.prompt for s in samples], pyarrow.string()),
        **setting_columns([s.params for s in samples]),
        "seed": pyarrow.array([s.seed for s in samples], pyarrow.uint64()),
        "finish_reason": pyarrow.array([s.finish_reason for s in samples], pyarrow.string()),
    }
    for name, values in text_values(texts).items():
        columns[name] = nullable(texts.in_given_order(values))
    rows = [row for row, block in enumerate(blocks) if block is not None] if mode == "apart" else []
    thoughts = [thinking_of(samples[row], block) for row in rows if (block := blocks[row]) is not None]
    return with_thinking(pyarrow.table(columns), Texts.from_samples(thoughts, length), rows)


def with_thinking(table: pyarrow.Table, thoughts: Texts, rows: Sequence[int]) -> pyarrow.Table:
    """A table of texts with the measures of their thinking beside them: ``thinking_tokens`` and so on.

    ``rows`` are the texts that ``thoughts`` are from; a measure that is unknown for all of them is left out.
    """
    if not rows:
        return table
    for name, column in text_values(thoughts).items():
        of_all = np.full(table.num_rows, np.nan)
        of_all[list(rows)] = thoughts.in_given_order(column)
        if not np.isnan(of_all).all():
            table = table.append_column(f"thinking_{name}", nullable(of_all))
    return table


def measure_text(sample: Sample) -> dict[str, float | None]:
    """Every measure of one text, by name; None where unknown."""
    texts = Texts.from_samples([sample])
    values = {name: float(m.of(texts)[0]) for name, m in TEXT_MEASURES.items()}
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def text_values(texts: Texts, on_measure: Callable[[str], None] = lambda _: None) -> dict[str, Array]:
    """Every measure of a text: (N,) each, in the order of ``texts``; ``on_measure`` is told each name beforehand."""
    values = {}
    for name, m in MEASURES.items():
        if m.level == "text":
            on_measure(name)
            values[name] = taken(m, texts)
    return values


def group_values(
    texts: Texts, of_texts: dict[str, Array], on_measure: Callable[[str], None] = lambda _: None
) -> dict[str, Array]:
    """Means of the measures of texts, under their summary names, and measures of groups: (G,) each."""
    values = {}
    for name, m in MEASURES.items():
        if m.level == "text":
            values[m.summary_name] = mean_by_group(m, of_texts[name], texts.groups)
        elif m.level == "group":
            on_measure(name)
            values[name] = taken(m, texts)
    return values


def mean_by_group(m: Measure, values: Array, groups: Array) -> Array:
    """(G,) mean of the known values of each group's texts (geometric on a log scale); NaN if there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        linear = np.log(values) if m.scale == "log" else values
    known = np.isfinite(linear)
    rows = starts_of(groups)
    counts = row_sums(Ragged(known.astype(np.float64), rows))
    sums = row_sums(Ragged(np.where(known, linear, 0.0), rows))
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return np.exp(means) if m.scale == "log" else means


def group_table(texts: Texts, values: dict[str, Array]) -> pyarrow.Table:
    """One row per prompt and setting."""
    import pyarrow

    settings = [texts.setting_names[i] for i in texts.group_setting.tolist()]
    columns = {
        "prompt": pyarrow.array([texts.prompt_names[i] for i in texts.group_prompt.tolist()], pyarrow.string()),
        **setting_columns(settings),
        "texts": pyarrow.array(texts.groups, pyarrow.int64()),
        **{name: nullable(column) for name, column in values.items()},
    }
    return pyarrow.table(columns)


def setting_columns(settings: Sequence[SamplingParams | str]) -> dict[str, pyarrow.Array]:
    """Columns that say the setting: its name and, where the settings are ours, its temperature and id."""
    import pyarrow

    # the same few settings stand in many rows, and naming one takes far longer than looking it up
    different = {id(s): s for s in settings}
    names = {key: getattr(s, "name", None) or str(s) for key, s in different.items()}
    columns = {"setting": pyarrow.array([names[id(s)] for s in settings], pyarrow.string())}
    ours = {key: s for key, s in different.items() if isinstance(s, SamplingParams)}
    if len(ours) == len(different):
        ids = {key: s.id for key, s in ours.items()}
        columns["setting_id"] = pyarrow.array([ids[id(s)] for s in settings], pyarrow.string())
        columns["temperature"] = pyarrow.array([ours[id(s)].temperature for s in settings], pyarrow.float64())
    return columns


def nullable(values: Array) -> pyarrow.Array:
    """A column with null for NaN."""
    import pyarrow

    return pyarrow.array(values, pyarrow.float64(), mask=np.isnan(values))
