"""What is typed wrongly: the line says what was meant and whose help to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran
from thermoscope.cli.misuse import separate_numbers, shortened

Cli = Callable[..., Ran]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "x", "--temp", "1"], "no such option: --temp (did you mean --temperature?) (see thermoscope"),
        (["compare", "x", "--max", "1"], "(did you mean --max-length or --max-new-tokens or --max-rows?)"),
        (["inspect", "x", "--tepmerature", "1"], "(did you mean --temperature?) (see thermoscope inspect --help)"),
        (["compare", "x", "--qqqqqq"], "no such option: --qqqqqq (see thermoscope compare --help)"),
        (["use-cases", "show", "--qqqqqq"], "(see thermoscope use-cases show --help)"),
        (["compare", "x", "-t", "0.7", "0.9"], "several temperatures are joined by commas: -t 0.7,0.9 (see"),
        (["compare", "x", "-t"], "(see thermoscope compare --help)"),
        (["compare", "x", "y"], "got unexpected extra argument(s) (y) (see thermoscope compare --help)"),
        (["comprae"], "(see thermoscope --help)"),
        (
            ["measure", "--use-case", "creative-story", "-t", "0.7", "0.9"],
            "got both; several temperatures are joined by commas: -t 0.7,0.9",
        ),
        (["compare", "x", "-t", "0:1:1e999999"], "must go up, from low to high by a step above 0; got '0:1:1e999999'"),
        (["compare", "x", "-t", "0:1:1e-999999"], "by a step above 0"),
        (["compare", "x", "--dry-breakers", "1" * 5000], "--dry-breakers must be token ids, joined by commas; got '1"),
        (["compare", "x", "--dry-breakers", "1" * 4000], "dry_breakers must have token ids that are whole numbers"),
        (["compare", "x", "--logit-bias", "1" * 5000 + ":1"], "--logit-bias must be token ids with finite biases"),
    ],
)  # fmt: skip
def test_what_was_meant(words: list[str], says: str, cli: Cli) -> None:
    ran = cli(*words)
    assert ran.code == 2 and not ran.out
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1 and len(ran.err) < 1500


def test_a_prompt_that_is_the_name_of_a_file(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.txt").write_text("Once\n", encoding="utf-8")
    short = ["-t", "0.5", "--max-new-tokens", "2", "--model", str(tiny_model)]
    ran = cli("compare", "prompts.txt", *short)
    assert ran.code == 0
    assert "thermoscope: 'prompts.txt' is the prompt itself; to give the text of the file of that name: -" in ran.err
    assert "Prompt: prompts.txt" in ran.out
    assert cli("compare", "other.txt", *short).err == ""


def test_numbers_with_a_space_between_them() -> None:
    assert separate_numbers(["-t", "0.7", "0.9"]) == "several temperatures are joined by commas: -t 0.7,0.9"
    assert separate_numbers(["x", "--temperature", "0.1:1:0.1", "2"]).endswith("--temperature 0.1:1:0.1,2")
    assert not any(separate_numbers(words) for words in (["-t", "0.7"], ["-t", "0.7", "--seed", "1"], ["1", "2", "3"]))


def test_long_messages_keep_their_beginning_and_end() -> None:
    assert shortened("a  b\nc") == "a b c"
    word = shortened(f"got '{'x' * 1000}'; write y")
    assert word.startswith("got 'xxx") and word.endswith("'; write y") and len(word) < 250
    many = shortened("begins " + "x " * 5000 + "ends")
    assert many.startswith("begins") and many.endswith("ends") and len(many) < 2100


def test_export_names_the_option_of_the_order(cli: Cli) -> None:
    ran = cli("export", "--to", "gemini", "-t", "0.5", "--top-p", "0.5", "--top-k", "3", "--no-measure")
    assert "see order" not in ran.out
