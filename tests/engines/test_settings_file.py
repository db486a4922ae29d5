"""``read_settings``: from a file as from what a model recommends."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes import FakeModel
from thermoscope import Imported, InputError, SamplingParams, read_settings


def test_a_file_is_read_as_its_engine_would(tmp_path: Path) -> None:
    path = tmp_path / "generation_config.json"
    path.write_text('{"do_sample": true, "temperature": 0.6, "top_k": 40, "max_length": 20}')
    for given in (path, str(path)):
        found = read_settings(given)
        assert isinstance(found, Imported)
        assert (found.params, found.engine) == (SamplingParams(temperature=0.6, top_k=40), "transformers")
        assert found.aside == ("max_length",)


def test_the_format_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    path.write_text('{"temperature": 0.5}')
    with pytest.raises(InputError, match="the format is ambiguous"):
        read_settings(path)
    assert read_settings(path, format="vllm").params.temperature == 0.5
    with pytest.raises(InputError, match="unknown engine 'vlm'"):
        read_settings(path, format="vlm")


#: What models say in their generation_config.json, or under general.sampling of a GGUF file.
QWEN = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "eos_token_id": [1]}


@pytest.mark.parametrize(
    ("text", "engine", "said", "given"),
    [
        ("vllm serve q --override-generation-config '{\"temperature\": 0.5}'", None, QWEN,
         {"temperature": 0.5, "top_k": 20, "top_p": 0.95}),
        ("vllm serve q --generation-config vllm --override-generation-config '{\"temperature\": 0.5}'", None, QWEN,
         {"temperature": 0.5}),
        ('{"sampling_params": {"top_p": 0.8}}', None, QWEN, {"temperature": 0.6, "top_k": 20, "top_p": 0.8}),
        ("--temp 0.5", None, QWEN, {"temperature": 0.5, "top_k": 20, "top_p": 0.95, "min_p": 0.05}),
        ("--temp 0.5", None, {"top_k": 0, "min_p": 0.0}, {"temperature": 0.5, "top_p": 0.95}),
        ('{"top_p": 0.8}', "transformers", QWEN, {"temperature": 0.6, "top_k": 20, "top_p": 0.8}),
        ('{"top_p": 0.8, "do_sample": true}', "transformers", {}, {"top_k": 50, "top_p": 0.8}),
        ('{"temperature": 0.5}', "openai", QWEN, {"temperature": 0.5}),
    ],
)  # fmt: skip
def test_what_is_absent_comes_from_the_model_behind_the_engine(
    tmp_path: Path, text: str, engine: str | None, said: dict[str, Any], given: dict[str, Any]
) -> None:
    path, model = tmp_path / "settings", FakeModel()
    path.write_text(text)
    model.network = SimpleNamespace(  # type: ignore[attr-defined]
        generation_config=SimpleNamespace(to_diff_dict=lambda: said)
    )
    back = read_settings(path, format=engine, behind=model)
    assert back.params.given == given
    assert not back.notes
    for name, value in back.added.items():
        assert given[name] == value


@pytest.mark.parametrize(
    ("text", "engine", "whose"),
    [
        ("--temp 0.5", None, "top_k, top_p, min_p and repeat_penalty are not in the settings.*GGUF.*own stands"),
        ('{"top_p": 0.8, "do_sample": true}', "transformers", r"temperature.*generation_config\.json.*own stands"),
    ],
)
def test_without_the_model_both_are_named(tmp_path: Path, text: str, engine: str | None, whose: str) -> None:
    path = tmp_path / "settings"
    path.write_text(text)
    back = read_settings(path, format=engine)
    assert re.search(whose, back.notes[0])
    assert read_settings(path, format=engine, strict=True) == back
    config = tmp_path / "generation_config.json"
    config.write_text('{"do_sample": true, "top_p": 0.8}')
    assert not read_settings(config).notes


def test_strict_refuses_what_is_different(tmp_path: Path) -> None:
    path = tmp_path / "flags.txt"
    path.write_text("--temp 0.8 --presence-penalty 1.2 --repeat-last-n 64")
    assert read_settings(path).different
    with pytest.raises(InputError, match="is not exactly one of ours"):
        read_settings(path, strict=True)


def test_a_models_own_settings() -> None:
    model = FakeModel()
    with pytest.raises(InputError, match=r"fake has no generation_config\.json with sampling parameters"):
        read_settings(model=model)
    fields = {"temperature": 0.6, "top_p": 0.9, "do_sample": True}
    config = SimpleNamespace(to_diff_dict=lambda: fields)
    model.network = SimpleNamespace(generation_config=config)  # type: ignore[attr-defined]
    assert read_settings(model=model).params == SamplingParams(temperature=0.6, top_p=0.9)
    del fields["do_sample"]  # as export --from reads a generation_config.json
    greedy = read_settings(model=model)
    assert (greedy.params, [r.field for r in greedy.ignored]) == (
        SamplingParams(temperature=0),
        ["temperature", "top_p"],
    )
    fields |= {
        "do_sample": True,
        "suppress_tokens": [3],
        "min_new_tokens": 5,
        "min_length": 9,
        "transformers_version": "5",
    }
    masked = read_settings(model=model)
    assert masked.params.logit_bias == ((3, -1e4),)
    assert masked.params.min_new_tokens == 5
    assert [r.field for r in masked.different] == ["min_length"]
    with pytest.raises(InputError, match="format and strict are for files"):
        read_settings(model=model, strict=True)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give a file or model=, one of them; got neither"):
        read_settings()
    with pytest.raises(InputError, match=r"got both"):
        read_settings(tmp_path, model=FakeModel())
    with pytest.raises(InputError, match=r"none: there is no such file"):
        read_settings(tmp_path / "none")
    (tmp_path / "latin.json").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"latin\.json, line 1: a setting must be UTF-8; byte 0xe9"):
        read_settings(tmp_path / "latin.json")


def test_a_file_named_after_an_engine_is_that_engines(tmp_path: Path) -> None:
    fields = '{"temperature": 1.3, "top_p": 1.0, "top_k": -1, "min_p": 0.02, "max_tokens": 9}'
    for name, engine in (("vllm.json", "vllm"), ("my-sglang.json", "sglang")):
        (tmp_path / name).write_text(
            fields.replace("max_tokens", "max_new_tokens" if engine == "sglang" else "max_tokens")
        )
        found = read_settings(tmp_path / name, ours=True)
        assert (found.engine, found.params.top_k, found.params.min_p) == (engine, None, 0.02)
    (tmp_path / "mine.json").write_text('{"temperature": 1.3, "top_k": -1}')
    with pytest.raises(InputError, match="the format is ambiguous"):  # -1 is how engines say that top_k is off
        read_settings(tmp_path / "mine.json", ours=True)
    (tmp_path / "mine.json").write_text('{"temperature": -1, "top_k": 5}')
    with pytest.raises(InputError, match="temperature must be at least 0; got -1"):
        read_settings(tmp_path / "mine.json", ours=True)
