"""Loading from a folder, and every way in which it can fail: one line that says what to do."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5EncoderModel, ViTConfig, ViTModel

from tests.tiny import CONFIGS, END, PROMPTS, VOCABULARY, load, network, save, tokenizer
from thermoscope import InputError, ModelError, SamplingParams, generate, load_model
from thermoscope.errors import (
    ModelMemoryError,
    ModelNotFoundError,
    ModelUnreachableError,
    NotCausalLMError,
    PromptError,
    TokenizerError,
)
from thermoscope.models.rows import rotation_border


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def gpt2(folder):
    return load("gpt2", folder)


@pytest.fixture
def copy(folder, gpt2, tmp_path) -> Path:
    """A saved model that a test may spoil."""
    return Path(shutil.copytree(folder / "gpt2", tmp_path / "copy"))


def refused(kind: type[Exception], *args, **how) -> str:
    with pytest.raises(kind) as caught:
        load_model(*args, **how)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    assert isinstance(caught.value, ModelError | InputError)
    return text


# --- what is loaded -------------------------------------------------------------------------------------------


def test_what_a_model_says_of_itself(folder, gpt2):
    assert gpt2.name == str(folder / "gpt2")
    assert gpt2.dtype == "float32"
    assert gpt2.device == "cpu"
    assert gpt2.vocabulary == VOCABULARY
    assert gpt2.context_length == 256
    assert gpt2.end_of_text == {0}
    assert gpt2.notes == ()
    assert gpt2.revision.startswith("sha256:")
    assert str(folder / "gpt2") in repr(gpt2)


def test_a_missing_pad_token_is_the_end_of_text(gpt2):
    assert tokenizer().pad_token is None
    assert gpt2.tokenizer.pad_token == END


def test_the_revision_of_a_folder_is_that_of_its_weights(gpt2, copy):
    assert load_model(copy).revision == gpt2.revision
    weights = load_file(copy / "model.safetensors")
    weights["transformer.wpe.weight"][0, 0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_model(copy).revision != gpt2.revision


@pytest.mark.parametrize("as_path", [Path, str, lambda p: os.path.relpath(p), lambda p: f"{p}/"])
def test_a_folder_may_be_named_in_any_way(folder, gpt2, as_path):
    assert load_model(as_path(folder / "gpt2")).revision == gpt2.revision


def test_encode_and_decode(gpt2):
    for prompt in (*PROMPTS, "\x00\x1b[2J", " leading", "trailing ", "a ,b . c n't"):
        assert gpt2.decode(gpt2.encode(prompt)) == prompt
    assert gpt2.decode([*gpt2.encode("a"), 0]) == "a"
    assert gpt2.encode("") == []


@pytest.mark.parametrize("kind", CONFIGS)
def test_next_token_logits_are_those_of_transformers(folder, kind):
    model, plain = load(kind, folder), network(kind)
    for prompt in PROMPTS:
        ids = torch.tensor([tokenizer()(prompt)["input_ids"]])
        with torch.inference_mode():
            want = plain(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
        got = model.next_token_logits(prompt)
        assert got.shape == (VOCABULARY,)
        assert got.dtype == torch.float32
        assert float((got - want).abs().max()) <= 1e-4 * float(want.abs().max())


def test_next_token_logits_of_a_bad_prompt(gpt2):
    with pytest.raises(PromptError, match="at least one token"):
        gpt2.next_token_logits("")
    with pytest.raises(PromptError, match="context of 256"):
        gpt2.next_token_logits("!" * 257)
    assert gpt2.next_token_logits("!" * 256).shape == (VOCABULARY,)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(folder, gpt2, dtype):
    model = load("gpt2", folder, dtype=dtype)
    assert model.dtype == dtype
    got, want = model.next_token_logits(PROMPTS[0]), gpt2.next_token_logits(PROMPTS[0])
    assert got.dtype == torch.float32
    assert 0 < float((got - want).abs().max() / want.abs().max()) < 0.05
    sample = generate(model, PROMPTS[0], SamplingParams(temperature=0.7), max_new_tokens=10)[0]
    assert sample.token_ids


def test_auto_is_what_the_checkpoint_has(tmp_path):
    network("gpt2").to(torch.bfloat16).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert load_model(tmp_path, dtype="auto").dtype == "bfloat16"
    assert load_model(tmp_path).dtype == "float32"


def test_several_tokens_may_end_a_text(copy):
    generation = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**generation, "eos_token_id": [0, 11]}))
    assert load_model(copy).end_of_text == {0, 11}


def test_memory_of_a_row_is_counted(folder):
    for kind in CONFIGS:
        model = load(kind, folder)
        short, long = model.row_bytes(10), model.row_bytes(250)
        assert 0 < short < long
        assert model.free_bytes() > 0
    llama = load("llama", folder)  # 2 layers, keys and values, 2 heads of 8, float32
    assert llama.row_bytes(250) - llama.row_bytes(10) == 2 * 2 * 2 * 8 * 240 * 4


def test_rows_beyond_the_original_context_are_counted_without_a_cache(folder):
    model = load("longrope", folder)
    border = int(rotation_border(model.network))
    width = model.network.config.hidden_size
    assert model.row_bytes(border + 1) - 64 * model.vocabulary == (border + 1) * 4 * (2 * model.vocabulary + 16 * width)
    assert model.row_bytes(border) - model.row_bytes(border - 1) < 4 * 16 * width


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/no/such/folder", "./no-such", "../no-such", "~/no-such-folder", "", "  "])
def test_no_such_path(name):
    assert repr(name) in refused(ModelNotFoundError, name)


@pytest.mark.parametrize(
    "name", ["a/b/c", "what is this?", "~nobody-of-this-name/x", "\0", "x" * 5000, "bad--name/..x"]
)
def test_names_that_the_hub_would_not_have(name, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError):
        load_model(name)


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model.bin").write_text("x")
    assert "folder" in refused(ModelNotFoundError, tmp_path / "model.bin")


def test_an_empty_folder(tmp_path):
    assert str(tmp_path) in refused(ModelNotFoundError, tmp_path)


def test_offline(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    said = refused(ModelUnreachableError, "nobody/no-such-model-of-any-name")
    assert "'nobody/no-such-model-of-any-name'" in said
    assert "connect" in said
    assert "local folder" in said


def test_no_network(monkeypatch, capfd):
    """The hub's own stack, sent to a port where nobody answers."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits to try again"))
    said = refused(ModelUnreachableError, "nobody/no-such-model-of-any-name", revision="v1")
    assert "revision 'v1'" in said
    assert capfd.readouterr() == ("", "")  # one line of ours, and nothing of the retries


def test_a_revision_of_a_folder(folder, gpt2):
    assert "'v1'" in refused(InputError, folder / "gpt2", revision="v1")


@pytest.mark.parametrize("dtype", ["float64", "int8", "fp16", ""])
def test_an_unknown_dtype(folder, dtype):
    said = refused(InputError, folder / "gpt2", dtype=dtype)
    assert "float32, bfloat16, float16, auto" in said
    assert repr(dtype) in said


@pytest.mark.parametrize("device", ["tpu", "gpu", "", "cuda:x", "meta", "cuda:99"])
def test_an_unknown_device(folder, gpt2, device):
    assert repr(device) in refused(InputError, folder / "gpt2", device=device)


@pytest.mark.parametrize("kind", ["vit", "t5"])
def test_not_a_causal_language_model(tmp_path, kind):
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    model = (
        ViTModel(ViTConfig(image_size=8, patch_size=4, **small))
        if kind == "vit"
        else T5EncoderModel(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, vocab_size=VOCABULARY))
    )
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    said = refused(NotCausalLMError, tmp_path)
    assert f"of type '{kind}'" in said
    assert "gpt2" in said


def test_no_tokenizer(tmp_path):
    said = refused(TokenizerError, save("gpt2", tmp_path / "m", with_tokenizer=False))
    assert "tokenizer" in said
    assert "save" in said


def test_a_broken_tokenizer(copy):
    (copy / "tokenizer.json").write_text('{"model": {"type": "BPE", ')
    refused(TokenizerError, copy)


def test_a_tokenizer_of_another_model(copy):
    larger = json.loads((copy / "tokenizer.json").read_text())
    larger["added_tokens"].append({**larger["added_tokens"][0], "id": VOCABULARY, "content": "<|new|>"})
    (copy / "tokenizer.json").write_text(json.dumps(larger))
    model = load_model(copy)
    assert len(generate(model, "as ever", max_new_tokens=2)) == 1
    with pytest.raises(TokenizerError, match=f"gives token {VOCABULARY}, but the model has {VOCABULARY}"):
        generate(model, "now <|new|>", max_new_tokens=2)


@pytest.mark.parametrize("config", ["", "{", "[]", "null", '{"model_type": "no-such-type"}', "{}"])
def test_a_corrupt_config(copy, config):
    (copy / "config.json").write_text(config)
    refused(ModelError, copy)


@pytest.mark.parametrize("keep", [0, 7, 100, 20_000])
def test_cut_weights(copy, keep):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    refused(ModelError, copy)


def test_no_weights(copy):
    (copy / "model.safetensors").unlink()
    refused(ModelError, copy)


def test_weights_that_lack_a_tensor(copy):
    """transformers would fill it with random numbers and say so in a log."""
    weights = load_file(copy / "model.safetensors")
    del weights["transformer.h.1.mlp.c_fc.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    said = refused(ModelError, copy)
    assert "transformer.h.1.mlp.c_fc.weight" in said


def test_weights_of_another_shape(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "n_embd": 64}))
    refused(ModelError, copy)


def test_code_from_a_folder_is_not_run(copy):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "my-own", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "code.py").write_text("raise SystemExit('was run')")
    refused(ModelError, copy)


def test_more_than_the_memory(folder, gpt2, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    said = refused(ModelMemoryError, folder / "gpt2")
    assert "billion parameters" in said
    assert "smaller model" in said
    need = sum(p.numel() for p in network("gpt2").parameters())
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=need * 3))
    refused(ModelMemoryError, folder / "gpt2")
    assert load("gpt2", folder, dtype="bfloat16").dtype == "bfloat16"  # half of it fits


@pytest.mark.parametrize(
    "fault",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory: 9 GB")],
)
@pytest.mark.parametrize(
    ("kind", "reads"),
    [("gpt2", "safetensors.torch.load_file"), ("bloom", "transformers.AutoModelForCausalLM.from_pretrained")],
)
def test_out_of_memory_on_the_way(folder, monkeypatch, fault, kind, reads):
    def fail(*_, **__):
        raise fault

    save(kind, folder / f"full of {kind}")
    monkeypatch.setattr(reads, fail)
    assert "out of memory" in refused(ModelMemoryError, folder / f"full of {kind}")
