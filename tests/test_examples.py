"""The examples run as they are, and stay short."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_under_30_lines(path):
    assert len(path.read_text().splitlines()) < 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("temperature_variations", ["--- temperature 0.3", "--- temperature 0.9", "NFL Fantasy"]),
        ("creative_story", ["--- T=0.2: rep_4 ", "--- T=0.9: rep_4 ", "Once upon a time"]),
        ("technical_explanation", ["T=0.9 rep_4", "T=0.7 perplexity", "T=0.9 and T=0.7 "]),
    ],
)
def test_an_example_prints_what_it_promises(name, expected, capsys):
    """In this process, where warnings are errors as well; the README's Python runs in processes of its own."""
    path = next(path for path in EXAMPLES if path.stem == name)
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    for text in expected:
        assert text in printed


def test_every_example_is_tested():
    names = {"temperature_variations", "creative_story", "technical_explanation"}
    assert {path.stem for path in EXAMPLES} == names
