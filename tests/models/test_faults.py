"""Models that are wrong: nothing is left out in silence, and each fault names what to do."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests import gguf_files, tiny
from thermoscope import ModelError, generate, load_model
from thermoscope.errors import ModelMemoryError
from thermoscope.metrics.scoring import score
from thermoscope.models.huggingface import TransformersModel

LAYERS = {"gpt2": "n_layer", "llama": "num_hidden_layers"}
KINDS = pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("gpt2", "llama", "gemma3"):
        tiny.save(kind, folder / kind)
    return folder


@pytest.fixture
def spoiled(folders: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a model, with other fields in its configuration."""

    def copy(kind: str, **fields: Any) -> Path:
        folder = Path(shutil.copytree(folders / kind, tmp_path / "model"))
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
        return folder

    return copy


def refused(folder: Path, kind: type[Exception] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        load_model(folder)
    said = str(caught.value)
    assert "\n" not in said and "\x1b" not in said
    assert ";" in said, f"no fix: {said}"
    return said


@KINDS
def test_weights_that_the_configuration_does_not_use(kind: str, spoiled: Callable[..., Path]) -> None:
    more = {"layer_types": ["full_attention"]} if kind == "gemma3" else {}
    folder = spoiled(kind, **{LAYERS.get(kind, "num_hidden_layers"): 1}, **more)
    assert "tensors that their configuration does not use, such as" in refused(folder)


@pytest.mark.parametrize("layers", [0, -1, 10_001, 10**9, 10**400])
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_number_of_layers_that_no_model_has(kind: str, layers: int, spoiled: Callable[..., Path]) -> None:
    assert "must be from 1 to 10,000" in refused(spoiled(kind, **{LAYERS[kind]: layers}))


@pytest.mark.parametrize("layers", ["two", 1.5, None, True])
def test_a_number_of_layers_that_is_none(layers: object, spoiled: Callable[..., Path]) -> None:
    assert "n_layer" in refused(spoiled("gpt2", n_layer=layers))


@KINDS
@pytest.mark.parametrize("end", [tiny.VOCABULARY, 10**9, -1, "x", 1.5, [0, 999], True])
def test_an_end_of_text_outside_the_vocabulary(kind: str, end: object, spoiled: Callable[..., Path]) -> None:
    folder = spoiled(kind)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": end}), encoding="utf-8")
    said = refused(folder)
    assert f"must end at a token from 0 to {tiny.VOCABULARY - 1}; its configuration says" in said


def test_an_end_of_text_outside_the_vocabulary_in_the_configuration_alone(spoiled: Callable[..., Path]) -> None:
    folder = spoiled("gpt2", eos_token_id=5000)
    (folder / "generation_config.json").unlink()
    assert "its configuration says 5000" in refused(folder)


@KINDS
def test_an_unknown_quantisation(kind: str, spoiled: Callable[..., Path]) -> None:
    said = refused(spoiled(kind, quantization_config={"quant_method": "nothing", "bits": 3}))
    assert "quantised in a way that transformers does not know: 'nothing'" in said


@pytest.mark.parametrize("method", ["gptq", "awq", "fp8"])
def test_a_quantisation_whose_package_is_missing(method: str, spoiled: Callable[..., Path]) -> None:
    said = refused(spoiled("llama", quantization_config={"quant_method": method, "bits": 4}))
    assert "or name the model that the weights were made from" in said


class _Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must not be run",)


@KINDS
def test_pickled_weights_are_not_run_and_the_guard_stays_on(
    kind: str, spoiled: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = spoiled(kind)
    (folder / "model.safetensors").unlink()
    torch.save({"a": _Program()}, folder / "pytorch_model.bin")
    said = refused(folder)
    assert "convert them to safetensors" in said
    assert "weights_only" not in said
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": _Program()}))
    refused(folder)
    assert "must not be run" not in capfd.readouterr().out


def test_pickled_tensors_alone_are_read(spoiled: Callable[..., Path], folders: Path) -> None:
    folder = spoiled("gpt2")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    same = [load_model(place).next_token_logits("A").tolist() for place in (folder, folders / "gpt2")]
    assert same[0] == pytest.approx(same[1], abs=1e-4)


def test_weights_of_another_shape(spoiled: Callable[..., Path]) -> None:
    folder = spoiled("llama")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "other shapes than its config.json says; use the config.json that belongs to them" in refused(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 30_000, '{"model_type": "nothing"}', "{}"])
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_files_of_another_content(file: str, content: str, spoiled: Callable[..., Path]) -> None:
    folder = spoiled("gpt2")
    (folder / file).write_text(content, encoding="utf-8")
    refused(folder)


@pytest.mark.parametrize("kept", [0, 7, 1000])
def test_weights_that_are_cut(kept: int, spoiled: Callable[..., Path]) -> None:
    folder = spoiled("llama")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:kept])
    assert "download them again" in refused(folder)


def patched(path: Path, key: str, value: int) -> Path:
    """A GGUF file with another 32-bit number under a key."""
    gguf_files.write(path, "llama")
    whole = bytearray(path.read_bytes())
    place = whole.index(key.encode()) + len(key) + 4  # behind the number that says the type
    whole[place : place + 4] = value.to_bytes(4, "little")
    path.write_bytes(whole)
    return path


def test_a_gguf_file_with_more_layers_than_it_says(tmp_path: Path) -> None:
    said = refused(patched(tmp_path / "a.gguf", "llama.block_count", 2))
    assert "the GGUF file has more tensors than its architecture needs, such as model.layers.2." in said


@pytest.mark.parametrize("which", ["eos", "bos"])
def test_a_gguf_file_whose_end_is_no_token(which: str, tmp_path: Path) -> None:
    said = refused(patched(tmp_path / "a.gguf", f"tokenizer.ggml.{which}_token_id", 5000))
    assert f"names token 5000 as {which}_token_id, but has 320 tokens; convert the model again" in said


# --- memory ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bloom() -> TransformersModel:
    """ALiBi, whose attention is written out: the scores of every pair of tokens are in memory."""
    network = AutoModelForCausalLM.from_config(deepcopy(tiny.CONFIGS["bloom"])).eval()
    return TransformersModel(network, tiny.tokenizer(), name="bloom", revision=None)


def test_attention_that_is_written_out_is_counted(bloom: TransformersModel) -> None:
    scores = 4 * 4  # heads, bytes of a float32
    for length in (10_000, 30_000):
        assert 4 * scores * length**2 < bloom.row_bytes(length) < 6 * scores * length**2


def test_a_text_that_does_not_fit_is_said_before_anything_runs(
    bloom: TransformersModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bloom, "free_bytes", lambda: 4 * 10**9)
    monkeypatch.setattr(bloom.network, "forward", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(ModelMemoryError, match=r"a text of 30,0\d\d tokens, with its prompt, needs about 6\d\.\d GB"):
        generate(bloom, "a " * 15_000, max_new_tokens=30_000 - len(bloom.encode("a " * 15_000)) + 9)


def test_ordinary_attention_needs_no_such_memory() -> None:
    config = deepcopy(tiny.CONFIGS["llama"])
    config.max_position_embeddings = 40_000
    model = TransformersModel(AutoModelForCausalLM.from_config(config).eval(), tiny.tokenizer(), name="x", revision="1")
    assert model.row_bytes(30_000) < 10**8


def test_texts_are_scored_in_parts_that_fit(bloom: TransformersModel, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Once upon a time " * n for n in (3, 4, 5, 6)]
    whole = score(bloom, [""] * 4, texts).logprobs.values
    longest = max(len(bloom.encode(text)) for text in texts)
    monkeypatch.setattr(bloom, "free_bytes", lambda: 2 * bloom.row_bytes(longest + 1))
    assert score(bloom, [""] * 4, texts).logprobs.values == pytest.approx(whole, abs=1e-4)
    monkeypatch.setattr(bloom, "free_bytes", lambda: 1000)
    with pytest.raises(ModelMemoryError):
        score(bloom, [""], texts[:1])
