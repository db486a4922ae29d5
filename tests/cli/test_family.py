"""``inspect``, ``export``, ``compare --vary`` and ``--params`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran

Cli = Callable[..., Ran]


BAD = [
    (["inspect"], "give a prompt"),
    (["inspect", "x", "-t", "-1"], "temperature must be at least 0; got -1"),
    (["inspect", "x", "--top-p", "2"], "top_p must be at most 1; got 2"),
    (["inspect", "x", "--dry-base", "2"], "dry_base does nothing without dry_multiplier"),
    (["inspect", "x", "--at-step", "-1"], "--at-step must be a whole number"),
    (["inspect", "x", "--logit-bias", "a:1"], "--logit-bias must be token ids with finite biases, joined by commas; "),
    (["inspect", "x", "--logit-bias", "foo"], "got 'foo'; write 198:-5,50256:2"),
    (["inspect", "x", "--logit-bias", "5:1,-5:2"], "got '5:1,-5:2'"),
    (["inspect", "x", "--logit-bias", "5:inf"], "got '5:inf'"),
    (["inspect", "x", "--logit-bias", "5:1,5:2"], "must have each token once; token 5 appears twice"),
    (
        ["inspect", "x", "--dry-breakers", "foo", "--dry-multiplier", "1"],
        "--dry-breakers must be token ids, joined by commas; got 'foo'; write 198,13",
    ),
    (
        ["spectrum", "x", "--resolution", "-1"],
        "--resolution must be a finite number of at least 0; got '-1'; write 0.001",
    ),
    (["spectrum", "x", "--high", "hot"], "--high must be a finite number of at least 0; got 'hot'; write 1.5"),
    (
        ["spectrum", "x", "--high", "0.01", "--resolution", "0.1"],
        "--resolution must be at most the range, 0.01; got 0.1; write 0.0001",
    ),
    (["inspect", "x", "--params", "/nowhere.json"], "/nowhere.json: there is no such file or folder; check the path"),
    (["export"], "give --to ENGINE to write a setting, or --from FILE to read one"),
    (["export", "--to", "vlm"], "unknown engine 'vlm' (did you mean 'vllm'?)"),
    (["export", "--from", "x", "--prompt", "a"], "--prompt is what differences from another engine are measured on"),
    (["export", "--to", "vllm", "--format", "tgi"], "--format says how a file is read; add --from FILE"),
    (["export", "--from", "/nowhere"], "/nowhere: there is no such file or folder"),
    (["export", "--from", "x", "--format", "vlm"], "unknown engine 'vlm'"),
    (
        ["export", "--to", "ollama", "-t", "0.7", "--top-p", "0.9", "--strict"],
        "ollama does not give this setting exactly",
    ),
    (["compare", "x", "--vary", "top_p"], "--vary must be NAME=VALUES; got 'top_p'"),
    (["compare", "x", "--vary", "top_q=1"], "can't vary 'top_q' (did you mean 'top_p'?)"),
    (["compare", "x", "--vary", "top_p=0.5,2"], "top_p must be at most 1; got 2"),
    (["compare", "x", "--vary", "top_p="], "values of top_p must not be empty"),
    (["compare", "x", "--vary", "top_p=0.5", "--vary", "top-p=0.6"], "--vary top_p is given twice"),
    (["compare", "x", "--vary", "top_p=0.5", "--top-p", "0.6"], "--vary top_p and --top-p contradict each other"),
    (["compare", "x", "--vary", "temperature=0.5", "-t", "0.6"], "-t and --vary temperature contradict each other"),
    (["compare", "--experiment", "temperature", "--vary", "top_p=0.5"], "leave --vary out"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_is_wrong_is_one_line_before_a_model_is_loaded(
    arguments: list[str], said: str, cli: Cli, no_model: None
) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.startswith("thermoscope: error: ") and ran.err.count("\n") == 1


def test_inspect_at_several_temperatures(tiny_model: Path, cli: Cli, tmp_path: Path) -> None:
    common = ["inspect", "Once", "-t", "0.2,0.7", "-t", "1.5", "--top-k", "5", "--model", str(tiny_model)]
    printed = cli(*common)
    assert printed.code == 0
    assert all(f"T={t}" in printed.out for t in ("0.2", "0.7", "1.5")) and "█" in printed.out
    record = json.loads(cli(*common, "--json").out)
    assert [view["temperature"] for view in record["temperatures"]] == [0.2, 0.7, 1.5]
    path = tmp_path / "page.html"
    written = cli(*common, "--html", str(path))
    assert (written.code, written.out) == (0, "")
    assert written.err.startswith(f"wrote {path}\nSeed 0, the same noise at every temperature, draws ")
    assert path.read_text(encoding="utf-8").count('class="bar"') == 3 * len(record["tokens"])
    again = cli("inspect", "Once", "-t", "0.7,0.7", "--model", str(tiny_model))
    assert again.code == 2 and "each temperature may be given once" in again.err


def test_inspect(tiny_model: Path, cli: Cli) -> None:
    common = ["inspect", "Once", "-t", "0.7", "--top-k", "5", "--model", str(tiny_model)]
    ran = cli(*common)
    assert (ran.code, ran.err) == (0, "")
    assert "top_k=5" in ran.out and "tokens left" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    record = json.loads(cli(*common, "--json", "--at-step", "3", "--seed", "2", "--tokens", "4").out)
    assert (record["step"], record["seed"], len(record["tokens"])) == (3, 2, 4)
    assert [stage["stage"] for stage in record["stages"]] == ["model", "temperature", "top_k"]


def test_export_that_is_exact_needs_no_model(cli: Cli, no_model: None) -> None:
    ran = cli("export", "-t", "0.7", "--top-p", "0.9", "--to", "vllm")
    assert ran.code == 0
    assert "SamplingParams(\n    temperature=0.7,\n" in ran.out
    assert "top_k=0" in ran.out  # neutral values are written out
    assert "vllm will sample from exactly this distribution." in ran.out
    assert cli("export", "-t", "0.7", "--min-p", "0.1", "--top-p", "0.9", "--to", "ollama", "--no-measure").code == 0


def test_export_that_differs_is_measured(tiny_model: Path, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    ran = cli(
        "export", "-t", "0.6", "--top-p", "0.8", "--to", "ollama", "--model", str(tiny_model), "--json", "-o", str(path)
    )
    assert ran.code == 0
    record = json.loads(path.read_text())
    order = next(verdict for verdict in record["verdicts"] if verdict["parameter"] == "order")
    assert 0 < order["distance"]["worst"] <= 1
    assert record["exact"] is False


def test_export_from_a_file_and_on_to_another_engine(tmp_path: Path, cli: Cli, no_model: None) -> None:
    path = tmp_path / "generation_config.json"
    path.write_text('{"do_sample": true, "temperature": 0.6, "top_k": 20, "eos_token_id": 2}')
    ran = cli("export", "--from", str(path))
    assert "temperature=0.6 top_k=20" in ran.out and "eos_token_id" in ran.out
    on = cli("export", "--from", str(path), "--to", "vllm", "--json")
    assert json.loads(on.out)["exact"] is True
    alone = json.loads(cli("export", "--from", str(path), "--json").out)
    assert json.loads(on.out)["imported"] == {name: alone[name] for name in alone if name != "ran"}
    assert json.loads(cli("export", "--to", "vllm", "--json").out)["imported"] is None
    assert "leave --top-k out" in cli("export", "--from", str(path), "--top-k", "3").err
    path.write_text('{"do_sample": true, "glow": 1}')
    assert "Not known here, and not used: glow." in cli("export", "--from", str(path)).out
    assert "has 'glow', not known here; take it out" in cli("export", "--from", str(path), "--strict").err


def test_what_became_of_a_file_is_said_where_it_goes_on(tmp_path: Path, cli: Cli, no_model: None) -> None:
    path = tmp_path / "generation_config.json"
    path.write_text('{"bos_token_id": 1, "temperature": 0.6, "top_p": 0.9}')
    ran = cli("export", "--from", str(path), "--to", "vllm", "--strict")  # greedy is exact; what it ignores is named
    said = " ".join(ran.out.split("vllm: Python")[0].split())
    assert (ran.code, ran.err) == (0, "")
    assert "Read as a setting of transformers: temperature=0 " in said
    assert "Not in the file; transformers adds its default, or the model's: greedy decoding (temperature=0)." in said
    assert "ignored by transformers: temperature=0.6, top_p=0.9 (decoding is greedy without do_sample=true)." in said
    assert "Ignored (not sampling parameters): bos_token_id." in said
    path.write_text('{"do_sample": true, "temperature": 0.6}')
    said = " ".join(cli("export", "--from", str(path), "--to", "vllm").out.split())
    assert "Not in the file; transformers adds its default, or the model's: top_k=50." in said and "ignored" not in said


def test_strict_refuses_what_is_not_read_exactly(cli: Cli, no_model: None) -> None:
    flags = b"--presence-penalty 0.5 --repeat-last-n -1"
    loose = cli("export", "--from", "-", "--to", "vllm", "--no-measure", stdin=flags)
    assert loose.code == 0
    assert "Different in llama.cpp: presence_penalty=0.5 (counts the prompt as well)." in " ".join(loose.out.split())
    for more in ([], ["--to", "vllm"]):
        strict = cli("export", "--from", "-", *more, "--strict", stdin=flags)
        assert (strict.code, strict.out, strict.err.count("\n")) == (2, "", 1)
        assert "presence_penalty is different there" in strict.err


@pytest.mark.parametrize("engine", ["llama.cpp", "vllm", "ollama", "transformers"])
def test_what_one_pastes_is_as_it_is(engine: str, cli: Cli, no_model: None, monkeypatch: pytest.MonkeyPatch) -> None:
    biases = ",".join(f"{token}:-1.5" for token in range(40))
    words = ["-t", "0.7", "--logit-bias", biases] if engine != "ollama" else ["-t", "0.7"]
    for columns in ("80", "30"):
        monkeypatch.setenv("COLUMNS", columns)
        out = cli("export", *words, "--to", engine, "--no-measure").out
        exported = json.loads(cli("export", *words, "--to", engine, "--no-measure", "--json").out)
        for snippet in exported["snippets"]:
            shown = out.replace(" \\\n", " ") if snippet["language"] == "shell" else out
            assert f"\n{snippet['text']}\n" in shown, snippet["title"]


def test_flags_are_broken_between_pairs(cli: Cli, no_model: None) -> None:
    out = cli("export", "-t", "0.7", "--logit-bias", "5:-1", "--to", "llama.cpp").out
    lines = out.split("llama-server\n")[1].split("\n\n")[0].splitlines()
    assert len(lines) > 3 and max(map(len, lines)) <= 80
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(line.startswith("--") for line in lines)


@pytest.mark.parametrize("name", ["mine.json", "mine.toml"])
def test_params_from_a_file(name: str, tiny_model: Path, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / name
    text = '{"temperature": 0.8, "top_k": 7, "order": "llama.cpp"}'
    path.write_text(text if name.endswith("json") else 'temperature = 0.8\ntop_k = 7\norder = "llama.cpp"\n')
    common = ["compare", "Once", "--params", str(path), "--max-new-tokens", "2", "--model", str(tiny_model), "--json"]
    settings = json.loads(cli(*common).out)["ran"]["settings"]
    assert [(s["temperature"], s["top_k"], s["order"]) for s in settings] == [(0.8, 7, "llama.cpp")]
    settings = json.loads(cli(*common, "--top-k", "9", "-t", "0.1,0.2").out)["ran"]["settings"]
    assert [(s["temperature"], s["top_k"]) for s in settings] == [(0.1, 9), (0.2, 9)]
    path.write_text('{"top_kk": 7}' if name.endswith("json") else "top_kk = 7")
    assert "'top_kk'" in cli(*common).err
    path.write_text("{" if name.endswith("json") else "=")
    assert f"{name}, line 1: not {'JSON' if name.endswith('json') else 'TOML'} (" in cli(*common).err


def test_params_of_the_model(tiny_model: Path, cli: Cli, tmp_path: Path) -> None:
    import shutil

    own = tmp_path / "own"
    shutil.copytree(tiny_model, own)
    common = ["compare", "Once", "--max-new-tokens", "2", "--json", "--model", str(own)]
    assert "--params model needs a generation_config.json" in cli(*common, "--params", "model").err
    path = own / "generation_config.json"
    config = json.loads(path.read_text()) | {"do_sample": True, "temperature": 0.6, "top_p": 0.9}
    path.write_text(json.dumps(config))
    ran = json.loads(cli(*common, "-t", "0.3").out)["ran"]
    assert ran["model_settings"] == "temperature=0.6 top_p=0.9"
    assert [(s["temperature"], s["top_p"]) for s in ran["settings"]] == [(0.3, None)]  # nothing is taken silently
    ran = json.loads(cli(*common, "--params", "model").out)["ran"]
    assert [(s["temperature"], s["top_p"], s["top_k"]) for s in ran["settings"]] == [(0.6, 0.9, None)]
    shown = cli("compare", "Once", "--max-new-tokens", "2", "--model", str(own), "-t", "0.3").out
    assert "model's own" in shown and "not used unless asked" in shown


def test_vary(tiny_model: Path, cli: Cli) -> None:
    common = ["compare", "Once", "--max-new-tokens", "3", "--model", str(tiny_model)]
    ran = json.loads(cli(*common, "--vary", "top_p=0.2:0.6:0.2", "-t", "0.8", "--json").out)["ran"]
    assert [(s["temperature"], s["top_p"]) for s in ran["settings"]] == [(0.8, 0.2), (0.8, 0.4), (0.8, 0.6)]
    ran = json.loads(cli(*common, "--vary", "min-p=0,0.5", "-t", "0.5,1", "--json").out)["ran"]
    assert [(s["temperature"], s["min_p"]) for s in ran["settings"]] == [(0.5, 0), (0.5, 0.5), (1, 0), (1, 0.5)]
    assert "T=0.5 min_p=0.5" in cli(*common, "--vary", "min_p=0,0.5", "-t", "0.5,1").out
