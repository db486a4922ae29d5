"""Hostile files, seeded: one line each or read as they are; no traceback, no hang, nothing changed in silence."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from tests.files.hostile import CASES, SETTINGS, SUFFIXES, any_value, damaged, rows, written
from thermoscope.engines.settings_file import read_settings
from thermoscope.errors import InputError
from thermoscope.files.texts import read
from thermoscope.usecases.load import load
from thermoscope.usecases.prompts import read_prompts

#: Fields that readers look for.
NAMES = (
    "text", "prompt", "temperature", "seed", "answer", "model", "messages", "resps", "doc_id", "doc", "choices",
    "response", "custom_id", "output", "input", "epoch", "samples", "results", "params",
)  # fmt: skip
#: Cases of each kind; THERMOSCOPE_HOSTILE asks for more.
COUNT = int(os.environ.get("THERMOSCOPE_HOSTILE", "100"))
#: How many tests share them, so that one that hangs is found.
PARTS = 5


def numbers(part: int) -> range:
    return range(part, COUNT, PARTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_texts_are_read_as_they_were_written(tmp_path: Path, part: int) -> None:
    for number in numbers(part):
        draw = random.Random(number)
        given = rows(draw)
        suffix, data = written(given, draw)
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(data)
        found = read([path], setting="kind")
        assert found.texts == [row["text"] for row in given], (number, suffix)
        assert found.prompts == [row["prompt"] for row in given], (number, suffix)
        assert found.answers == [row["answer"] for row in given], (number, suffix)
        assert found.settings == [row["kind"] or "not given" for row in given], (number, suffix)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_texts_are_one_line_or_read(tmp_path: Path, part: int) -> None:
    for number in numbers(part):
        draw = random.Random(number)
        suffix, data = written(rows(draw), draw)
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(damaged(data, draw))
        for reader in (lambda path=path: read([path]), lambda path=path: read_prompts(path)):
            with_one_line(reader)


@pytest.mark.parametrize("part", range(PARTS))
def test_rows_of_any_values_are_one_line_or_read(tmp_path: Path, part: int) -> None:
    for number in numbers(part):
        draw = random.Random(number)
        given = [{draw.choice(NAMES): any_value(draw) for _ in range(4)} | {"text": "a"} for _ in range(3)]
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
        column = draw.choice((None, "text", "a.b[0]", "response.text", "[", "a..b", "messages[-1].content"))
        setting = draw.choice(NAMES)
        with_one_line(lambda path=path, text=column, setting=setting: read([path], text=text, setting=setting))
        found = read([path], text="text", prompt="none", setting="none", answer="none")
        assert found.texts == [row["text"] for row in given]  # columns that nobody asked for make no error
        with_one_line(lambda path=path: read_prompts(path))


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_settings_are_one_line_or_read(tmp_path: Path, part: int) -> None:
    for number in numbers(part):
        draw = random.Random(number)
        path = tmp_path / f"{number}{draw.choice(SUFFIXES)}"
        path.write_bytes(damaged(draw.choice(SETTINGS).encode(), draw))
        ours, engine = draw.random() < 0.5, draw.choice((None, None, "vllm", "llama.cpp", "transformers", "ollama"))
        with_one_line(lambda path=path, ours=ours, engine=engine: read_settings(path, format=engine, ours=ours))


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_use_cases_are_one_line_or_read(tmp_path: Path, part: int) -> None:
    for number in numbers(part):
        draw = random.Random(number)
        path = tmp_path / f"{number}.toml"
        path.write_bytes(damaged(draw.choice(CASES).encode(), draw))
        with_one_line(lambda path=path: load(path))


def with_one_line(reader) -> None:
    try:
        reader()
    except InputError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 2_000
