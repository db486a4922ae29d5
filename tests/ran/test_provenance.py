"""The command in what ran makes the same texts again, whatever the prompt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import FakeModel
from tests.tiny_cli import Ran, environment
from thermoscope.comparison.compare import compare
from thermoscope.comparison.comparison import Comparison
from thermoscope.escape import escape
from thermoscope.ran.provenance import compare_command, model_words, versions
from thermoscope.settings.params import SamplingParams

ODD = [
    "plain words",
    'it\'s "quoted" $HOME `date` \\n \\',
    "two\nlines\n",
    "-t 0.5",
    "--help",
    "-",
    "日本 naïve 🚀",
    "bell \x07, escape \x1b[31m, bidi \u202e, tab\t'",
    "null \x00 1 \\0 -",
    "  ",
    "!! * ? ~ # %d",
]


def words_of(command: str, folder: Path) -> tuple[list[str], bytes]:
    """The arguments that a shell makes of a command, and what it puts on standard input."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("bash is not here")
    script = 'thermoscope() { printf "%s\\0" "$@" > "$WORDS"; [ "${@: -1}" != - ] || cat > "$INPUT"; }\n'
    names = {"WORDS": str(folder / "words"), "INPUT": str(folder / "input")}
    (folder / "input").write_bytes(b"")
    subprocess.run([shell, "-c", script + command], check=True, env={**os.environ, **names}, timeout=20)
    return (folder / "words").read_bytes().decode().split("\0")[:-1], (folder / "input").read_bytes()


@pytest.mark.parametrize("prompt", ODD)
def test_the_command_makes_the_same_texts_again(
    prompt: str, tiny_model: Path, cli: Callable[..., Ran], tmp_path: Path
) -> None:
    from thermoscope.models.load import load_model

    model = load_model(tiny_model)
    params = SamplingParams(top_k=30, min_p=0.001, order="llama.cpp")
    first = compare(
        model, prompt, [0.3, 1e-7, 1.5], params=params, seeds=[4, 5], max_new_tokens=8, stop=["-x", " 'q\n"]
    )
    command = first.ran.command
    assert command.isprintable()
    assert escape(command) == command
    words, stdin = words_of(command, tmp_path)
    again = cli("compare", "--json", *words[1:], stdin=stdin)
    assert again.err == ""
    record = json.loads(again.out)
    assert record["prompt"] == prompt
    assert [t["token_ids"] for t in record["texts"]] == [list(t.sample.token_ids) for t in first.texts]
    assert [t["text"] for t in record["texts"]] == [t.sample.text for t in first.texts]
    assert record["ran"]["command"] == command


@pytest.mark.slow
def test_the_command_runs_in_a_process_of_its_own(tiny_model: Path) -> None:
    from thermoscope.models.load import load_model

    first: Comparison = compare(load_model(tiny_model), "It's", [0.2, 0.9], max_new_tokens=12)
    command = first.ran.command.replace("thermoscope compare", f"'{sys.executable}' -m thermoscope compare --json", 1)
    done = subprocess.run(["bash", "-c", command], env=environment(), capture_output=True, timeout=120, check=True)
    assert [t["text"] for t in json.loads(done.stdout)["texts"]] == [t.sample.text for t in first.texts]


@pytest.mark.parametrize(
    ("params", "seeds", "has"),
    [
        (SamplingParams(), [0], "--seed 0 --max"),
        (SamplingParams(), [3, 4, 5], "--seed 3 --seeds 3"),
        (SamplingParams(), [3, 1], "--seed 3 --seed 1"),
        (SamplingParams(top_p=0.95), [0], "--top-p 0.95"),
        (SamplingParams(order="llama.cpp"), [0], "--order llama.cpp"),
        (SamplingParams(order=["temperature"]), [0], "--order temperature"),
        (SamplingParams(order=["top_p", "temperature"]), [0], "--order top_p,temperature"),
    ],
)
def test_what_the_command_says(params: SamplingParams, seeds: list[int], has: str) -> None:
    assert has in compare_command(FakeModel(), "x", [params], seeds, 5, [])


def test_a_revision_of_the_hub_is_named_and_a_hash_of_a_folder_is_not() -> None:
    model = FakeModel()
    assert "--model fake --revision 1 " in compare_command(model, "x", [SamplingParams()], [0], 5, [])
    model.revision = "sha256:abc"
    assert "--revision" not in compare_command(model, "x", [SamplingParams()], [0], 5, [])
    model.name = "bundled"
    assert "--model" not in compare_command(model, "x", [SamplingParams()], [0], 5, [])


def test_versions() -> None:
    assert list(versions()) == ["thermoscope", "torch", "transformers", "tokenizers", "numpy", "python"]
    assert all(versions().values())


def test_the_device_of_vllm_is_no_option() -> None:
    assert model_words("vllm/NAME", None, "cpu", "float32") == ["--model", "vllm/NAME", "--dtype", "float32"]
    assert model_words("gpt2", None, "cpu", "float32") == ["--model", "gpt2", "--device", "cpu", "--dtype", "float32"]
