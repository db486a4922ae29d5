"""The examples run as they are, and stay short."""

import subprocess
import sys
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
def test_an_example_prints_what_it_promises(name, expected):
    path = next(path for path in EXAMPLES if path.stem == name)
    done = subprocess.run([sys.executable, "-W", "error", str(path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for text in expected:
        assert text in done.stdout


def test_every_example_is_tested():
    names = {"temperature_variations", "creative_story", "technical_explanation"}
    assert {path.stem for path in EXAMPLES} == names
