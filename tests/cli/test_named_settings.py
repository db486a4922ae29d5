"""Settings that are given one by one: from files, from the command line, and what is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran

Cli = Callable[..., Ran]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text('{"temperature": 0.7, "top_p": 0.9}')
    Path("b.json").write_text('{"temperature": 1.1, "min_p": 0.05, "repetition_penalty": 1.1}')
    Path("two.toml").write_text(
        'title = "x"\nobjective = "task"\nmax_new_tokens = 6\n[[prompts]]\ntext = "One"\n[[prompts]]\ntext = "Two"\n'
    )
    return tmp_path


def test_files_and_words_are_compared_under_their_names(here: Path, cli: Cli, tiny_model: Path) -> None:
    words = ["--params", "a.json", "--params", "b.json", "--setting", "cold: temperature=0.1 order=vllm"]
    words += ["--model", str(tiny_model), "--max-new-tokens", "5"]
    ran = cli("compare", "Once", *words)
    assert ran.code == 0, ran.err
    for name in ("a", "b", "cold"):
        assert f"\n{name} " in ran.out
    assert "a: temperature=0.7 top_p=0.9" in ran.out
    again = shlex.split(ran.out.partition("To reproduce\n")[2].replace("\\\n", ""))
    first, second = cli("compare", "Once", *words, "--json"), cli(again[1], "--json", *again[2:])
    assert second.code == 0, second.err
    texts = [[text["text"] for text in json.loads(one.out)["texts"]] for one in (first, second)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 3


def test_what_else_is_typed_holds_for_all(here: Path, cli: Cli, tiny_model: Path) -> None:
    ran = cli(
        "compare", "Once", "--params", "a.json", "--params", "b.json", "--top-k", "3", "--model", str(tiny_model),
        "--max-new-tokens", "3", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert [text["params"]["top_k"] for text in json.loads(ran.out)["texts"]] == [3, 3]


def test_a_run_of_two_settings_is_paired(here: Path, cli: Cli, tiny_model: Path) -> None:
    words = ["measure", "--use-case", "two.toml", "--params", "a.json", "--params", "b.json", "--seeds", "2"]
    ran = cli(*words, "--model", str(tiny_model), "--run", "kept", "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert {(row["setting_a"], row["setting_b"]) for row in record["differences"]} == {("a", "b")}
    assert "--setting 'a: temperature=0.7 top_p=0.9' --setting 'b: temperature=1.1" in record["command"]
    again = cli(*shlex.split(record["command"])[1:], "--json")
    assert json.loads(again.out)["id"] == record["id"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--params", "a.json", "--params", "b.json", "-t", "0.3"],
            "-t varies one setting, and several are given",
        ),
        (["--setting", "a: t=3"], "unknown sampling parameter 't'"),
        (["--setting", "a: hot"], "--setting must be 'NAME: parameter=value ...'; got 'hot'"),
        (["--setting", "a: top_k=1 top_k=2"], "--setting gives top_k twice; leave one out"),
        (["--setting", "a: temperature=-1"], "temperature must be at least 0"),
        (["--setting", "a: top_k=3", "--setting", "a: top_k=4"], "names of settings must differ; got 'a' twice"),
        (["--setting", "a: top_k=3", "--setting", "b: top_k=3"], "settings must differ"),
        (["--top-k", "3", "--top-k", "4"], "--top-k takes one value and is given several times; give it once"),
        (["--model", "x", "--model", "y"], "--model takes one value and is given several times"),
        (["--params", "a.json", "--params", "none.json"], "none.json"),
    ],
)
def test_what_is_wrong_is_one_line(here: Path, cli: Cli, words: list[str], says: str) -> None:
    ran = cli("compare", "Once", *words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1
