"""Texts from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fakes import FakeModel
from thermoscope.errors import InputError
from thermoscope.files.temperature import stated_temperature
from thermoscope.files.texts import Found, read
from thermoscope.runs.from_files import measure_files, measure_found

ROWS = [
    {"text": "one two, three", "t": 0.2, "q": "first", "a": "x"},
    {"text": 'line\nbreak "quoted" \u00e9\u4e2d', "t": 0.9, "q": "first", "a": None},
    {"text": "", "t": 0.9, "q": "second", "a": "y"},
]


def write(folder: Path, kind: str) -> Path:
    path = folder / f"texts.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n", encoding="utf-8")
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        import csv

        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(ROWS[0]), delimiter="\t" if kind == "tsv" else ",")
            writer.writeheader()
            writer.writerows(ROWS)
    return path


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "parquet"])
def test_tables(tmp_path: Path, kind: str) -> None:
    found = read([write(tmp_path, kind)], prompt="q", setting="t", answer="a")
    assert found.texts == [row["text"] for row in ROWS]
    assert found.prompts == ["first", "first", "second"]
    assert found.settings == ["0.2", "0.9", "0.9"]
    assert found.answers[0] == "x"


def test_plain_files_and_several_at_once(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("two")
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "c.md").write_text("no")
    assert read([tmp_path]).texts == ["one", "two"]
    assert read([tmp_path / "b.txt", write(tmp_path, "csv")]).texts == ["two", *(row["text"] for row in ROWS)]


@pytest.mark.parametrize(
    ("name", "content", "columns", "says"),
    [
        ("none.csv", None, {}, "no such file"),
        ("x.doc", b"", {}, "a file must end in .jsonl"),
        ("x.csv", b"a,b\n1,2\n", {}, r"name it with --text-column.* \(a, b\)"),
        ("x.csv", b"a,b\n1,2\n", {"text": "c"}, "--text-column must be one of a, b; got 'c'"),
        ("x.csv", b"text,b\n1,2\n", {"prompt": "q"}, "--prompt-column must be one of text, b"),
        ("x.csv", b"text,b\n1,2,3\n", {}, "line 2: has 3 fields where the first line names 2"),
        ("x.csv", b'text\n"a\n', {}, "line 2: not CSV"),
        ("x.csv", b"", {}, "at least one text"),
        ("x.csv", b"text\n", {}, "at least one text"),
        ("x.jsonl", b'{"text": 1\n', {}, "x.jsonl, line 1: not JSON"),
        (
            "x.jsonl",
            b'{"text": {"a": 1}}\n',
            {},
            "must be a text or a number; it is an object; name a field in it, such as 'a'",
        ),
        ("x.parquet", b"PAR", {}, "can't be read"),
        ("x.txt", b"caf\xe9", {}, "line 1: a text must be UTF-8; byte 0xe9"),
        ("x.txt", b"x", {"setting": "t"}, "plain files have no columns"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, name: str, content: bytes | None, columns: dict[str, str], says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as error:
        read([tmp_path / name], **columns)
    assert "\n" not in str(error.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must hold \.txt files"):
        read([tmp_path])


def test_measured_by_words_and_by_a_model(tmp_path: Path) -> None:
    found = read([write(tmp_path, "csv")], prompt="q", setting="t")
    words = measure_files(write(tmp_path, "csv"), prompt_column="q", setting_column="t")
    assert words.texts()["tokens"].to_pylist() == [4, 7, 0]
    assert words.texts()["perplexity"].to_pylist() == [None] * 3
    assert "0 to 7 tokens" in words.notes[-1] and words.notes[0].startswith("1 of 3 texts is empty")
    scored = measure_found(found, model=FakeModel())
    assert scored.texts()["tokens"].to_pylist() == [len(row["text"].encode()) for row in ROWS]  # type: ignore[attr-defined]
    perplexities = scored.texts()["perplexity"].to_pylist()
    assert [p is None for p in perplexities] == [False, False, True]
    assert [r["texts"] for r in words.groups().to_pylist()] == [1, 1, 1]


def test_texts_are_cut_to_one_length_and_compression_waits_for_it() -> None:
    texts = ["a b c d " * 5, "a b c d " * 4, "a b c d " * 4]
    found = Found(texts, [""] * 3, [""] * 3, [None] * 3, ("f",))
    assert measure_found(found).groups()["compression_ratio"].to_pylist() == [None]
    cut = measure_found(found, length=16)
    assert cut.groups()["compression_ratio"][0].as_py() > 1
    assert cut.texts()["tokens"].to_pylist() == [16] * 3
    assert measure_found(found, length=17).notes == ("2 of 3 texts are shorter than 17 tokens.",)


def test_measures_of_files_in_python(tmp_path: Path) -> None:
    """One file or several; names of scorers; tables of texts, groups, settings and differences; what ran."""
    path = write(tmp_path, "csv")
    made = measure_files([path], prompt_column="q", setting_column="t", length=2, scorer="regex:a")
    assert made.summary().num_rows > 0
    assert {"text", "prompt", "setting", "rep_4", "score"} <= set(made.texts().column_names)
    assert made.differences().num_rows > 0
    assert made.ran.command == (
        f"thermoscope measure --prompt-column=q --setting-column=t --length 2 --score=regex:a -- {path}"
    )
    with pytest.raises(InputError, match="length must be a whole number of at least 1; got 0"):
        measure_files(path, length=0)
    with pytest.raises(InputError, match="name their column with --answer-column"):
        measure_files(path, scorer="exact")


@pytest.mark.parametrize(
    ("setting", "column", "temperature"),
    [
        ("T=0.7", "setting", 0.7),
        ("temperature=1 top_p=0.9", "setting", 1.0),
        ("top_k=5, temp: 0.25", "how", 0.25),
        ("0.7", "temperature", 0.7),
        ("0", "Temp", 0.0),
        ("0.7", "setting", None),  # whatever that is
        ("top_p=0.9", "setting", None),
        ("attempt=3", "setting", None),
        ("T=1.2.3", "setting", None),
        ("temperature=0.7 dynatemp_range=0.2", "setting", None),
        ("-1", "temperature", None),
        ("inf", "temperature", None),
        ("", "temperature", None),
    ],
)
def test_the_temperature_that_a_setting_says(setting: str, column: str, temperature: float | None) -> None:
    assert stated_temperature(setting, column) == temperature


def test_tempered_entropy_of_texts_from_files(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text,t,top_p\nsome words here,0.5,0.5\nsome words here,1.0,0.5\nsome words here,,0.5\n")
    table = measure_files(path, setting_column="t", model=FakeModel()).texts()
    half, one, unknown = table["tempered_entropy"].to_pylist()
    assert half < one == pytest.approx(table["entropy"][0].as_py(), abs=1e-5)
    assert unknown is None
    assert measure_files(path, setting_column="top_p", model=FakeModel()).texts()["tempered_entropy"].null_count == 3
    assert measure_files(path, setting_column="t").texts()["tempered_entropy"].null_count == 3  # no model
