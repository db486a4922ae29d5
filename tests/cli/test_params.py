"""Settings and prompts from files: ``--params``, ``use-cases new --from``, prompts on standard input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran

Cli = Callable[..., Ran]
BODY = '{"model": "Qwen/Qwen3-8B", "messages": [], "temperature": 0.7, "top_k": 20, "max_tokens": 8}'
FILES = [
    ("vllm.json", BODY, {"temperature": 0.7, "top_k": 20}, "is read as a setting of vllm: temperature=0.7 top_k=20"),
    ("call.py", "from vllm import SamplingParams\nx = SamplingParams(temperature=0.6, max_tokens=3)\n",
     {"temperature": 0.6}, "not about sampling, left out: max_tokens"),
    ("run.sh", "vllm serve m --port 1 \\\n  --override-generation-config '{\"temperature\": 0.4, \"top_p\": 0.5}'",
     {"temperature": 0.4, "top_p": 0.5}, "not about sampling, left out: port"),
    ("dots.sh", "vllm serve m --override-generation-config.temperature 0.4", {"temperature": 0.4},
     "is read as a setting of vllm"),
    ("mine.yaml", "temperature: 0.3\nmin_p: 0.1\n", {"temperature": 0.3, "min_p": 0.1}, None),
    ("mine.toml", "temperature = 0.3\nmin_p = 0.1\n", {"temperature": 0.3, "min_p": 0.1}, None),
    ("mine.json", '{"temperature": 0.3, "top_p": 0.5, "max_tokens": 3}', {"temperature": 0.3, "top_p": 0.5},
     "not about sampling, left out: max_tokens"),
    ("Modelfile", 'FROM x\nPARAMETER temperature "0.3"\nSYSTEM """\nPARAMETER top_k 3\n"""\n',
     {"temperature": 0.3, "top_k": 40}, "ollama adds top_k=40 and top_p=0.9 by itself"),
    ("flags.txt", "llama-cli -ngl 99 --temp 0.6 --top-k 0 --top-p 1 --min-p 0", {"temperature": 0.6},
     "is read as a setting of llama.cpp"),
    ("generation_config.json", '{"temperature": 0.9, "top_p": 0.6, "max_length": 5}', {"temperature": 0.0},
     "temperature is not used: decoding is greedy without do_sample=true"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "values", "says"), FILES, ids=[row[0] for row in FILES])
def test_params_reads_what_export_reads(
    name: str, text: str, values: dict[str, float], says: str | None, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    ran = cli("export", "--params", str(path), "--to", "llama.cpp", "--no-measure", "--json")
    assert ran.code == 0, ran.err
    params = json.loads(ran.out)["params"]
    assert {n: params[n] for n in values} == values
    assert ran.err == "" if says is None else says in " ".join(ran.err.split())


def test_params_reads_what_export_writes(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for source in (
        ["-t", "0.7", "--min-p", "0.05", "--to", "vllm"],
        ["--from", str(tmp_path / "generation_config.json")],
    ):
        (tmp_path / "generation_config.json").write_text(
            '{"do_sample": true, "temperature": 0.7, "top_k": 0, "min_p": 0.05}'
        )
        assert cli("export", *source, "--no-measure", "--json", "-o", str(path)).code == 0
        ran = cli("export", "--params", str(path), "--to", "vllm", "--no-measure", "--json")
        assert (ran.code, ran.err) == (0, "")
        params = json.loads(ran.out)["params"]
        assert (params["temperature"], params["min_p"], params["top_k"]) == (0.7, 0.05, None)


def test_what_a_file_leaves_to_the_model_is_the_models(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    own = tmp_path / "model"
    shutil.copytree(tiny_model, own)
    (own / "generation_config.json").write_text('{"do_sample": true, "temperature": 0.6, "top_k": 2}')
    served = tmp_path / "serve.sh"
    served.write_text("vllm serve q --override-generation-config '{\"temperature\": 0.5}'")
    for command in ("compare", "inspect"):
        ran = cli(command, "x", "--model", str(own), "--params", str(served), "--json")
        assert ran.code == 0, ran.err
        words = " ".join(ran.err.split())
        assert "generation_config.json says" in words
        assert "vllm adds top_k=2 by itself" in words
        (setting,) = json.loads(ran.out)["ran"]["settings"]
        assert (setting["temperature"], setting["top_k"]) == (0.5, 2)


def test_whose_a_file_is_may_be_said(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"temperature": 0.5, "repeat_penalty": 1.1}')
    ran = cli("export", "--params", str(path), "--to", "vllm", "--no-measure")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "the format is ambiguous: llama.cpp or ollama; say whose it is, as in --params vllm:" in ran.err
    ran = cli("export", "--params", f"ollama:{path}", "--to", "vllm", "--no-measure", "--json")
    assert json.loads(ran.out)["params"]["top_k"] == 40


@pytest.mark.parametrize("source", ["/dev/full", "/dev/zero", "/nowhere", "/"])
def test_what_is_no_file_is_one_line(source: str, cli: Cli) -> None:
    words_of = (
        ["export", "--to", "vllm", "--params", source], ["export", "--from", source], ["measure", source],
        ["use-cases", "check", f"{source}/x.toml"], ["use-cases", "new", "x.toml", "--from", source],
        ["compare", "--prompts", source], ["measure", "--prompts", source],
    )  # fmt: skip
    for words in words_of:
        ran = cli(*words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), words


def test_a_use_case_around_prompts(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("".join(f"Prompt {n} \n" for n in range(9)))
    made = cli("use-cases", "new", "mine.toml", "--from", "prompts.txt")
    assert made.code == 0, made.err
    assert "3 of 9 prompts are held out" in made.out
    shown = json.loads(cli("use-cases", "show", "mine.toml", "--json").out)
    assert [p["text"] for p in shown["prompts"]] == [f"Prompt {n} " for n in range(9)]
    assert cli("use-cases", "check", "mine.toml").out.startswith("mine.toml: 6 prompts, 3 held out; nothing wrong")
    assert "leave it out" in cli("use-cases", "new", "other.toml", "--prompt-column", "x").err
    assert "must not replace a file" in cli("use-cases", "new", "mine.toml", "--from", "prompts.txt").err


def test_a_prompt_means_the_same_from_wherever(cli: Cli, tiny_model: Path) -> None:
    def compared(*words: str, piped: str = "") -> Ran:
        made = ["-t", "0", "--max-new-tokens", "2", "--model", str(tiny_model), "--json"]
        return cli("compare", *words, *made, stdin=piped.encode())

    def prompts(*ran: Ran) -> list[str]:
        return [json.loads(one.out)["prompt"] for one in ran]

    piped = compared("-", piped="Once \n")
    assert prompts(compared("Once "), piped, compared("-", piped="Once ")) == ["Once "] * 3
    assert "the last line end of standard input is not part of the prompt" in piped.err
    assert compared("-", piped="Once ").err == ""
    assert prompts(compared("-", piped="Once\n\n"), compared("Once\n")) == ["Once\n"] * 2


def test_empty_texts_are_said_at_the_top(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "a b c" if n % 20 > 8 else ""}) + "\n" for n in range(20)))
    ran = cli("measure", str(path))
    assert ran.out.splitlines()[1].startswith("9 of 20 texts are empty: the model ended at once.")
    assert ran.out.count("9 of 20") == 1


def test_prompts_of_a_file_are_compared_and_measured(
    cli: Cli, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.txt").write_text("Once \nThe dog\nA cat\n")
    made = ["-t", "0.3,0.9", "--max-new-tokens", "3", "--model", str(tiny_model)]
    compared = cli("compare", "--prompts", "p.txt", *made, "--json")
    assert compared.code == 0, compared.err
    records = json.loads(compared.out)
    assert [record["prompt"] for record in records] == ["Once ", "The dog", "A cat"]
    alone = json.loads(cli("compare", "Once ", *made, "--json").out)
    assert [text["text"] for text in records[0]["texts"]] == [text["text"] for text in alone["texts"]]
    assert cli("compare", "--prompts", "p.txt", *made).out.count("\nPrompt: ") == 2
    assert "not both; got 'x' and 'p.txt'" in cli("compare", "x", "--prompts", "p.txt").err
    page = cli("compare", "--prompts", "p.txt", "--html", "x.html")
    assert "for a page of all: thermoscope measure --prompts p.txt --html x.html" in page.err
    measured = cli("measure", "--prompts", "p.txt", *made, "--seeds", "2")
    assert measured.code == 0, measured.err
    assert "1 of 3 prompts are held out" in measured.err
    assert "2 prompts x 2 settings x 2 seeds" in " ".join(measured.out.split())
    command = " ".join(measured.out.split("To reproduce\n")[1].replace("\\\n", " ").split())
    assert "--use-case p.txt" in command
    assert cli(*command.split()[1:]).out == measured.out
    assert "not both; a use case has its own prompts" in cli("measure", "--prompts", "p.txt", "--use-case", "x").err
    assert "--prompts of a run must be in a file" in cli("measure", "--prompts", "-", stdin=b"a\n").err
    (tmp_path / "t.jsonl").write_text('{"text": "a b"}\n')
    (tmp_path / "full").symlink_to("/dev/full")
    ran = cli("measure", "t.jsonl", "--parquet", "full")
    assert (ran.code, "1 text in 1 group" in ran.out, ran.err.count("\n")) == (
        2,
        True,
        1,
    )  # what was measured is printed
    assert (tmp_path / "full").is_symlink()
