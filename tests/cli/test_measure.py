"""``thermoscope measure``, ``runs`` and ``use-cases`` from the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.tiny_cli import Ran

Cli = Callable[..., Ran]
CASE = """title = "Two"
objective = "creative"
max_new_tokens = 12
[[prompts]]
text = "Once upon"
[[prompts]]
text = "A time"
[[prompts]]
text = "Kept"
held_out = true
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a use case and a file of texts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.toml").write_text(CASE)
    rows = [{"text": f"{'a b ' * (8 if t < 0.5 else 1)}c{p}{s}", "prompt": f"p{p}", "temperature": t}
            for p in range(3) for t in (0.2, 0.9) for s in range(3)]  # fmt: skip
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


BAD = [
    ([], "give files of texts, --use-case NAME or --prompts FILE; got neither"),
    (["texts.jsonl", "--use-case", "two.toml"], "got both"),
    (["texts.jsonl", "--seeds", "3"], "--seeds is for --use-case; leave it out"),
    (["texts.jsonl", "--device", "cpu"], "--device is for a model; add --model NAME"),
    (["--use-case", "two.toml", "--length", "3"], "--length is for texts from files"),
    (["texts.jsonl", "--thinking", "x"], "--thinking must be one of apart, drop, keep; got 'x'"),
    (["texts.jsonl", "--length", "0"], "--length must be a whole number of at least 1"),
    (["texts.jsonl", "--text-column", "x"], "--text-column must be one of text, prompt, temperature; got 'x'"),
    (["none.csv"], "none.csv: there is no such file or folder"),
    (["texts.jsonl", "--score", "x"], "--score must be exact, regex:PATTERN or FILE.py:FUNCTION; got 'x'"),
    (["texts.jsonl", "--score", "regex:("], "a pattern must be a regular expression"),
    (["texts.jsonl", "--score", "none.py:f"], "the scorer's file can't be read: 'none.py'"),
    (["texts.jsonl", "--answer-pattern", "("], "a pattern must be a regular expression"),
    (["texts.jsonl", "--embedding-model", "/none"], "embedding"),
    (["texts.jsonl", "--score", "exact"], "--score exact compares with expected answers; name their column"),
    (["texts.jsonl", "--score", "regex:^{answer}$"], "compares with expected answers; name their column"),
    (
        ["--use-case", "poems"],
        "a use case must be one of creative-story, technical-explanation, a .toml file or a file of prompts",
    ),
    (["--use-case", "two.toml", "--vary", "top_p"], "--vary must be NAME=VALUES; got 'top_p'"),
    (["--use-case", "two.toml", "--vary", "top_q=1"], "can't vary 'top_q' (did you mean 'top_p'?)"),
    (["--use-case", "two.toml", "--vary", "top_p=0.5,2"], "top_p must be at most 1; got 2"),
    (["--use-case", "two.toml", "--vary", "top_p=0.5", "--top-p", "0.9"], "and --top-p contradict each other"),
    (["--use-case", "two.toml", "--vary", "top_p=.5", "--vary", "top_p=.6"], "--vary top_p is given twice"),
    (["--use-case", "two.toml", "-t", "0.5,0.5"], "may be given once"),
    (["--use-case", "two.toml", "--seeds", "0"], "--seeds must be a whole number from 1"),
]


BAD_FILES = [
    ("a.csv", b"text,text\na,b\n", "a.csv, line 2: text: there are two values of this name; rename one"),
    ("a.csv", b"caf\xe9\na\n", "a.csv, line 1: a file of texts must be UTF-8; byte 0xe9 is not, as in Latin-1"),
    ("a.csv", b"text\ncaf\xe9\n", "a.csv, line 2: a file of texts must be UTF-8"),
    ("a.csv", b"text,t\na,b,c\n", "a.csv, line 2: has 3 fields where the first line names 2"),
    ("a.csv", b'text\n"a\n', "a.csv, line 2: not CSV (unexpected end of data)"),
    ("a.csv", b"\n", "there must be at least one text; a.csv has none"),
    ("a.csv", b"\n\na\n", "a.csv: the first line must have the names of the columns"),
    ("a.csv", b"", "there must be at least one text; a.csv has none"),
    ("a.csv", b"text\n", "there must be at least one text; a.csv has none"),
    ("a.txt", b"caf\xe9", "a.txt, line 1: a text must be UTF-8"),
    ("a.jsonl", b'{"text": "a"}\n{"text": "b"\n', "a.jsonl, line 2: not JSON ("),
    ("a.jsonl", b'{"text": "a", "text": "b"}\n', "a.jsonl, line 1: text: there are two values of this name"),
    ("a.jsonl", b'{"text": "\\ud800"}\n', "a.jsonl, line 1: text must be Unicode text"),
    (
        "a.jsonl",
        b'{"text": {"a": 1}}\n',
        "line 1: text: must be a text or a number; it is an object; name a field in it",
    ),
    ("a.jsonl", b"7\n", "a.jsonl, line 1: must be an object with fields, or a text; got '7'"),
    ("a.jsonl", b"[" * 30_000 + b"]" * 30_000, "a.jsonl: values may be nested 100 levels deep"),
    ("a.jsonl", b'{"text": null}\n', "there must be at least one text; a.jsonl has none"),
    ("a.jsonl", b'{"messages": "a"}\n', "no column is called text, completion, output, response, generated_text"),
    ("a.jsonl.gz", b"\x1f\x8bhello", "a.jsonl.gz: can't be unpacked ("),
    ("a.parquet", b"hello", "a.parquet: can't be read as Parquet ("),
    ("a.json", b"{}", "a.json: no column is called text"),
    ("a.eval.json", b"PK\x03\x04", "a.eval.json: this is a zip archive; unpack it"),
    ("a.xml", b"{}", "a.xml: a file must end in .jsonl, .ndjson, .json, .csv"),
]


@pytest.mark.parametrize(("name", "content", "says"), BAD_FILES)
def test_a_bad_file_is_one_line(here: Path, cli: Cli, name: str, content: bytes, says: str) -> None:
    (here / name).write_bytes(content)
    ran = cli("measure", name)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_rows_without_a_text_are_left_out_and_said(here: Path, cli: Cli) -> None:
    (here / "a.JSONL").write_text('{"text": null}\n{"text": "a b"}\n{"text": ""}\n')
    record = json.loads(cli("measure", "a.JSONL", "--json").out)
    assert [text["tokens"] for text in record["texts"]] == [2, 0]
    assert record["notes"][1] == "a.JSONL: 1 of 3 rows have no text and are left out."


@pytest.mark.parametrize(
    ("arguments", "says"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_before_any_model_is_loaded(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    import thermoscope.models.load

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model is loaded for what is known to be wrong without one")

    monkeypatch.setattr(thermoscope.models.load, "load_model", refuse)
    ran = cli("measure", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert not (here / "runs").exists()


def test_texts_from_a_file(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thermoscope.metrics.embedding.available", lambda: False)
    ran = cli("measure", "texts.jsonl", "--prompt-column", "prompt", "--setting-column", "temperature",
              "--parquet", "m.parquet", "--score", "regex:c")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "18 texts in 6 groups (a prompt and a setting each); tokens: words" in ran.out
    assert "Lengths differ (3 to 17 tokens)" in " ".join(ran.out.split())
    assert "pip install 'thermoscope[embeddings]'" in " ".join(ran.out.split())
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    rows = pq.read_table(here / "m.parquet").to_pylist()
    assert len(rows) == 18
    assert rows[0]["setting"] == "0.2"
    assert rows[0]["rep_4"] == pytest.approx(1 - 3 / 14)
    assert {row["score"] for row in rows} == {1.0}
    assert {row["perplexity"] for row in rows} == {None}


def test_json_of_texts_from_a_file_under_a_model(here: Path, cli: Cli, tiny_model: Path) -> None:
    ran = cli("measure", "texts.jsonl", "--setting-column", "temperature", "--model", str(tiny_model), "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert (record["format"], record["tokens"]) == ("thermoscope.measured/1", str(tiny_model))
    assert all(text["perplexity"] > 1 for text in record["texts"])
    means = {(row["measure"], row["setting"]): row for row in record["settings"]}
    low, high = means["rep_4", "temperature=0.2"], means["rep_4", "temperature=0.9"]
    assert low["mean"] > high["mean"] + 0.3
    assert (low["units"], low["texts"]) == (3, 9)  # the prompts, which nobody had to name
    assert record["read_as"] == [
        "texts.jsonl is read as JSON lines: texts from text, prompts from prompt, settings from temperature."
    ]
    (paired,) = [row for row in record["differences"] if row["measure"] == "rep_4"]
    assert (paired["setting_a"], paired["setting_b"], paired["units"]) == ("temperature=0.2", "temperature=0.9", 3)
    assert paired["effect"] == pytest.approx(high["mean"] - low["mean"])
    alone = cli("measure", "texts.jsonl", "--prompt-column", "none", "--json")
    means = {(row["measure"], row["setting"]): row for row in json.loads(alone.out)["settings"]}
    assert means["rep_4", "temperature=0.2"]["units"] == 9  # no prompt: the texts are the units


@pytest.mark.slow
def test_a_use_case_from_start_to_sql(here: Path, cli: Cli, tiny_model: Path) -> None:
    words = ["measure", "--use-case", "two.toml", "-t", "0.3,0.9", "--vary", "top_k=off,5", "--seeds", "3"]
    ran = cli(*words, "--model", str(tiny_model))
    assert ran.code == 0, ran.err
    assert "two on" in ran.out and "2 prompts x 4 settings x 3 seeds, 12 tokens" in " ".join(ran.out.split())
    assert "Not tested: Low repeats" in ran.out and "the use case has no reference" in " ".join(ran.out.split())
    assert ran.out.index("What was found") < ran.out.index("perplexity") < ran.out.index("The article's claims")
    run = next((here / "runs").iterdir())
    stamp = (run / "manifest.json").stat().st_mtime_ns
    again = cli(*words, "--model", str(tiny_model))
    assert again.out == ran.out  # and nothing was made anew
    assert (run / "manifest.json").stat().st_mtime_ns == stamp
    command = " ".join(ran.out.split("To reproduce\n")[1].replace("\\\n", " ").split())
    assert cli(*command.split()[1:]).out == ran.out
    assert (run / "manifest.json").stat().st_mtime_ns == stamp
    page = here / "page.html"
    paged = cli(*words, "--model", str(tiny_model), "--html", str(page))
    said = paged.err.split(f"wrote {page}\n")[1].splitlines()
    assert paged.out == "" and 1 <= len(said) <= 2
    assert all(sentence in " ".join(ran.out.split()) for sentence in said)
    assert f'<p class="answer">{said[0]}</p>' in page.read_text(encoding="utf-8")

    listed = cli("runs", "list", "--json")
    assert [(r["run"], r["state"], r["done"]) for r in json.loads(listed.out)] == [(run.name, "complete", 24)]
    assert "24/24" in cli("runs", "list").out
    assert cli("runs") == cli("runs", "list")
    shown = cli("runs", "show", run.name, "--json")
    record = json.loads(shown.out)
    assert {claim["verdict"] for claim in record["claims"]} <= {"holds", "does not hold", "can't be told", "not tested"}
    assert len({row["setting"] for row in record["settings_measured"]}) == 4
    counted = cli("runs", "sql", run.name, "select setting, count(*) as n from texts group by 1 order by 1", "--json")
    assert [row["n"] for row in json.loads(counted.out)] == [6] * 4
    joined = "select sum(t.tokens) = (select count(*) from tokens) as same from texts t"
    assert json.loads(cli("runs", "sql", str(run), joined, "--json").out) == [{"same": True}]
    for nothing in ("", ";", "-- a remark"):
        asked = cli("runs", "sql", run.name, nothing)
        assert (asked.code, asked.err.count("\n")) == (2, 1)
    wrong = cli("runs", "sql", run.name, "select nothing")
    assert wrong.code == 2
    assert "the tables are texts, tokens, measures, groups, settings, differences" in wrong.err
    assert wrong.err.count("\n") == 1


def test_held_out_prompts_are_another_run(here: Path, cli: Cli, tiny_model: Path) -> None:
    ran = cli(
        "measure", "--use-case", "two.toml", "-t", "0.5", "--held-out", "--seeds", "2", "--model", str(tiny_model)
    )
    assert ran.code == 0, ran.err
    assert "1 prompt x 1 setting x 2 seeds" in " ".join(ran.out.split())
    assert "Means with 95% intervals over seeds" in ran.out
    assert "--held-out" in ran.out.split("To reproduce")[1]


def test_an_interrupt_says_how_to_go_on(
    here: Path, cli: Cli, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thermoscope.sources import local

    words = ["measure", "--use-case", "two.toml", "-t", "0.5", "--seeds", "2", "--model", str(tiny_model)]
    generate = local.generate

    def interrupted(model: object, prompt: str, *args: object, **how: object) -> object:
        if prompt == "A time":
            raise KeyboardInterrupt
        return generate(model, prompt, *args, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(local, "generate", interrupted)
        ran = cli(*words)
    assert ran.code == 130
    assert "the same command goes on where it was (runs/two-" in ran.err
    run = next((here / "runs").iterdir())
    half = cli("runs", "show", run.name)
    assert half.code == 2 and "is not complete; to go on where it was: thermoscope measure" in half.err
    command = shlex.split(half.err.split("go on where it was: ")[1])
    assert cli("runs", "sql", run.name, "select count(*) from texts").out.split()[-1] == "2"
    assert cli(*command[1:]).code == 0
    assert [path.name for path in (here / "runs").iterdir()] == [run.name]
    assert cli("runs", "show", run.name).code == 0


def test_use_cases(here: Path, cli: Cli) -> None:
    listed = cli("use-cases").out
    assert "creative-story" in listed and "technical" in listed
    shown = cli("use-cases", "show", "creative-story")
    assert "held out: " in shown.out and "Voyager" in shown.out
    assert json.loads(cli("use-cases", "show", "two.toml", "--json").out)["prompts"][2]["held_out"] is True
    made = cli("use-cases", "new", "mine.toml")
    assert made.code == 0 and "wrote mine.toml" in made.out
    checked = cli("use-cases", "check", "mine.toml")
    assert (checked.code, "nothing wrong" in checked.out, "fewer than 12" in checked.out) == (0, True, True)
    twice = cli("use-cases", "new", "mine.toml")
    assert twice.code == 2 and "must not replace a file" in twice.err
    assert cli("use-cases", "new", "mine").code == 2
    (here / "bad.toml").write_text(CASE.replace("creative", "creativ"))
    bad = cli("use-cases", "check", "bad.toml")
    assert bad.code == 2
    assert "bad.toml, line 2: objective must be one of" in bad.err


def test_a_scorer_of_ones_own(here: Path, cli: Cli) -> None:
    (here / "mine.py").write_text("def length(text, answer):\n    return len(text)\nnumber = 3\n")
    (here / "broken.py").write_text("1 / 0\n")
    ran = cli("measure", "texts.jsonl", "--score", "mine.py:length", "--json")
    assert [text["score"] for text in json.loads(ran.out)["texts"]][:1] == [35.0]
    assert "has no function 'number'" in cli("measure", "texts.jsonl", "--score", "mine.py:number").err
    broken = cli("measure", "texts.jsonl", "--score", "broken.py:f")
    assert broken.code == 2 and "ZeroDivisionError" in broken.err


def test_a_table_that_is_too_wide_is_shown_row_by_row() -> None:
    from thermoscope.cli import console

    names = [f"column_{i}" for i in range(12)]
    shown = console.plain(console.table(names, [[f"value {i}" * 3 for i in range(12)], [None] * 12]))
    assert shown.splitlines()[:2] == ["column_0   value 0value 0value 0", "column_1   value 1value 1value 1"]
    assert len(shown.splitlines()) == 25
    assert console.plain(console.table(["a", "b"], [[1, "x"]])) == "a  b\n1  x\n"


def test_an_order_that_does_the_same_goes_on_with_the_same_run(here: Path, cli: Cli, tiny_model: Path) -> None:
    words = ["measure", "--use-case", "two.toml", "-t", "0.5", "--seeds", "2", "--model", str(tiny_model)]
    first = cli(*words)
    assert first.code == 0, first.err
    (run,) = (here / "runs").iterdir()
    made = {path: path.stat().st_mtime_ns for path in run.rglob("*.*") if path.name != ".lock"}
    again = cli(*words, "--order", "vllm")
    assert again.code == 0, again.err
    assert [path.name for path in (here / "runs").iterdir()] == [run.name]
    assert made == {path: path.stat().st_mtime_ns for path in made}
