"""The list of runs: texts from files that are kept have a report, in any language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thermoscope.runs.from_files import measure_files
from thermoscope.runs.kept_texts import keep
from thermoscope.web import run_list


@pytest.mark.parametrize("language", ["en", "ko"])
def test_kept_texts_have_a_report(tmp_path: Path, language: str) -> None:
    file = tmp_path / "texts.jsonl"
    rows = [{"text": f"one two three {n} " * 6, "setting": setting} for setting in "ab" for n in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    keep(measure_files([file]), tmp_path / "runs" / "kept")
    assert f'<html lang="{language}"' in run_list.report(tmp_path / "runs", "kept", language)
