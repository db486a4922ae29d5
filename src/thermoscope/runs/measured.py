"""Texts from files, measured: what ``thermoscope measure FILE`` shows and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer
from thermoscope.metrics.embedding import Embedder, Watched
from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.self_bleu import MOST_SAMPLES
from thermoscope.metrics.table import nullable
from thermoscope.metrics.texts import Texts
from thermoscope.metrics.words import word_tokens
from thermoscope.models.base import Model
from thermoscope.ran import provenance
from thermoscope.ran.provenance import WhatRan, model_words, quote
from thermoscope.runs.files import Found
from thermoscope.statistics.evidence import Evidence

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Measured:
    """Measured texts.

    Attributes
    ----------
    evidence
        The measures.
    notes
        What limits them, a sentence each.
    tokens
        What a token is: "words", or the model whose tokenizer cut the texts.
    """

    evidence: Evidence
    notes: tuple[str, ...]
    tokens: str

    def texts_table(self, found: Found) -> pyarrow.Table:
        """One row per text, in the order of the files."""
        import pyarrow as pa

        texts = self.evidence.texts
        columns = {name: pa.array(getattr(found, f"{name}s"), pa.string()) for name in ("text", "prompt", "setting")}
        columns |= {name: nullable(texts.in_given_order(values)) for name, values in self.evidence.of_texts.items()}
        return pa.table(columns)

    def groups_records(self) -> list[dict[str, Any]]:
        """One record per prompt and setting."""
        from thermoscope.metrics.table import group_table

        rows: list[dict[str, Any]] = group_table(self.evidence.texts, self.evidence.of_groups).to_pylist()
        return rows


def measure_found(
    found: Found,
    *,
    model: Model | None = None,
    length: int | None = None,
    embedder: Embedder | None = None,
    scorer: Scorer | None = None,
    answer_pattern: str | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Measured:
    """Measure texts that were read from files.

    Parameters
    ----------
    found
        The texts.
    model
        Scores their likelihood, and its tokenizer cuts them; without one tokens are words.
    length
        The common length in tokens; None leaves every text as it is.
    embedder, scorer, answer_pattern
        As in ``thermoscope.measure``.
    on_progress
        Told what is under way, how much of it is done and how much there is.

    Raises
    ------
    InputError
        A pattern is no regular expression.
    """
    if embedder is not None and on_progress is not None:
        embedder = Watched(embedder, partial(on_progress, "embedding texts"))
    how: dict[str, Any] = {
        "strings": found.texts,
        "prompts": found.prompts,
        "settings": found.settings,
        "length": length,
        "embedder": embedder,
        "scorer": scorer,
        "answers": found.answers,
        "answer_pattern": answer_pattern,
    }
    if model is None:
        tokens, ends = word_tokens(found.texts)
        texts = Texts(tokens=tokens, ends=Ragged(ends, tokens.starts), **how)
    else:
        from thermoscope.metrics.scoring import score

        scored = score(
            model, found.prompts, found.texts, on_progress=on_progress and partial(on_progress, "scoring texts")
        )
        texts = Texts(
            tokens=scored.tokens, ends=scored.ends, logprobs=scored.logprobs, entropies=scored.entropies, **how
        )
    if not len(texts):
        raise InputError("there must be at least one text; got none")
    return Measured(
        Evidence(texts, on_progress=on_progress),
        (*found.notes, *_notes(texts, found, length)),
        "words" if model is None else model.name,
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


def what_ran(
    model: Model | None,
    files: Sequence[str],
    columns: Mapping[str, str | None],
    length: int | None,
    words: Sequence[str],
) -> WhatRan:
    """The resolved circumstances of measures of texts from files.

    Parameters
    ----------
    model
        What scored them, or None.
    files
        The files as they were named.
    columns
        The columns of text, prompt, setting and answer, where they were named.
    length
        The length that texts were cut to, or None.
    words
        The options that say what else was measured.
    """
    options = [f"--{name}-column={column}" for name, column in columns.items() if column is not None]
    options += [*(["--length", str(length)] if length is not None else []), *words]
    if model is not None:
        named = model_words(model.name, model.revision, model.device, model.dtype, model.chat_words)
        options += named if "--model" in named else ["--model", model.name, *named]
    command = " ".join(map(quote, ["thermoscope", "measure", *options, "--", *files]))
    details = {"files": ", ".join(files)} | ({} if length is None else {"length": f"cut to {length} tokens"})
    return provenance.what_ran(model, command, details=details)
