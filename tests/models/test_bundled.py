"""The bundled model: small, whole, and able to do what the demonstration asks of it."""

import json

import pytest

import thermoscope
from thermoscope.models.load import BUNDLED

STORY = "Once upon a time, in a distant galaxy, there was a spaceship called Voyager."


@pytest.fixture(scope="module")
def model():
    return thermoscope.load_model()


def test_its_files_are_within_16_megabytes_and_in_half_precision():
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 16_000_000
    from safetensors import safe_open

    with safe_open(BUNDLED / "model.safetensors", "pt") as weights:
        assert {str(weights.get_tensor(name).dtype) for name in weights.keys()} == {"torch.float16"}  # noqa: SIM118


def test_it_is_what_its_config_says(model):
    config = json.loads((BUNDLED / "config.json").read_text())
    assert config["architectures"] == ["GPT2LMHeadModel"]
    assert model.name == "bundled"
    assert model.revision.startswith("sha256:")
    assert model.context_length >= 512
    assert model.vocabulary == config["vocab_size"]
    assert len(model.end_of_text) == 1
    assert model.notes == ()


def test_its_tokenizer_gives_back_any_text(model):
    for text in (STORY, "naïve café — 東京 🚀\n\ttabs", "\x00\x1b[2J"):
        assert model.decode(model.encode(text)) == text


def test_low_temperature_repeats_more_than_high(model):
    comparison = thermoscope.compare(model, STORY, [0.2, 0.9], seeds=range(8), max_new_tokens=100)
    mean = {
        setting.temperature: [
            sum(t.measures[name] or 0.0 for t in comparison.texts if t.sample.params == setting) / 8
            for name in ("rep_4", "perplexity")
        ]
        for setting in comparison.settings
    }
    assert mean[0.2][0] > mean[0.9][0]
    assert mean[0.2][1] < mean[0.9][1]


def test_it_writes_words_of_the_prompts_kind(model):
    """A trained model's greedy text is far likelier to it than chance: under 4 nats a token."""
    (sample,) = thermoscope.generate(model, STORY, thermoscope.SamplingParams(temperature=0), max_new_tokens=40)
    assert -sum(sample.logprobs) / len(sample.logprobs) < 4
