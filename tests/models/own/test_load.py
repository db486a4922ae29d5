"""Networks and tokenizers read without transformers: equal to the way through it, or left to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config

from tests.tiny import PROMPTS, VOCABULARY, load, network, save, tokenizer
from tests.tiny_cli import environment
from thermoscope import SamplingParams, generate, load_model
from thermoscope.engines.model_config import model_settings
from thermoscope.models import load as load_module
from thermoscope.models.own.load import read_folder
from thermoscope.models.own.network import OwnNetwork

_TINY: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.3}
_SHAPE: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
OTHERS = {
    "qwen2": Qwen2Config(**_TINY, **_SHAPE, num_key_value_heads=2, tie_word_embeddings=True),
    "llama with biases": LlamaConfig(**_TINY, **_SHAPE, num_key_value_heads=1, attention_bias=True, mlp_bias=True),
    "gpt2 scaled by layer": GPT2Config(
        **_TINY, n_embd=32, n_layer=2, n_head=2, scale_attn_by_inverse_layer_idx=True, activation_function="gelu_new"
    ),
}


def saved(kind: str, folder: Path) -> Path:
    """A folder with a tiny model of a kind."""
    if kind not in OTHERS:
        return save(kind, folder)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(OTHERS[kind]).save_pretrained(folder / kind)
    tokenizer().save_pretrained(folder / kind)
    return folder / kind


def both_ways(path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str = "float32") -> tuple[Any, Any]:
    """The model by our own network, and through transformers."""
    own = load_model(path, dtype=dtype)
    assert isinstance(own.network, OwnNetwork)
    with monkeypatch.context() as patch:
        patch.setattr(load_module, "read_folder", lambda *_: None)
        theirs = load_model(path, dtype=dtype)
    assert not isinstance(theirs.network, OwnNetwork)
    return own, theirs


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", *OTHERS])
def test_logits_texts_and_ends_are_those_of_the_way_through_transformers(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, theirs = both_ways(saved(kind, tmp_path), monkeypatch)
    for prompt in PROMPTS:
        assert own.encode(prompt) == theirs.encode(prompt)
        ids = own.encode(prompt)
        assert own.decode(ids) == theirs.decode(ids)
        ours, wanted = own.next_token_logits(prompt), theirs.next_token_logits(prompt)
        assert float((ours - wanted).abs().max()) <= 1e-5 * max(1.0, float(wanted.abs().max()))
    long = [n % VOCABULARY for n in range(60)]
    rows = [model.rows(capacity=3, length=64) for model in (own, theirs)]
    for contexts in ([long, [*long[:20], 5]], [[*long[:20], 7, 8]]):  # shared beginnings, and rows beside others
        ours, wanted = (some.add(contexts) for some in rows)
        assert float((ours - wanted).abs().max()) <= 1e-5 * max(1.0, float(wanted.abs().max()))
    assert (own.ends, own.end_of_text, own.vocabulary, own.context_length) == (
        theirs.ends, theirs.end_of_text, theirs.vocabulary, theirs.context_length
    )  # fmt: skip
    assert (own.revision, own.row_bytes(30)) == (theirs.revision, theirs.row_bytes(30))
    params = [SamplingParams(temperature=t) for t in (0.0, 0.7, 1.3)]
    texts = [generate(model, PROMPTS[0], params, seeds=[1, 2], max_new_tokens=30) for model in (own, theirs)]
    assert [sample.token_ids for sample in texts[0]] == [sample.token_ids for sample in texts[1]]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_bfloat16_differs_by_its_rounding_alone(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, theirs = both_ways(saved(kind, tmp_path), monkeypatch, "bfloat16")
    assert own.dtype == theirs.dtype == "bfloat16"
    ours, wanted = own.next_token_logits(PROMPTS[0]), theirs.next_token_logits(PROMPTS[0])
    assert float((ours - wanted).abs().max()) <= 0.03 * float(wanted.abs().max())


def test_settings_and_template_that_come_with_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved("gpt2", tmp_path)
    said = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "eos_token_id": [0, 11]}
    (path / "generation_config.json").write_text(json.dumps(said))
    (path / "chat_template.jinja").write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
    own, theirs = both_ways(path, monkeypatch)
    assert own.end_of_text == theirs.end_of_text == {0, 11}
    settings = model_settings(own), model_settings(theirs)
    assert settings[0] is not None
    assert settings[1] is not None
    assert settings[0].params == settings[1].params
    assert set(settings[1].aside) - set(settings[0].aside) <= {"transformers_version"}  # which is no setting
    assert own.chat and own.seen("hi") == theirs.seen("hi")


def test_unpacked_layers_step_through_the_modules(tmp_path: Path) -> None:
    found = read_folder(saved("llama", tmp_path), torch.device("cpu"), "float32")
    assert found is not None
    own, wanted = found[1], network("llama")
    ids = torch.tensor([[5, 6, 7], [8, 9, 10]])
    torch.testing.assert_close(own(ids).logits, wanted(input_ids=ids).logits.detach(), rtol=1e-5, atol=1e-5)


_CONFIG, _TOKENIZER = "config.json", "tokenizer_config.json"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (_CONFIG, {"model_type": "gpt_neo"}),
        (_CONFIG, {"architectures": ["Other"]}),
        (_CONFIG, {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}),
        (_CONFIG, {"hidden_act": "gelu"}),
        (_CONFIG, {"quantization_config": {}}),
        (_CONFIG, {"vocab_size": VOCABULARY + 1}),
        (_TOKENIZER, {"tokenizer_class": "LlamaTokenizerFast"}),
        (_TOKENIZER, {"add_bos_token": True}),
        (_TOKENIZER, {"eos_token": "<not there>"}),
        (_TOKENIZER, {"clean_up_tokenization_spaces": True}),
    ],
)
def test_what_is_not_plainly_supported_is_left_to_transformers(file: str, said: dict[str, Any], tmp_path: Path) -> None:
    path = saved("llama", tmp_path)
    assert read_folder(path, torch.device("cpu"), None) is not None
    given = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps({**given, **said}))
    assert read_folder(path, torch.device("cpu"), None) is None


@pytest.mark.parametrize("kind", ["mistral", "bloom", "gpt_neo"])
def test_windows_and_other_families_are_left_to_transformers(kind: str, tmp_path: Path) -> None:
    assert not isinstance(load(kind, tmp_path).network, OwnNetwork)


@pytest.mark.slow
def test_transformers_is_not_imported(tmp_path: Path) -> None:
    script = (
        "import sys, thermoscope; model = thermoscope.load_model(); "
        "thermoscope.generate(model, 'Once', thermoscope.SamplingParams(), max_new_tokens=2); "
        "print(sorted({'transformers', 'torch._dynamo'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, check=True)
    assert ran.stdout == b"[]\n"
