"""Use cases: those that are bundled, and what a user gets wrong, with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermoscope.errors import InputError
from thermoscope.metrics.scorers import parse_scorer
from thermoscope.models.chat import as_messages
from thermoscope.statistics.reference_text import windows
from thermoscope.usecases.case import FOLDER
from thermoscope.usecases.load import bundled, load, parse

GOOD = """title = "x"
objective = "creative"

[[prompts]]
text = "a"

[[prompts]]
text = "b"
held_out = true
"""
HERE = Path("f.toml")


@pytest.mark.parametrize("name", ["creative-story", "technical-explanation"])
def test_the_bundled_use_cases_have_prompts_and_a_reference(name: str) -> None:
    assert name in bundled()
    case = load(name)
    assert len(case.open_prompts) >= 12
    assert len(case.held_out_prompts) * 3 >= len(case.prompts)
    assert case.reference_statistics() is None
    text = case.reference_text()
    assert text is not None
    assert "# Source: " in text and ("public domain" in text or "CC BY 4.0" in text)
    assert len(text.encode()) <= 100_000
    assert len(windows(text)) >= 64
    assert {len(window.split()) for window in windows(text)} == {200}


def test_what_is_read() -> None:
    case = parse(GOOD, HERE)
    assert (case.name, case.objective, case.max_new_tokens, case.reference_statistics()) == ("f", "creative", 200, None)
    assert [p.text for p in case.open_prompts] == ["a"]
    assert [p.text for p in case.held_out_prompts] == ["b"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GOOD.replace("creative", "creatve"), 2, "objective must be one of 'creative'"),
        (GOOD.replace('text = "b"', 'txt = "b"'), 8, "prompts[2].txt is unknown"),
        (GOOD.replace('text = "b"\n', ""), 7, "prompts[2].text is missing"),
        (GOOD.replace('"b"', '"a"'), 8, "this is number 1 again"),
        (GOOD.replace('"b"', "3"), 8, "prompts[2].text must be text in quotes; got 3"),
        (GOOD.replace('"b"', '""'), 8, "prompts[2].text must not be empty"),
        (GOOD.replace("true", '"yes"'), 9, "prompts[2].held_out must be true or false; got 'yes'"),
        (GOOD.replace('text = "a"', 'text = "a"\nheld_out = true'), 4, "must not all be held out"),
        ('title = "x"\nobjective = "task"\n', 1, "prompts is missing"),
        ('title = "x"\nobjective = "task"\nprompts = 3\n', 3, "prompts must be tables"),
        ('title = "x"\nobjective = "task"\nprompts = []\n', 3, "prompts must not be empty"),
        ("title = \n", 1, "not TOML (invalid value)"),
        (GOOD + "x", 10, "not TOML"),
        ("max_new_tokens = 0\n" + GOOD, 1, "max_new_tokens must be at least 1; got 0"),
        ("max_new_tokens = 1.5\n" + GOOD, 1, "max_new_tokens must be a whole number; got 1.5"),
        ("name = 'q'\n" + GOOD, 1, "name is the file's own"),
        ("answer_pattern = '('\n" + GOOD, 1, "answer_pattern must be a regular expression"),
        (GOOD + '\n[score]\nkind = "regex"\n', 12, 'score of kind regex must have pattern = "PATTERN"; add it'),
        (GOOD + '\n[score]\nkind = "regx"\npattern = "a"\n', 12, "one of exact, regex, function; got 'regx'"),
        (GOOD + '\n[score]\nkind = "exact"\npattern = "a"\n', 13, "score.pattern is unknown"),
        (GOOD + '\n[score]\nkind = "exact"\nargument = "a"\n', 13, "score of kind exact takes no argument"),
        (GOOD + "\n[score]\nkind = 3\n", 12, "score.kind must be text in quotes"),
        (GOOD + '\n[score]\nkind = "regex"\npattern = "{answer}"\n', 4, "answer for every prompt"),
        (GOOD + '\n[score]\nkind = "regex"\npattern = "("\n', 13, "pattern must be a regular expression"),
        (GOOD + '\n[score]\nkind = "function"\nfunction = "a"\n', 13, "given as FILE.py:FUNCTION"),
        (GOOD + '\n[score]\nkind = "function"\n', 12, 'must have function = "FILE.py:FUNCTION"'),
        (GOOD + '\n[score]\nkind = "exact"\n', 4, "answer for every prompt"),
    ],
)
def test_errors_name_file_line_and_field(text: str, line: int, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text, HERE)
    assert str(error.value).startswith(f"f.toml, line {line}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be one of creative-story, technical-explanation, a"):
        load("stories")
    with pytest.raises(InputError, match="there is no such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "x"\n# caf\xe9\n')
    with pytest.raises(InputError, match="line 2: a use case must be UTF-8"):
        load(tmp_path / "latin.toml")
    (tmp_path / "f.toml").write_text('reference = "none.json"\n' + GOOD)
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        load(tmp_path / "f.toml").reference_statistics()


@pytest.mark.parametrize(
    ("table", "how"),
    [
        ('kind = "exact"', "exact"),
        ('kind = "regex"\npattern = "a{answer}"', "regex:a{answer}"),
        ('kind = "regex"\nargument = "a"', "regex:a"),
        ('kind = "function"\nfunction = "f.py:g"', "f.py:g"),
    ],
)
def test_the_table_score_says_what_the_option_says(table: str, how: str) -> None:
    score = parse(GOOD.replace("text", 'answer = "x"\ntext') + f"\n[score]\n{table}\n", HERE).score
    assert score is not None
    kind, argument = parse_scorer(how)
    assert (score.kind, score.argument) == (kind.name, argument)


def test_identity_is_of_content_not_of_layout() -> None:
    assert parse(GOOD, HERE).content_id == parse("# a remark\n" + GOOD, HERE).content_id
    assert parse(GOOD, HERE).content_id != parse(GOOD.replace('"a"', '"c"'), HERE).content_id


def test_the_template_is_a_use_case() -> None:
    assert len(parse((FOLDER / "template.txt").read_text(), HERE).prompts) == 3


def test_messages_become_the_text_that_stands_for_them() -> None:
    chat = '[[prompts]]\nmessages = [{role = "system", content = "Be brief."}, {role = "user", content = "Why?"}]\n'
    case = parse(GOOD + chat, HERE)
    messages = as_messages(case.prompts[-1].text)
    assert messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert case.content_id != parse(GOOD, HERE).content_id


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('messages = [{role = "robot", content = "x"}]', "role must be one of"),
        ("messages = []", "at least one message"),
        ('messages = "x"', "must be a list of tables"),
        ('messages = ["x"]', "must be a list of tables"),
        ('text = "a"\nmessages = [{role = "user", content = "x"}]', "not both"),
    ],
)
def test_messages_that_break_the_rules(lines: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse(f"{GOOD}[[prompts]]\n{lines}\n", HERE)
    assert "\n" not in str(caught.value)


def test_a_reference_text_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text('reference = "none.txt"\n' + GOOD)
    with pytest.raises(InputError, match=r"none\.txt: there is no such file"):
        load(tmp_path / "f.toml").reference_text()
