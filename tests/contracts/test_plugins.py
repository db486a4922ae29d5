"""The examples of docs/extending.md as an installed package, and packages that are wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_cli import environment

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLE = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.S))


def install(folder: Path, name: str, code: str, points: str) -> None:
    """A package as an installer would leave it."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``thermoscope`` where the folder's packages are installed."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from thermoscope.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words], env=environment(), capture_output=True, text=True, check=False
    )


def example(folder: Path) -> None:
    """The package of the page."""
    groups = re.findall(r"\[project\.entry-points\.\"(.*)\"\]\n    (\w+) = \"(.*)\"", PAGE)
    assert len(groups) == 3
    install(folder, "my_package", EXAMPLE, "".join(f"[{group}]\n{n} = {value}\n" for group, n, value in groups))


@pytest.mark.slow
def test_the_examples_work(tmp_path: Path) -> None:
    example(tmp_path)
    texts = tmp_path / "texts.txt"
    texts.write_text("one, two, three\nno comma here\n", encoding="utf-8")
    measured = command(tmp_path, "measure", str(texts), "--score", "contains:comma", "--all")
    assert measured.returncode == 0, measured.stderr
    assert "commas" in measured.stdout
    exported = command(tmp_path, "export", "-t", "0.5", "--to", "toy")
    assert '"heat": 0.5' in exported.stdout, exported.stderr


def test_a_use_case_names_the_scorer_of_a_package(tmp_path: Path) -> None:
    example(tmp_path)
    (table,) = re.findall(r"    (\[score\]\n    kind = .*\n    argument = .*)\n", PAGE)
    case = tmp_path / "case.toml"
    prompt = 'title = "x"\nobjective = "task"\n[[prompts]]\ntext = "a"\n'
    case.write_text(prompt + table.replace("    ", ""), encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        f"from thermoscope.usecases.load import load; case = load({str(case)!r}); "
        "score = case.scorer(); print(score('a comma', None), score('none', None))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "1.0 0.0\n", done.stderr
    case.write_text(case.read_text(encoding="utf-8").replace("contains", "contain"), encoding="utf-8")
    wrong = command(tmp_path, "use-cases", "check", str(case))
    assert wrong.returncode == 2
    assert "one of exact, regex, function, contains; got 'contain'" in wrong.stderr


def test_a_broken_package_is_named_and_left_out(tmp_path: Path) -> None:
    install(tmp_path, "broken", "1 / 0\n", "[thermoscope.engines]\nbad = broken:X\n")
    done = command(tmp_path, "export", "-t", "0.5", "--to", "vllm")
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if "broken" in line]
    assert len(lines) == 1
    assert "the package broken registers the engine 'bad'" in lines[0]
    assert "ZeroDivisionError" in lines[0]
    assert "broken" not in command(tmp_path, "--help").stderr


@pytest.mark.parametrize("group", ["thermoscope.engines"])
def test_a_name_that_is_taken_is_an_error(tmp_path: Path, group: str) -> None:
    example(tmp_path)
    install(tmp_path, "second", "from my_package import TOY\n", f"[{group}]\ntoy = second:TOY\n")
    done = command(tmp_path, "export", "-t", "0.5", "--to", "vllm")
    assert done.returncode == 2
    assert "'toy' of the package second has the name of one of the package my_package" in done.stderr
