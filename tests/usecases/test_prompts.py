"""Prompts from a file, and the use case that is written around them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.errors import InputError
from thermoscope.usecases.case import Prompt
from thermoscope.usecases.load import parse
from thermoscope.usecases.prompts import Prompts, read_prompts
from thermoscope.usecases.write import use_case_of

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?\n"}]


def test_a_line_each_exactly_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    chat = json.dumps(CHAT).encode()
    path.write_bytes(b"\xef\xbb\xbfTell me a story \r\nExplain rain\n\n  indented\t\n" + chat + b"\nlast")
    found = read_prompts(path)
    assert [p.text for p in found.prompts] == [
        "Tell me a story ", "Explain rain", "  indented\t", json.dumps(CHAT), "last",
    ]  # fmt: skip
    assert found.read_as == f"{path} is read as lines: a prompt each."
    assert not any(p.held_out for p in found.prompts)


def test_columns_messages_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    rows = [{"prompt": CHAT, "answer": "007"}, {"prompt": "line\nend\n", "answer": None}, {"prompt": None},
            {"prompt": "line\nend\n"}, {"question": "x"}, {"prompt": 7}]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_prompts(path)
    assert [(p.text, p.answer) for p in found.prompts] == [
        (json.dumps(CHAT), "007"), ("line\nend\n", None), ("7", None),
    ]  # fmt: skip
    assert f"{path}: 2 of 6 rows have no prompt and are left out." in found.notes
    assert f"{path}: 1 prompt repeated, taken once." in found.notes
    path.write_text('{"request": {"text": "a"}}\n')
    assert read_prompts(path, column="request.text").prompts == (Prompt(text="a"),)
    table = tmp_path / "p.csv"
    table.write_text('question,target\n"1.50\n",True\n')
    assert read_prompts(table).prompts == (Prompt(text="1.50\n", answer="True"),)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.txt", "\n \n", "there must be at least one prompt; write one to a line"),
        ("p.txt", '[{"role": "robot", "content": "x"}]\n', "p.txt, line 1: a message's role must be one of"),
        ("p.txt", "[" * 50_000 + "\n", ""),
        ("p.jsonl", '{"a": 1}\n', "no column is called prompt, messages, question"),
        ("p.jsonl", '{"prompt": {"a": 1}}\n', "line 1: prompt: must be a text or a number; it is an object"),
        ("p.jsonl", '{"prompt": [{"role": "system", "content": "x"}]}\n', "a chat must end with what the user says"),
    ],
)
def test_prompts_that_cannot_be_read(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    if not says:
        assert len(read_prompts(tmp_path / name).prompts[0].text) == 50_000  # brackets are no messages
        return
    with pytest.raises(InputError, match=says) as error:
        read_prompts(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_third_is_held_out_evenly_and_said(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("".join(f"prompt {n}\n" for n in range(10)))
    found = read_prompts(path, held_out=1 / 3)
    assert [n for n, p in enumerate(found.prompts) if p.held_out] == [2, 5, 8]
    assert found.notes == ["3 of 10 prompts are held out, evenly over the file."]
    with pytest.raises(InputError, match="held_out must be a share from 0 to less than 1; got 1"):
        read_prompts(path, held_out=1)


UNICODE = st.characters(exclude_categories=["Cs"])
GIVEN = st.tuples(st.text(UNICODE, min_size=1), st.none() | st.text(UNICODE), st.booleans())


@given(st.lists(GIVEN, min_size=1, max_size=5, unique_by=lambda given: given[0]))
def test_the_use_case_reads_back_to_the_same_prompts(prompts: list[tuple[str, str | None, bool]]) -> None:
    made = tuple(Prompt(text=t, answer=a, held_out=h and n > 0) for n, (t, a, h) in enumerate(prompts))
    text = use_case_of(Prompts(made, "p.txt", ""), Path("mine.toml"))
    assert parse(text, Path("mine.toml")).prompts == made
    assert tomllib.loads(text)["title"] == "mine"
