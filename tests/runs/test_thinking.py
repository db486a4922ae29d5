"""Thinking in the texts of a run: measured apart, left out or kept, and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import FakeModel
from thermoscope import InputError, run
from thermoscope.report.forms import render


class Thinker(FakeModel):
    """A model whose prompts begin the thinking, as the templates of some reasoning models do."""

    def seen(self, prompt: str) -> str:
        return f"{prompt}<think>\n"


def made(folder: Path, **how):
    return run(
        Thinker(),
        "creative-story",
        {"temperature": [0.5, 0.9]},
        seeds=range(2),
        max_new_tokens=12,
        folder=folder,
        **how,
    )


def test_thinking_is_measured_apart_and_said(tmp_path):
    found = made(tmp_path / "run")
    texts = found.texts().num_rows
    (note,) = (note for note in found.manifest["notes"] if "thinking" in note)
    assert note.startswith(
        f"{texts} of {texts} texts hold thinking, {texts} of them cut before an answer: measures are"
    )
    measures = found.measures().to_pydict()
    assert set(measures["tokens"]) == {0}
    assert max(measures["thinking_tokens"]) <= 12
    told = {row["measure"] for row in found.manifest["thinking"]}
    assert {"tokens", "rep_4", "perplexity"} <= told
    assert "--thinking" not in found.manifest["command"]
    assert "hold thinking" in render(found, "html")


def test_a_run_is_measured_anew_where_thinking_is_kept(tmp_path):
    found = made(tmp_path / "run")
    kept = found.resume(Thinker(), thinking="keep")
    assert kept.manifest["texts"] == found.manifest["texts"]
    assert kept.manifest["texts_made_last"] == 0
    measures = kept.measures().to_pydict()
    assert set(measures["tokens"]) != {0}
    assert "thinking_tokens" not in measures
    assert kept.manifest["thinking"] == []
    assert "--thinking=keep" in kept.manifest["command"]


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="thinking must be one of apart, drop, keep; got 'hide'"):
        made(tmp_path / "run", thinking="hide")
