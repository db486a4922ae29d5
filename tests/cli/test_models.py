"""``thermoscope models``, and how the other commands give prompts to a model with a chat template."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from thermoscope.models import smollm2

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if loud is defined and loud %}LOUD{% endif %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def chatty(tiny_model, tmp_path) -> Path:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "chatty"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": TEMPLATE}))
    return folder


def test_what_is_at_hand_is_listed(cli, monkeypatch, tmp_path):
    monkeypatch.setattr(smollm2, "find", lambda: None)
    monkeypatch.setenv("THERMOSCOPE_CACHE", str(tmp_path))
    ran = cli("models")
    assert ran.code == 0
    assert "bundled" in ran.out
    assert "not installed" in ran.out
    listed = json.loads(cli("models", "list", "--json").out)
    assert listed[0]["name"] == "bundled"
    assert listed[0]["size_bytes"] > 1e6
    assert (listed[1]["name"], listed[1]["size_bytes"]) == ("smollm2", None)


def test_getting_smollm2_where_it_is(cli, monkeypatch):
    monkeypatch.setattr(smollm2, "find", lambda: Path("/somewhere/a.gguf"))
    assert "smollm2 is at /somewhere/a.gguf" in cli("models", "get", "smollm2").out
    ran = cli("models", "get", "gpt2")
    assert (ran.code, "only smollm2 can be fetched" in ran.err) == (2, True)


def record(cli, *arguments: str) -> dict:
    ran = cli("compare", "-t", "0.5", "-t", "1", "--max-new-tokens", "5", "--json", *arguments)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def texts(record: dict) -> list:
    return [text["sample"]["text"] if "sample" in text else text["text"] for text in record["texts"]]


def test_the_template_is_the_default_and_the_command_says_so(cli, chatty):
    chat = record(cli, "--model", str(chatty), "Once")
    raw = record(cli, "--model", str(chatty), "--raw", "Once")
    by_hand = record(cli, "--model", str(chatty), "--raw", "<user>Once\n<assistant>")
    assert texts(chat) == texts(by_hand)
    assert texts(chat) != texts(raw)
    assert " --chat " in chat["ran"]["command"]
    assert " --raw " in raw["ran"]["command"]
    assert any("whose first line is '<user>…'; --raw" in note for note in chat["ran"]["notes"])


def test_the_command_makes_it_again(cli, chatty):
    how = ("--model", str(chatty), "--system", "Be brief, 'please'.", "--chat-option", "loud=true", "Once")
    first = record(cli, *how)
    words = shlex.split(first["ran"]["command"])
    assert words[0] == "thermoscope"
    again = cli(*words[1 : words.index("--")], "--json", *words[words.index("--") :])
    assert texts(json.loads(again.out)) == texts(first)
    assert texts(record(cli, "--model", str(chatty), "Once")) != texts(first)


@pytest.mark.parametrize("command", ["compare", "inspect", "spectrum"])
def test_a_chat_is_refused_where_there_is_no_template(cli, tiny_model, command):
    ran = cli(command, "Once", "--model", str(tiny_model), "--chat")
    assert ran.code == 2
    assert "--chat needs a model with a chat template" in ran.err


def test_options_that_do_nothing_are_refused(cli, chatty):
    assert "no option quiet" in cli("compare", "x", "--model", str(chatty), "--chat-option", "quiet=1").err
    assert "key=value" in cli("compare", "x", "--model", str(chatty), "--chat-option", "quiet").err
    assert "-M knows revision, device and dtype" in cli("compare", "x", "-M", "bits=4").err
    assert "not both" in cli("compare", "x", "-M", "dtype=float32", "--dtype", "float32").err


def test_arguments_of_the_model(cli, chatty):
    assert record(cli, "--model", str(chatty), "-M", "dtype=bfloat16", "Once")["ran"]["dtype"] == "bfloat16"


def test_inspect_and_spectrum_see_the_template(cli, chatty):
    for command, rest in (("inspect", ("--tokens", "3")), ("spectrum", ("--max-new-tokens", "3"))):
        ran = cli(command, "Once", "--model", str(chatty), *rest, "--json")
        assert ran.code == 0, ran.err
        assert " --chat " in json.loads(ran.out)["ran"]["command"]


def test_an_endpoint_is_refused_where_logits_are_needed(cli):
    ran = cli("spectrum", "x", "--model", "vllm/some-model")
    assert (ran.code, "its logits are not at hand" in ran.err) == (2, True)


def test_a_run_knows_how_prompts_were_given(cli, chatty, tmp_path):
    case = tmp_path / "case.toml"
    case.write_text('title = "x"\nobjective = "creative"\n[[prompts]]\ntext = "Once"\n')
    how = ("measure", "--use-case", str(case), "-t", "0.5", "--seeds", "2", "--max-new-tokens", "6", "--json")
    made = {}
    for word in ("--chat", "--raw"):
        ran = cli(*how, "--model", str(chatty), "--run", str(tmp_path / word), word)
        assert ran.code == 0, ran.err
        made[word] = json.loads((tmp_path / word / "manifest.json").read_text())
        assert f" {word}" in made[word]["command"]
    assert made["--chat"]["id"] != made["--raw"]["id"]
    again = cli(*how, "--model", str(chatty), "--run", str(tmp_path / "--chat"), "--raw")
    assert again.code == 2
    assert "chat" in again.err
