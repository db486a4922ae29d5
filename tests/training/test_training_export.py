from pathlib import Path

import pytest
import torch
from training.common import BadInputError
from training.evaluate import evaluate
from training.export import export, newest
from training.trainer import Recipe, Trainer
from transformers import AutoModelForCausalLM, AutoTokenizer

from training import checkpoint

TINY = Recipe(width=64, layers=1, context=32, batch_size=4, warmup=3, precision="fp32")


@pytest.fixture
def exported(run: Path, tmp_path: Path) -> Path:
    trainer = Trainer(run, TINY)
    for _ in range(3):
        trainer.train_step()
    trainer.save()
    export(run, newest(run), tmp_path / "bundled")
    return tmp_path / "bundled"


def test_opens_in_transformers(exported: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(exported)
    tokenizer = AutoTokenizer.from_pretrained(exported)
    assert type(model).__name__ == "GPT2LMHeadModel"
    assert model.dtype == torch.float32
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 0
    assert model.lm_head.weight is model.transformer.wte.weight
    out = model.generate(**tokenizer("Once", return_tensors="pt"), max_new_tokens=5, pad_token_id=0)
    assert out.shape[1] <= 6 + 5


def test_weights_are_halved_and_the_same(run: Path, exported: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(exported)
    saved = checkpoint.load(newest(run))["model"]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, saved[name].half().float()), name
    parameters = model.num_parameters()
    assert (exported / "model.safetensors").stat().st_size < 2 * parameters + 10_000
    assert "CC BY-SA 4.0" in (exported / "LICENSE").read_text(encoding="utf-8")


def test_evaluation_compares_with_both_baselines(run: Path, exported: Path) -> None:
    result = evaluate(run, exported, newest(run))
    assert abs(result["half_precision_change"]) < 1e-3
    assert set(result["below"]["all text"]) == {"all", "TinyStories", "other stories", "explanations"}
    assert set(result["below"]["own group"]) == {"TinyStories", "other stories", "explanations"}
    assert result["tokens_seen"] == 3 * 4 * 32


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"training\.train first"):
        newest(tmp_path)
