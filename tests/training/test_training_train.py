import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training.common import BadInputError, read_json, read_jsonl
from training.export import export
from training.heldout import bits_per_byte, document_nll, document_windows
from training.model import lr_scale
from training.stream import Corpus, Windows
from training.trainer import Recipe, Trainer, load_recipe

from training import checkpoint

TINY = Recipe(width=64, layers=1, context=32, batch_size=4, warmup=3, dropout=0.1, precision="fp32")


def train(run: Path, until: int, *, decay_steps: int = 0) -> Trainer:
    trainer = Trainer(run, TINY, microbatch=2, decay_steps=decay_steps)
    while trainer.step < until and not trainer.finished:
        trainer.train_step()
    trainer.save()
    return trainer


def same_weights(a: Trainer, b: Trainer) -> bool:
    one, two = a.model.state_dict(), b.model.state_dict()
    return all(torch.equal(one[name], two[name]) for name in one)


def test_a_resumed_run_gives_the_weights_of_an_undisturbed_one(run: Path) -> None:
    straight = train(run, 8)
    for path in checkpoint.checkpoints(run / "checkpoints"):
        path.unlink()
    train(run, 3)
    assert same_weights(train(run, 8), straight)


def test_decaying_is_a_branch_that_can_be_resumed(run: Path) -> None:
    train(run, 4)
    whole = train(run, 99, decay_steps=4)
    assert whole.finished
    assert whole.step == 8
    for path in checkpoint.checkpoints(run / "decayed"):
        path.unlink()
    train(run, 6, decay_steps=4)
    assert same_weights(train(run, 99, decay_steps=4), whole)
    assert Trainer(run, TINY).step == 4  # the constant run stands where it stood


def test_it_learns(run: Path) -> None:
    trainer = Trainer(run, Recipe(width=64, layers=1, context=64, batch_size=8, warmup=2, precision="fp32"))
    before = trainer.evaluate(0.0)["bits_per_byte"]["all"]
    for _ in range(15):
        trainer.train_step()
    after = trainer.evaluate(0.0)
    assert after["bits_per_byte"]["all"] < 0.8 * before
    assert read_jsonl(run / "curve.jsonl")[-1] == after
    assert set(after["bits_per_byte"]) == {"all", "TinyStories", "other stories", "explanations"}


def test_decay_needs_a_start(run: Path) -> None:
    with pytest.raises(BadInputError, match="train without it first"):
        Trainer(run, TINY, decay_steps=5)


def test_a_recipe_is_fixed_once_the_run_has_begun(run: Path) -> None:
    load_recipe(run, {"width": 64, "precision": "fp32"})
    assert load_recipe(run, {"width": 64}).width == 64
    with pytest.raises(BadInputError, match="--width can't change"):
        load_recipe(run, {"width": 128})
    assert read_json(run / "recipe.json")["width"] == 64


def test_learning_rate_rises_stays_and_falls() -> None:
    assert [lr_scale(step, 4, None, 0) for step in (0, 1, 3, 4, 1000)] == [0.25, 0.5, 1, 1, 1]
    assert [lr_scale(step, 4, 10, 4) for step in (10, 11, 13, 14)] == [1, 0.75, 0.25, 0]


def test_windows_cover_each_pass_by_weight(run: Path) -> None:
    corpus = Corpus(run, "train")
    windows = Windows(corpus, 32, 4, seed=0)
    tokens = int((np.diff(corpus.starts) * corpus.weight).sum())
    rows = [windows.window(i)[:-1] for i in range(windows.per_pass)]
    seen = np.bincount(np.concatenate(rows), minlength=400)
    assert tokens - 33 <= seen.sum() <= tokens
    assert (windows.window(windows.per_pass)[:-1] != rows[0]).any()  # the next pass has another order
    again = Windows(corpus, 32, 4, seed=0)
    assert torch.equal(again.batch(7), windows.batch(7))


def test_document_windows_count_every_token_once() -> None:
    for length in (1, 7, 8, 9, 12, 13, 40, 41):
        ids = np.arange(1, length + 1)
        counted = [w[first + 1 :].tolist() for w, first in document_windows(ids, 8)]
        assert [token for part in counted for token in part] == ids.tolist()
        assert all(len(w) <= 9 for w, _ in document_windows(ids, 8))


def test_bits_per_byte_by_hand(run: Path) -> None:
    corpus = Corpus(run, "heldout")
    nll = np.log(2) * corpus.bytes
    assert bits_per_byte(nll, corpus)["all"] == pytest.approx(1)
    model = Trainer(run, TINY).model
    one = document_nll(model, corpus, "fp32", rows=1)
    assert document_nll(model, corpus, "fp32", rows=8) == pytest.approx(one, rel=1e-5)


def test_bad_input_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--run", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("training.train", run_name="__main__")
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "run python -m training.tokenizer" in said


def test_a_later_sitting_starts_from_exported_weights(run: Path, tmp_path: Path) -> None:
    first = train(run, 3)
    export(run, checkpoint.checkpoints(run / "checkpoints")[-1], tmp_path / "model")
    later = Path(shutil.copytree(run, tmp_path / "later", ignore=shutil.ignore_patterns("checkpoints")))
    second = Trainer(later, replace(TINY, start_from=str(tmp_path / "model"), first_step=3), microbatch=2)
    assert second.step == 3  # and so at the text that comes next
    one, two = first.model.state_dict(), second.model.state_dict()
    assert all(torch.allclose(one[name], two[name], atol=2e-3) for name in one)  # float16 in between
    second.train_step()
    assert second.optimizers[0].param_groups[0]["lr"] == pytest.approx(TINY.lr / TINY.warmup)  # rises anew


def test_a_later_sitting_needs_weights_of_its_shape(run: Path, tmp_path: Path) -> None:
    train(run, 1)
    export(run, checkpoint.checkpoints(run / "checkpoints")[-1], tmp_path / "model")
    with pytest.raises(BadInputError, match="recipe's shape"):
        Trainer(run, replace(TINY, width=128, start_from=str(tmp_path / "model")))
    with pytest.raises(BadInputError, match=r"has no model\.safetensors"):
        Trainer(run, replace(TINY, start_from=str(tmp_path)))
