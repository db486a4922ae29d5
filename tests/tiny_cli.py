"""A tiny real model on disk, and the command line run on it, in-process or as a process of its own."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

import thermoscope

SENTENCES = (
    "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
    "Explain how blockchain works in simple terms, as one would to a friend.",
    "What are some of the best strategies? There are many, and none of them is simple.",
)


def save_tiny(folder: Path) -> Path:
    """Save a GPT-2 of 2 layers with random weights, context 512, and a byte-level BPE of 320 tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    config = GPT2Config(
        vocab_size=320,
        n_positions=512,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = GPT2LMHeadModel(config)
        with torch.no_grad():
            network.transformer.wte.weight.normal_(std=0.5)
            network.lm_head.weight.normal_(std=0.5)
    network.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>").save_pretrained(folder)
    return folder


#: A line on how far something is that takes more than ten seconds.
_PROGRESS = re.compile(rb"^thermoscope: [^\n]*(\d s so far|: \d+/\d+[^\n]*)\n", re.MULTILINE)


@lru_cache
def environment() -> dict[str, str]:
    """The environment of a process that must find this package and nothing on the network."""
    source = Path(thermoscope.__file__).parents[1]
    unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return kept | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TERM": "xterm-256color"}


def command(*arguments: str) -> list[str]:
    """The command line as a list for subprocess."""
    return [sys.executable, "-m", "thermoscope", *arguments]


def process(*arguments: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    """Run ``thermoscope`` as a process of its own, its output captured; without the progress of a slow machine."""
    how.setdefault("env", environment())
    ran = subprocess.run(command(*arguments), capture_output=True, check=False, timeout=120, **how)  # type: ignore[call-overload]
    ran.stderr = _PROGRESS.sub(b"", ran.stderr)
    return ran  # type: ignore[no-any-return]


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny real model, made once."""
    folder = tmp_path_factory.getbasetemp() / "tiny-model"
    return folder if folder.exists() else save_tiny(folder)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run the command line in this process: arguments, and what stands on standard input."""
    from thermoscope.cli.app import _run

    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["thermoscope", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = _run()
        out, err = capsysbinary.readouterr()
        return Ran(code, out.decode(), err.decode())

    return run


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a model is a failure of the test."""
    import thermoscope.models.load

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model is loaded for what is known to be wrong without one")

    monkeypatch.setattr(thermoscope.models.load, "load_model", refuse)
