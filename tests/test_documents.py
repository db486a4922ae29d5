"""Documents that can go stale: what README, docs and the package say is what is there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_cli import environment

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_generated_documents_are_what_the_code_says():
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_stale_document_is_found(tmp_path):
    (tmp_path / "generate.py").write_text((ROOT / "docs" / "generate.py").read_text())
    done = subprocess.run([sys.executable, "generate.py", "--check"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cli.md, measures.md, stages.md, reference/python.md" in done.stderr


def test_files_named_in_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
    tree = text.split("## Where things are")[1].split("```")[1]
    folder = ROOT
    for line in tree.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = ROOT / name
            assert folder.exists(), name
        else:
            depth = (len(line) - len(line.lstrip())) // 2
            if depth == 1:
                room = folder / name
                assert room.exists(), name
            else:
                assert (room / name).exists(), f"{room.name}/{name}"


def test_no_large_file_is_kept_but_the_bundled_model():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no checkout of git's")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    sizes = {name: (ROOT / name).stat().st_size for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    large = {name for name, size in sizes.items() if size > 500_000}
    assert large == {"src/thermoscope/models/bundled/model.safetensors"}


@pytest.mark.slow
def test_the_readmes_python_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    each = "import json, sys\nfor block in json.load(sys.stdin): exec(block, {}); print('-- end', flush=True)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", each], cwd=tmp_path, env=environment(), input=json.dumps(blocks),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split("-- end\n")[:-1]
    assert len(printed) == 3
    for block, out in zip(blocks, printed, strict=True):
        shown = "".join(line.removeprefix("# ") + "\n" for line in block.splitlines() if line.startswith("# tensor"))
        assert out.endswith(shown)
        assert out


def test_the_readmes_query_gives_the_means_of_the_runs_own_table(tmp_path):
    from tests.fakes import FakeModel
    from tests.runs.killed import case
    from thermoscope.runs.carry_out import carry_out
    from thermoscope.runs.measuring import Measuring
    from thermoscope.runs.plan import plan_run
    from thermoscope.runs.querying import query
    from thermoscope.runs.run import open_run
    from thermoscope.runs.store import Store
    from thermoscope.settings.grid import varied
    from thermoscope.sources.local import LocalSource

    (asked,) = re.findall(r'runs sql runs/NAME "(.*?)"', (ROOT / "docs" / "guides" / "study.md").read_text())
    model = FakeModel(spread=2.0)
    design = plan_run(LocalSource(model), case(), varied({"temperature": [0.3, 0.9]}), seeds=range(3), max_new_tokens=8)
    carry_out(LocalSource(model), design, Store(tmp_path / "run"), Measuring(case()))
    run = open_run(tmp_path / "run")
    rows = run.summary().to_pylist()
    means = {row["temperature"]: row["mean"] for row in rows if row["measure"] == "perplexity"}
    assert dict(query(run.folder, asked)[1]) == pytest.approx(means)


def test_every_dependency_has_its_reason():
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "docs" / "dependencies.md").read_text()
    extras = [name for names in declared["optional-dependencies"].values() for name in names]
    for requirement in [*declared["dependencies"], *extras]:
        name = re.split(r"[<>=]", requirement)[0]
        assert name in text, name
