"""Folders that are no model in Hugging Face's form, and models that hold more than they use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import network, save, tokenizer
from thermoscope import ModelError, load_model
from thermoscope.errors import ModelNotFoundError, NotCausalLMError
from thermoscope.models import folders


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return save("llama", tmp_path_factory.mktemp("folders") / "llama")


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(folder: Path, kind: type[ModelError] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        load_model(folder)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 500
    return said


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_pointer_of_git_lfs(folder, file):
    (folder / file).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert f"{file}' is a Git LFS pointer, not the weights; run git lfs pull" in refused(folder, ModelNotFoundError)


def test_a_model_in_mlx_form(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization": {"group_size": 64, "bits": 4}}))
    assert "MLX's form, quantised to 4 bits" in refused(folder)


def test_an_adapter_without_peft(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "find_spec", lambda name: None)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/base"}))
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert "a LoRA adapter of some/base, which peft applies; install it" in refused(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    assert "does not name its model" in refused(tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft's own, when the adapter is made
def test_an_adapter_is_merged_by_peft(saved, tmp_path):
    peft = pytest.importorskip("peft")
    plain = network("llama")
    made = peft.get_peft_model(plain, peft.LoraConfig(r=2, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    made.peft_config["default"].base_model_name_or_path = str(saved)
    made.save_pretrained(tmp_path)
    ids = tokenizer()("Once upon")["input_ids"]
    with torch.inference_mode():
        want = made(input_ids=torch.tensor([ids])).logits[0, -1]
    model = load_model(tmp_path)
    got = model.next_token_logits("Once upon")
    assert float((got - want).abs().max()) <= 1e-4 * float(want.abs().max())
    assert not torch.allclose(got, load_model(saved).next_token_logits("Once upon"), atol=0.1)
    assert any(
        note.startswith(f"a LoRA adapter, merged by peft into {saved}, revision sha256:") for note in model.notes
    )


def test_a_tokenizer_alone(tmp_path):
    tokenizer().save_pretrained(tmp_path)
    assert "a tokenizer alone, no model" in refused(tmp_path, NotCausalLMError)


def test_a_folder_of_gguf_files(tmp_path):
    (tmp_path / "b.gguf").write_bytes(b"")
    assert f"name one of them, such as {tmp_path / 'b.gguf'}" in refused(tmp_path, ModelNotFoundError)


def test_an_empty_folder(tmp_path):
    assert "must have a config.json" in refused(tmp_path, ModelNotFoundError)


def test_weights_that_the_configuration_does_not_use(folder):
    weights = load_file(folder / "model.safetensors")
    save_file(
        {**weights, "model.layers.9.extra.weight": torch.zeros(2)}, folder / "model.safetensors", {"format": "pt"}
    )
    said = refused(folder)
    assert "1 tensors that their configuration does not use, such as model.layers.9.extra.weight" in said


def test_buffers_of_old_versions_are_no_weights(folder):
    weights = load_file(folder / "model.safetensors")
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(4)}
    save_file({**weights, **old}, folder / "model.safetensors", {"format": "pt"})
    assert load_model(folder).vocabulary == 320
