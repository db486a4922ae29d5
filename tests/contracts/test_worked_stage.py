"""The stage that docs/contributing.md adds, added to a copy of the package and used there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_cli import environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
USED = """
import torch
import thermoscope
from thermoscope import SamplingParams
p = thermoscope.probabilities(torch.tensor([[3.0, 2.0, 1.0, -1.0]]), SamplingParams(max_gap=1.5))
wanted = torch.softmax(torch.tensor([3.0, 2.0]), dim=0).tolist()
assert [round(x, 6) for x in p[0].tolist()] == [round(x, 6) for x in [*wanted, 0, 0]], p
kept = thermoscope.probabilities(torch.tensor([[3.0, 2.0, 1.0, -1.0]]), SamplingParams(max_gap=0))
assert kept[0].tolist() == [1, 0, 0, 0]
try:
    SamplingParams(max_gap=-1)
except thermoscope.InputError as error:
    assert "max_gap must be" in str(error) and "such as 3" in str(error), error
else:
    raise AssertionError("a value that breaks the rule was taken")
verdicts = thermoscope.export(SamplingParams(max_gap=2), "vllm").verdicts
assert [v.kind for v in verdicts if v.parameter == "max_gap"] == ["not there"], verdicts
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the blocks of the page in it."""
    place = tmp_path_factory.mktemp("copy")
    package = place / "thermoscope"
    shutil.copytree(ROOT / "src" / "thermoscope", package, ignore=shutil.ignore_patterns("__pycache__"))
    entry, field, argument, function, line = re.findall(r"```text\n(.*?)```", PAGE, flags=re.S)

    def add(file: str, block: str, before: str) -> None:
        path = package / file
        text = path.read_text(encoding="utf-8")
        assert before in text, (file, before)
        path.write_text(text.replace(before, block + before, 1), encoding="utf-8")

    add("settings/stages.py", entry, '    Stage(\n        "xtc",')
    add("settings/params.py", argument, "            xtc_probability: float")
    add("settings/params.py", field, "    xtc_probability: Annotated")
    add("sampling/filters.py", function + "\n\n", "def min_p(")
    add("sampling/stages.py", line, '    "xtc": _xtc,')
    return place


def ran(copied: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python with the copy in front."""
    code = f"import sys; sys.path.insert(0, {str(copied)!r}); "
    return subprocess.run(
        [sys.executable, "-c", code + words[0], *words[1:]],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_stage_works(copied: Path) -> None:
    done = ran(copied, USED)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_command_line_knows_it(copied: Path) -> None:
    main = "from thermoscope.cli.app import main; main()"
    shown = ran(copied, main, "compare", "--help")
    assert "--max-gap NATS" in shown.stdout, shown.stderr
    listed = ran(copied, main, "inspect", "Once", "--max-gap", "3", "--json")
    assert '"stage": "max_gap"' in listed.stdout, listed.stderr
