"""Every command that computes ends with the command that makes the same again, and gives JSON, text and files."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from tests.tiny_cli import Ran
from thermoscope.cli import options
from thermoscope.cli.app import app

Cli = Callable[..., Ran]
CASE = 'title = "One"\nobjective = "creative"\nmax_new_tokens = 6\n[[prompts]]\ntext = "Once upon"\n'
#: What each command needs besides a model; {x} are files of the fixture.
COMPUTING = {
    "compare": ["compare", "it's", "-t", "0.3,1", "--top-k", "20", "--max-new-tokens", "5"],
    "spectrum": ["spectrum", "it's", "--min-p", "0.05", "--max-new-tokens", "5"],
    "spectrum --at": ["spectrum", "it's", "--at", "0.7", "--max-new-tokens", "5"],
    "inspect": ["inspect", "it's", "-t", "0.7", "--top-p", "0.9", "--at-step", "2", "--seed", "3", "--tokens", "4"],
    "export": ["export", "-t", "0.6", "--top-p", "0.8", "--to", "ollama", "--prompt", "a b", "--prompt", "c"],
    "measure files": ["measure", "texts.jsonl", "--setting-column", "t", "--length", "6", "--score", "regex:c"],
    "measure": ["measure", "--use-case", "one.toml", "-t", "0.3,0.9", "--seeds", "2"],
}
WITHOUT_A_MODEL = {
    "export": ["export", "-t", "0.7", "--top-k", "5", "--order", "llama.cpp", "--to", "vllm"],
    "export --no-measure": [
        "export",
        "-t",
        "0.7",
        "--min-p",
        "0.1",
        "--top-p",
        "0.9",
        "--to",
        "ollama",
        "--no-measure",
    ],
    "export --from --to": ["export", "--from", "their settings.json", "--to", "vllm", "--strict"],
    "export --from": ["export", "--from", "their settings.json", "--format", "transformers"],
    "export --from --strict": ["export", "--from", "their settings.json", "--strict"],
    "measure files": ["measure", "texts.jsonl", "more.txt"],
}
SHOWING = {
    "use-cases list": ["use-cases", "list"],
    "use-cases show": ["use-cases", "show", "one.toml"],
    "use-cases check": ["use-cases", "check", "one.toml"],
    "runs list": ["runs", "list"],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a use case, texts and an engine's file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.toml").write_text(CASE)
    rows = [{"text": f"a b c d e f g {n}", "t": n % 2} for n in range(6)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "more.txt").write_text("a b a b a b a b")
    (tmp_path / "their settings.json").write_text('{"eos_token_id": 2, "do_sample": true, "temperature": 0.6}')
    return tmp_path


def again(shown: str) -> list[str]:
    """The arguments of the command at the end of a report."""
    return shlex.split(shown.split("To reproduce\n")[1].replace("\\\n", " "))[1:]


def check_again(cli: Cli, words: list[str]) -> None:
    first = cli(*words)
    assert (first.code, "What ran" in first.out) == (0, True), first.err
    ran = first.out.split("What ran")[1].split("To reproduce")[0]  # what one pastes may be longer
    assert max(map(len, ran.splitlines())) <= 80
    assert "\x1b" not in first.out
    name, *rest = again(first.out)
    assert cli(name, *rest).out == first.out
    record = json.loads(cli(*words, "--json").out)
    assert record == json.loads(cli(name, "--json", *rest).out)
    told = record.get("ran", record)  # a run's manifest is what ran
    assert shlex.split(told["command"])[1:] == [name, *rest]
    assert told["versions"]["thermoscope"]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTING)
def test_the_command_makes_the_same_again(name: str, here: Path, cli: Cli, tiny_model: Path) -> None:
    check_again(cli, [*COMPUTING[name], "--model", str(tiny_model)])


@pytest.mark.parametrize("name", WITHOUT_A_MODEL)
def test_the_command_makes_the_same_again_without_a_model(name: str, here: Path, cli: Cli) -> None:
    check_again(cli, WITHOUT_A_MODEL[name])


def test_a_file_that_is_read_with_the_bundled_model_is_so_again(here: Path, cli: Cli) -> None:
    (here / "vllm.json").write_text('{"temperature": 0.6}')
    words = ["export", "--from", "vllm.json", "--format", "vllm", "--no-measure"]
    check_again(cli, [*words, "--model", "bundled"])
    assert "--model bundled" in " ".join(again(cli(*words, "--model", "bundled").out))
    assert "--model" not in again(cli(*words).out)


def test_what_came_on_standard_input_is_in_the_command(cli: Cli) -> None:
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("bash is not here")
    text = '{"do_sample": true,\n "temperature": 0.6, "eos_token_id": 2}'
    for more in ([], ["--to", "vllm", "--strict"]):
        record = json.loads(cli("export", "--from", "-", *more, "--json", stdin=text.encode()).out)
        printed, rest = record["ran"]["command"].split(" | ")
        assert subprocess.run([shell, "-c", printed], capture_output=True, check=True).stdout.decode() == text
        assert rest == " ".join(["thermoscope export --from=-", *more])


@pytest.mark.parametrize("words", [*COMPUTING.values(), *SHOWING.values()], ids=" ".join)
def test_text_and_json_go_to_a_file(words: list[str], here: Path, cli: Cli, tiny_model: Path) -> None:
    words = words if words in SHOWING.values() else [*words, "--model", str(tiny_model)]
    path = here / "result"
    for how in ([], ["--json"]):
        printed = cli(*words, *how)
        assert printed.code == 0, printed.err
        written = cli(*words, *how, "-o", str(path))
        assert (written.code, written.out, written.err) == (0, "", f"wrote {path}\n")
        assert path.read_text(encoding="utf-8") == printed.out
    json.loads(printed.out)
    bad = cli(*words, "-o", str(here / "none" / "x"))
    assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1)


def commands(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """Every command that does something, with its words."""
    for name, command in getattr(group, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def test_every_command_with_a_result_takes_the_same_options_for_it() -> None:
    found = dict(commands(typer.main.get_command(app)))
    for name, command in found.items():
        if name in ("use-cases new", "models get", "serve"):  # their result is a file, a package, or a page
            continue
        taken = {flag for option in command.params for flag in option.opts}  # type: ignore[attr-defined]
        wanted = {"--json", "-o", "--output", "--no-color"}
        assert wanted <= taken, name


def test_an_option_means_the_same_wherever_it_is_taken() -> None:
    # their defaults differ, or what they are strict about, what is budgeted, what varies, and which folder is meant
    own = {"--seed", "--seeds", "--max-new-tokens", "-t", "--temperature", "--format", "--strict", "--prompt"}
    own |= {"--prompts", "--prompt-column", "--from", "--reference", "--budget", "--run", "--vary"}
    helps: dict[str, set[str]] = {}
    for _, command in commands(typer.main.get_command(app)):
        for option in command.params:  # type: ignore[attr-defined]
            for flag in option.opts:
                if flag.startswith("-") and flag not in own:
                    helps.setdefault(flag, set()).add(option.help)
    assert {flag for flag, texts in helps.items() if len(texts) > 1} == set()
    assert "--model" in helps and options.ModelName.__metadata__[0].help in helps["--model"]
