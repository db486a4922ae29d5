"""Every architecture: the model of the file is the network that the file was written from."""

from __future__ import annotations

import gguf
import pytest
import torch
from gguf import GGMLQuantizationType as Kind

from tests import gguf_files
from tests.tiny import PROMPTS, tokenizer
from thermoscope import InputError, ModelError, SamplingParams, generate, load_model
from thermoscope.errors import NotCausalLMError

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers on its own configurations


def logits(network, ids):
    with torch.inference_mode():
        return network(input_ids=torch.tensor([ids])).logits[0, -1]


def assert_same(model, want) -> None:
    for prompt in PROMPTS:
        ids = tokenizer()(prompt)["input_ids"]
        assert model.encode(prompt) == ids
        got, expected = model.next_token_logits(prompt), logits(want, ids)
        assert float((got - expected).abs().max()) <= 1e-4 * float(expected.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("kind", gguf_files.CONFIGS)
def test_logits_are_those_of_the_network(tmp_path, kind):
    want = gguf_files.write(tmp_path / "a.gguf", kind)
    model = load_model(tmp_path / "a.gguf")
    assert_same(model, want)
    assert model.context_length == want.config.max_position_embeddings
    assert model.vocabulary == want.config.vocab_size
    assert model.end_of_text == {0}
    assert not [note for note in model.notes if "not used" in note]


@pytest.mark.parametrize("quantisation", [Kind.F16, Kind.BF16, Kind.Q8_0, Kind.Q4_0, Kind.Q4_1, Kind.Q5_1])
def test_quantised_weights_are_what_the_file_holds(tmp_path, quantisation):
    want = gguf_files.write(tmp_path / "a.gguf", "llama", quantisation)
    plain = gguf_files.network("llama")
    model = load_model(tmp_path / "a.gguf")
    assert_same(model, want)
    ids = tokenizer()(PROMPTS[0])["input_ids"]
    assert not torch.equal(logits(plain, ids), logits(want, ids))  # what the file holds is not what it was made from
    assert any(quantisation.name in note for note in model.notes)


@pytest.mark.parametrize(
    ("quantisation", "dtype"), [(Kind.F16, "float16"), (Kind.BF16, "bfloat16"), (Kind.Q8_0, "float32")]
)
def test_auto_is_the_files_own_type(tmp_path, quantisation, dtype):
    gguf_files.write(tmp_path / "a.gguf", "llama", quantisation)
    assert load_model(tmp_path / "a.gguf", dtype="auto").dtype == dtype


def test_bfloat16_is_dequantised_to_float32_first(tmp_path):
    want = gguf_files.write(tmp_path / "a.gguf", "llama", Kind.Q8_0)
    model = load_model(tmp_path / "a.gguf", dtype="bfloat16")
    assert model.dtype == "bfloat16"
    got, expected = model.next_token_logits(PROMPTS[0]), logits(want, tokenizer()(PROMPTS[0])["input_ids"])
    assert 0 < float((got - expected).abs().max() / expected.abs().max()) < 0.1


def test_texts_are_those_of_the_same_weights_saved_by_transformers(tmp_path):
    want = gguf_files.write(tmp_path / "a.gguf", "qwen3", Kind.Q8_0)
    want.save_pretrained(tmp_path / "folder")
    tokenizer().save_pretrained(tmp_path / "folder")
    models = [load_model(path) for path in (tmp_path / "a.gguf", tmp_path / "folder")]
    texts = [
        generate(model, PROMPTS[0], SamplingParams(temperature=0.9), seeds=range(3), max_new_tokens=12)
        for model in models
    ]
    assert [s.token_ids for s in texts[0]] == [s.token_ids for s in texts[1]]


def test_an_unknown_architecture(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match="architecture 'mamba'; known are llama"):
        load_model(tmp_path / "a.gguf")


def test_experts_are_refused(tmp_path):
    gguf_files.write(tmp_path / "a.gguf", "llama", more=lambda writer: writer.add_expert_count(8))
    with pytest.raises(ModelError, match="experts"):
        load_model(tmp_path / "a.gguf")


def test_a_tensor_that_the_architecture_does_not_have(tmp_path):
    def more(writer):
        import numpy as np

        writer.add_tensor("blk.0.ssm_a.weight", np.zeros(4, dtype=np.float32))

    gguf_files.write(tmp_path / "a.gguf", "llama", more=more)
    with pytest.raises(ModelError, match=r"blk\.0\.ssm_a\.weight, which is not part"):
        load_model(tmp_path / "a.gguf")


def test_a_bias_that_the_network_would_drop(tmp_path):
    def more(writer):
        import numpy as np

        writer.add_tensor("output_norm.bias", np.zeros(64, dtype=np.float32))

    gguf_files.write(tmp_path / "a.gguf", "llama", more=more)
    with pytest.raises(ModelError, match=r"more tensors than its architecture needs, such as model\.norm\.bias"):
        load_model(tmp_path / "a.gguf")


def test_a_key_that_is_not_used_is_named(tmp_path):
    gguf_files.write(tmp_path / "a.gguf", "qwen2", more=lambda writer: writer.add_uint32("qwen2.some.thing", 2))
    assert "not used of the GGUF file: qwen2.some.thing" in load_model(tmp_path / "a.gguf").notes


def test_a_key_that_changes_logits_in_an_unknown_way(tmp_path):
    gguf_files.write(tmp_path / "a.gguf", "qwen2", more=lambda writer: writer.add_logit_scale(2.0))
    with pytest.raises(ModelError, match=r"has qwen2\.logit_scale, which is not supported"):
        load_model(tmp_path / "a.gguf")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (lambda writer: writer.add_type("adapter"), "of the type 'adapter', not a model"),
        (lambda writer: writer.add_causal_attention(False), "does not continue text"),
    ],
)
def test_a_file_that_does_not_continue_text(tmp_path, more, said):
    gguf_files.write(tmp_path / "a.gguf", "qwen2", more=more)
    with pytest.raises(NotCausalLMError, match=said):
        load_model(tmp_path / "a.gguf")


def test_a_scaling_of_positions_that_is_not_known(tmp_path):
    def more(writer):
        writer.add_string("qwen2.rope.scaling.type", "spiral")
        writer.add_rope_scaling_factor(2.0)

    gguf_files.write(tmp_path / "a.gguf", "qwen2", more=more)
    with pytest.raises(ModelError, match="'spiral', which is not supported"):
        load_model(tmp_path / "a.gguf")


def test_divisors_that_no_rule_gives(tmp_path):
    """Rotary frequencies divided one by one, as no configuration of Llama's says."""
    import numpy as np

    divisors = np.linspace(1, 3, 8, dtype=np.float32)
    plain = gguf_files.write(tmp_path / "b.gguf", "llama")
    gguf_files.write(tmp_path / "a.gguf", "llama", more=lambda writer: writer.add_tensor("rope_freqs.weight", divisors))
    rotary = plain.model.rotary_emb
    rotary.inv_freq = rotary.inv_freq / torch.from_numpy(divisors)
    assert_same(load_model(tmp_path / "a.gguf"), plain)


def test_ends_and_sampling_of_the_file(tmp_path):
    def more(writer):
        writer.add_eot_token_id(7)
        writer.add_sampling_temp(0.6)
        writer.add_sampling_top_k(20)
        writer.add_sampling_mirostat(2)

    gguf_files.write(tmp_path / "a.gguf", "llama", more=more)
    model = load_model(tmp_path / "a.gguf")
    assert model.end_of_text == {0, 7}
    assert "not used of what the GGUF file recommends for sampling: mirostat" in model.notes
    from thermoscope.engines.model_config import model_settings

    own = model_settings(model)
    assert own is not None
    assert (own.params.temperature, own.params.top_k) == (pytest.approx(0.6), 20)


def test_a_revision_is_not_for_files(tmp_path):
    gguf_files.write(tmp_path / "a.gguf", "llama")
    with pytest.raises(InputError, match="revision is for models of the hub"):
        load_model(tmp_path / "a.gguf", revision="main")
    assert load_model(tmp_path / "a.gguf").revision.startswith("sha256:")
    assert load_model(f"gguf/{tmp_path / 'a.gguf'}").name.startswith("gguf/")
