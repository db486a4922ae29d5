"""``thermoscope spectrum`` from the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran
from thermoscope import SamplingParams, Spectrum, generate, load_model

Cli = Callable[..., Ran]
HOW = ("--max-new-tokens", "12")


BAD = [
    ([], 'give a prompt, such as "Once upon a time"'),
    (["x", "--low", "1", "--high", "0.5"], "--low must be below --high; got 1 and 0.5"),
    (["x", "--low", "-1"], "--low must be a finite number of at least 0; got '-1'; write 0"),
    (["x", "--high", "nan"], "--high must be a finite number"),
    (["x", "--high", "inf"], "--high must be a finite number"),
    (["x", "--resolution", "-1"], "--resolution must be a finite number"),
    (["x", "--resolution", "2"], "--resolution must be at most the range, 1.5; got 2"),
    (["x", "--at", "2"], "--at must be from --low to --high, 0 to 1.5; got 2; widen the range"),
    (["x", "--seed", "x"], "--seed must be a whole number"),
    (["x", "--max-leaves", "0"], "--max-leaves must be a whole number of at least 1"),
    (["x", "--top-p", "2"], "top_p must be at most 1"),
    (["x", "--order", "top_k"], "needs the stage 'temperature' in the order"),
    (["x", "--max-length", "9", "--max-new-tokens", "9"], "give --max-new-tokens or --max-length, not both"),
    (["x", "--stop", ""], "--stop must be a text that is not empty"),
    (["x", "--html", "/no/such/folder/page.html"], "the output must be a file that can be written"),
    (["x", "-o", "/tmp/same", "--html", "/tmp/same"], "--output and --html must be two files"),
    (["x", "--language", "ko"], "--language is for a page; got 'ko' without one; add --html FILE"),
    (["x", "--language", "xx", "--html", "page.html"], "--language must be one of en, ko; got 'xx'"),
    (["", "--low", "0"], "a prompt must have at least one token"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda value: " ".join(value)[:40])
def test_bad_input_is_one_line_and_code_2(cli: Cli, no_model: None, arguments: list[str], message: str) -> None:
    ran = cli("spectrum", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert message in ran.err


def test_what_did_nothing_is_named(cli: Cli, tiny_model: Path) -> None:
    words = ["spectrum", "The spaceship", "--model", str(tiny_model), *HOW, "--low", "0.8", "--top-k", "20"]
    ran = cli(*words, "--min-p", "1e-30")
    said = "min_p=1e-30 removed nothing that top_k=20 had left."
    assert "no effect" in ran.out and said in " ".join(ran.out.split())
    record = json.loads(cli(*words, "--min-p", "1e-30", "--json").out)
    assert record["ran"]["details"]["no effect"] == said
    assert "no effect" not in cli(*words).out


def test_the_view(cli: Cli, tiny_model: Path) -> None:
    ran = cli("spectrum", "The spaceship", "--model", str(tiny_model), *HOW)
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out
    assert "texts between T=0 and T=1.5" in ran.out
    assert "To reproduce" in ran.out


def test_the_command_that_is_shown_gives_the_same(cli: Cli, tiny_model: Path) -> None:
    first = cli("spectrum", "it's", "--model", str(tiny_model), "--min-p", "0.02", *HOW)
    command = first.out.split("To reproduce\n")[1].replace("\\\n", " ")
    again = cli(*shlex.split(command)[1:])
    assert again.out == first.out


def test_json_holds_what_the_api_gives(cli: Cli, tiny_model: Path) -> None:
    ran = cli("spectrum", "A", "--model", str(tiny_model), "--seeds", "2", "--json", *HOW)
    record = json.loads(ran.out)
    assert record["format"] == "thermoscope.spectra/1"
    spectra = [Spectrum.from_json(json.dumps(one)) for one in record["spectra"]]
    assert [one.seed for one in spectra] == [0, 1]
    assert record["measures"]["spectra"] == 2
    model = load_model(tiny_model)
    for one in spectra:
        (sample,) = generate(model, "A", SamplingParams(temperature=0.9), seeds=[one.seed], max_new_tokens=12)
        assert one.at(0.9).token_ids == sample.token_ids


def test_at_one_temperature(cli: Cli, tiny_model: Path) -> None:
    how = ("spectrum", "A", "--model", str(tiny_model), "--at", "0.7", *HOW)
    plain, record = cli(*how), json.loads(cli(*how, "--json").out)
    (text,) = record["texts"]
    (sample,) = generate(load_model(tiny_model), "A", SamplingParams(temperature=0.7), max_new_tokens=12)
    assert text["text"] == sample.text
    assert text["low"] < 0.7 <= text["high"]
    assert "T=0.7" in plain.out


def test_a_page_is_written(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ran = cli("spectrum", "A", "--model", str(tiny_model), "--html", str(page), *HOW)
    assert (ran.code, ran.out) == (0, "")
    assert f"wrote {page}" in ran.err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_output_goes_to_a_file(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    ran = cli("spectrum", "A", "--model", str(tiny_model), "--json", "-o", str(path), *HOW)
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(path.read_text(encoding="utf-8"))["spectra"]


def test_an_interrupt_before_anything_is_finished(cli: Cli, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import thermoscope.spectra.growth as module

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "split", interrupt)
    ran = cli("spectrum", "A", "--model", str(tiny_model), *HOW)
    assert ran.code == 130
    assert "interrupted; 0 of 1 spectra are finished" in ran.err


def test_a_temperature_that_is_not_used_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"temperature": 0.3, "top_k": 7}')
    ran = cli("spectrum", "Once", "--params", str(tmp_path / "p.json"), "--max-new-tokens", "2")
    assert ran.code == 0
    assert "temperature=0.3 of --params is not used" in ran.err
