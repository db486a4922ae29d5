"""From files of texts to their measures: what ``thermoscope measure FILE`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.checks import at_least_one
from thermoscope.errors import InputError
from thermoscope.files.stated import stated_settings
from thermoscope.files.texts import Found, read
from thermoscope.metrics.answers import Scorer
from thermoscope.metrics.embedding import Embedder, Watched, embedder_named
from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.scorers import parse_scorer
from thermoscope.metrics.self_bleu import MOST_SAMPLES
from thermoscope.metrics.table import group_table, nullable, setting_columns, with_thinking
from thermoscope.metrics.texts import Texts
from thermoscope.metrics.thinking import USUAL, Columns, Thinking, thinking_mode, thinking_words
from thermoscope.metrics.thoughts import Thoughts, texts_and_thoughts
from thermoscope.metrics.words import word_tokens
from thermoscope.models.base import Model
from thermoscope.ran import provenance
from thermoscope.ran.provenance import WhatRan, model_words, quote
from thermoscope.runs.measure import failed_scores
from thermoscope.runs.measured import Measured
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.claims import judge
from thermoscope.statistics.evidence import Evidence

if TYPE_CHECKING:
    import pyarrow

#: Why claims that need text by people are not tested.
NO_REFERENCE = "texts from files are not compared with text by people"


def read_files(
    files: Sequence[str | Path] | str | Path,
    *,
    text_column: str | None = None,
    prompt_column: str | None = None,
    setting_column: str | Sequence[str] | None = None,
    answer_column: str | None = None,
    scorer: Scorer | str | None = None,
) -> Found:
    """Texts from files; parameters and errors as in ``measure_files``."""
    needs_answers = False
    if isinstance(scorer, str):
        kind, argument = parse_scorer(scorer)
        needs_answers = kind.needs_answer(argument)
    found = read(
        [Path(path) for path in ([files] if isinstance(files, str | Path) else files)],
        text=text_column,
        prompt=prompt_column,
        setting=setting_column,
        answer=answer_column,
    )
    if needs_answers and all(answer is None for answer in found.answers):
        raise InputError(f"--score {scorer} compares with expected answers; name their column with --answer-column")
    return found


def measure_files(
    files: Sequence[str | Path] | str | Path,
    *,
    text_column: str | None = None,
    prompt_column: str | None = None,
    setting_column: str | Sequence[str] | None = None,
    answer_column: str | None = None,
    model: Model | str | Path | None = None,
    length: int | None = None,
    embedder: Embedder | str | None = None,
    scorer: Scorer | str | None = None,
    answer_pattern: str | None = None,
    thinking: Thinking = USUAL,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Measured:
    """Measure texts from files.

    Parameters
    ----------
    files
        JSON lines, JSON, CSV, TSV, Parquet or .txt files, these and .gz, or folders of .txt files; ``-`` is standard
        input with JSON. Logs of lm-evaluation-harness, OpenAI batches, promptfoo, vLLM and inspect_ai are recognised.
    text_column, prompt_column, setting_column, answer_column
        Names of columns, or paths of fields such as ``choices[0].text``; several settings make one together. Without
        them columns that are so called are taken (``text``, ``prompt``, ``temperature``, ``top_p``, ``model``, ...),
        which ``Measured.found.read_as`` says; "none" takes none. Texts that begin with their own prompt are cut where
        ``prompt_column`` is named.
    model
        Scores the texts, and its tokenizer cuts them; a name is loaded. Without one tokens are words.
    length
        The common length in tokens, at least 1; None leaves every text as it is.
    embedder
        An embedder or the name of a sentence-embedding model; by default the usual one where it is installed.
    scorer
        A function of (text, expected answer or None), or ``exact``, ``regex:PATTERN`` or ``FILE.py:FUNCTION``.
    answer_pattern
        A regular expression that finds the answer in a text, for ``agreement``.
    thinking
        What is done with the thinking of a reasoning model: "apart" measures the answers, and the thinking for itself;
        "drop" the answers alone; "keep" each text as a whole.
    on_progress
        Told what is under way, how much of it is done and how much there is.

    Raises
    ------
    InputError
        A file, a column or a value breaks its rule.
    ModelError
        The model can't be loaded.
    """
    length = at_least_one("length", length)
    found = read_files(
        files,
        text_column=text_column,
        prompt_column=prompt_column,
        setting_column=setting_column,
        answer_column=answer_column,
        scorer=scorer,
    )
    if isinstance(model, str | Path):
        from thermoscope.models.load import load_model

        model = load_model(model)
    return measure_found(
        found,
        model=model,
        length=length,
        embedder=embedder,
        scorer=scorer,
        answer_pattern=answer_pattern,
        thinking=thinking,
        on_progress=on_progress,
    )


def measure_found(
    found: Found,
    *,
    model: Model | None = None,
    length: int | None = None,
    embedder: Embedder | str | None = None,
    scorer: Scorer | str | None = None,
    answer_pattern: str | None = None,
    thinking: Thinking = USUAL,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Measured:
    """Measure texts that were read from files; parameters and errors as in ``measure_files``."""
    named = (("embedding-model", embedder), ("score", scorer), ("answer-pattern", answer_pattern))
    words = tuple(f"--{option}={value}" for option, value in named if isinstance(value, str))
    words += thinking_words(thinking_mode(thinking))
    if embedder is None or isinstance(embedder, str):
        embedder = embedder_named(embedder)
    if embedder is not None and on_progress is not None:
        embedder = Watched(embedder, partial(on_progress, "embedding texts"))
    if isinstance(scorer, str):
        kind, argument = parse_scorer(scorer)
        scorer = kind.make(argument)
    how: dict[str, Any] = {
        "seeds": found.seeds or None,
        "length": length,
        "embedder": embedder,
        "scorer": scorer,
        "answers": found.answers,
        "answer_pattern": answer_pattern,
    }
    columns = _columns(found, model, on_progress)
    settings = stated_settings(found)
    texts, thoughts = texts_and_thoughts(columns, found.prompts, settings, thinking, **how)
    if not len(texts):
        raise InputError("there must be at least one text; got none")
    evidence = Evidence(texts, on_progress=on_progress)
    ours = isinstance(settings[0], SamplingParams)
    return Measured(
        found=found,
        settings=tuple(settings),
        token_ids=Ragged(columns.tokens.values.astype(np.int64), columns.tokens.starts),  # words are unsigned keys
        ends=columns.ends,
        tables=_tables(found, settings, evidence, thoughts),
        claims=tuple(claim.to_dict() for claim in judge(evidence, "", NO_REFERENCE)) if ours else (),
        notes=(
            *found.notes,
            *(() if thoughts.said is None else (thoughts.said,)),
            *_notes(texts, found, length),
            *failed_scores(texts),
        ),
        tokens="words" if model is None else model.name,
        ran=what_ran(model, found, length, words),
        thinking=tuple(_thinking(thoughts)),
    )


def _tables(
    found: Found, settings: Sequence[SamplingParams] | Sequence[str], evidence: Evidence, thoughts: Thoughts
) -> dict[str, pyarrow.Table]:
    """The tables of ``Measured``, by the names that they have in a folder."""
    import pyarrow as pa

    texts = evidence.texts
    columns = {name: pa.array(getattr(found, f"{name}s"), pa.string()) for name in ("text", "prompt", "setting")}
    if isinstance(settings[0], SamplingParams):
        columns["temperature"] = setting_columns(settings)["temperature"]
    if found.seeds:
        columns["seed"] = pa.array(found.seeds, pa.string())
    columns |= {name: nullable(texts.in_given_order(values)) for name, values in evidence.of_texts.items()}
    table = pa.table(columns)
    return {
        "texts": table if thoughts.texts is None else with_thinking(table, thoughts.texts, thoughts.rows),
        "groups": group_table(texts, evidence.of_groups),
        "settings": evidence.settings_table(),
        "differences": evidence.differences_table(),
    }


def _thinking(thoughts: Thoughts) -> list[dict[str, Any]]:
    """The measures of thinking that is measured apart, one record per setting and measure."""
    return [] if thoughts.texts is None else Evidence(thoughts.texts).settings_table().to_pylist()


def _columns(found: Found, model: Model | None, on_progress: Callable[[str, int, int], None] | None) -> Columns:
    """The texts cut into tokens: words, or those of a model, which then scores them."""
    if model is None:
        tokens, ends = word_tokens(found.texts)
        return Columns(found.texts, tokens, Ragged(ends, tokens.starts))
    from thermoscope.metrics.scoring import score

    told = on_progress and partial(on_progress, "scoring texts")
    before = found.prompts if found.contexts is None else found.contexts
    scored = score(model, before, found.texts, temperatures=found.temperatures, on_progress=told)
    return Columns(
        found.texts, scored.tokens, scored.ends, scored.logprobs, scored.entropies, scored.tempered_entropies
    )


def _notes(texts: Texts, found: Found, length: int | None) -> list[str]:
    lengths = texts.tokens.lengths
    notes = []
    shortest, longest = int(lengths.min()), int(lengths.max())
    if length is None and shortest != longest:
        notes.append(
            f"Lengths differ ({shortest} to {longest} tokens), which moves repetition and diversity; --length N cuts "
            "all texts to N tokens, and compression_ratio is known only then."
        )
    elif length is not None and shortest < length:
        notes.append(f"{int((lengths < length).sum())} of {len(lengths)} texts are shorter than {length} tokens.")
    most = int(texts.groups.max())
    if most > MOST_SAMPLES:
        notes.append(
            f"self_bleu and compression_ratio take {MOST_SAMPLES} evenly spaced texts of a group; the largest has "
            f"{most:,}."
        )
    return notes


def what_ran(model: Model | None, found: Found, length: int | None, words: Sequence[str]) -> WhatRan:
    """The resolved circumstances of measures of texts from files.

    Parameters
    ----------
    model
        What scored them, or None.
    found
        The texts, with their files and the columns that were named.
    length
        The length that texts were cut to, or None.
    words
        The options that say what else was measured.
    """
    options = [f"{option}={column}" for option, column in found.named]
    options += [*(["--length", str(length)] if length is not None else []), *words]
    if model is not None:
        named = model_words(model.name, model.revision, model.device, model.dtype, model.chat_words)
        options += named if "--model" in named else ["--model", model.name, *named]
    command = " ".join(map(quote, ["thermoscope", "measure", *options, "--", *found.sources]))
    details = {"files": ", ".join(found.sources)} | ({} if length is None else {"length": f"cut to {length} tokens"})
    return provenance.what_ran(model, command, details=details)
