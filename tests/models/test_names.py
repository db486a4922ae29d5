"""Names of models, endpoints among them, and arguments."""

from __future__ import annotations

import pytest

from thermoscope import InputError, load_model
from thermoscope.models.names import ENDPOINTS, arguments, parse_name


@pytest.mark.parametrize(
    ("given", "provider", "model"),
    [
        (None, "bundled", "bundled"),
        ("bundled", "bundled", "bundled"),
        ("smollm2", "smollm2", "smollm2"),
        ("gpt2", "hf", "gpt2"),
        ("HuggingFaceTB/SmolLM2-135M", "hf", "HuggingFaceTB/SmolLM2-135M"),
        ("hf/gpt2", "hf", "gpt2"),
        ("hf/openai/gpt-oss-20b", "hf", "openai/gpt-oss-20b"),
        ("gguf/some/file", "gguf", "some/file"),
        ("some/File.GGUF", "gguf", "some/File.GGUF"),
        ("~/a.gguf", "gguf", "~/a.gguf"),
        ("", "hf", ""),
    ],
)
def test_models_that_run_here(given, provider, model):
    name = parse_name(given)
    assert (name.provider, name.model, name.base_url) == (provider, model, None)
    assert not name.is_endpoint
    assert name.key_variable is None
    assert name.given == ("bundled" if given is None else given)


@pytest.mark.parametrize("provider", [name for name, address in ENDPOINTS.items() if address])
def test_endpoints_have_addresses(provider):
    name = parse_name(f"{provider}/some/model")
    assert (name.provider, name.model, name.base_url) == (provider, "some/model", ENDPOINTS[provider])
    assert name.is_endpoint
    assert name.key_variable == provider.replace("-", "_").upper() + "_API_KEY"
    assert parse_name(f"{provider}/m", "https://other:1/v1/").base_url == "https://other:1/v1"


def test_an_endpoint_without_a_default_address():
    name = parse_name("openai-api/groq/llama", "http://localhost:9/v1")
    assert (name.model, name.key_variable) == ("groq/llama", "GROQ_API_KEY")
    assert parse_name("openai-api/m", "http://localhost:9/v1").key_variable == "OPENAI_API_KEY"
    with pytest.raises(InputError, match="add --base-url"):
        parse_name("openai-api/m")


@pytest.mark.parametrize(
    ("given", "address", "said"),
    [
        ("vllm/", None, "must be followed by a model"),
        ("hf/ ", None, "must be followed by a model"),
        ("gguf/", None, "must be followed by a model"),
        ("vllm/m", "localhost:8000", "must begin with http"),
        ("gpt2", "http://localhost:8000", "a base URL is for endpoints"),
    ],
)
def test_names_that_break_the_rules(given, address, said):
    with pytest.raises(InputError, match=said):
        parse_name(given, address)


def test_a_folder_of_that_name_goes_first(tmp_path, monkeypatch):
    (tmp_path / "vllm" / "m").mkdir(parents=True)
    (tmp_path / "hf").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_name("vllm/m").provider == "hf"
    assert parse_name("vllm/other").provider == "vllm"
    assert parse_name("hf/gpt2").model == "gpt2"


def test_an_endpoint_has_no_logits():
    with pytest.raises(InputError, match="vllm/m is behind an endpoint, so its logits are not at hand"):
        load_model("vllm/m")


def test_arguments():
    words = ["a=1", "b=0.5", "c=true", "d=False", "e=null", "f=text", "g=x=y", "h-i=[1]", "j="]
    assert arguments(words) == {
        "a": 1, "b": 0.5, "c": True, "d": False, "e": None, "f": "text", "g": "x=y", "h_i": [1], "j": "",
    }  # fmt: skip
    assert arguments([]) == {}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(InputError):
            arguments(wrong)
