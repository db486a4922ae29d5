"""The daily case, from the shell: ten prompts in a file, a vLLM settings file, two settings, a page for others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran

PROMPTS = [f"Write about number {n}, please." for n in range(9)] + ["Ein Märchen: «Es war einmal»"]


@pytest.mark.slow
def test_ten_prompts_two_settings_and_a_page(
    cli: Callable[..., Ran], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.txt").write_text("\n".join(PROMPTS) + "\n", encoding="utf-8")
    Path("ours.json").write_text('{"temperature": 0.2, "top_p": 0.9}')
    vllm = {"model": "my-model", "temperature": 1.3, "top_p": 1.0, "top_k": -1, "min_p": 0.02, "max_tokens": 512}
    Path("vllm.json").write_text(json.dumps(vllm))

    done = cli(
        "measure", "--prompts", "prompts.txt", "--params", "ours.json", "--params", "vllm.json", "--seeds", "2",
        "--max-new-tokens", "24", "--model", str(tiny_model), "--run", "boss", "--html", "boss.html",
    )  # fmt: skip
    assert done.code == 0, done.err
    # what was read, and what was left out, is said
    assert "prompts.txt is read as lines" in done.err
    assert "3 of 10 prompts are held out" in done.err
    assert "--params vllm.json is read as a setting of vllm" in done.err
    assert re.search(r"left out: .*max_tokens", done.err) and "model" in done.err
    # the verdict is one line beside the page's name
    lines = done.err.splitlines()
    said = lines[lines.index("wrote boss.html") + 1]
    assert said.startswith(("vllm has clearly higher ", "No clear difference between ours and vllm"))

    page = Path("boss.html").read_text(encoding="utf-8")
    for shown in ("ours", "vllm", "top_p=0.9", "min_p=0.02", "Märchen"):
        assert shown in page, shown
    report = cli("report", "boss", "--format", "md")
    assert report.code == 0
    assert said.replace("_", "\\_") in report.out

    asked = "select label, count(*) n, count(distinct prompt) p from measures group by 1 order by 1"
    table = cli("runs", "sql", "boss", asked, "--json")
    assert json.loads(table.out) == [{"label": "ours", "n": 14, "p": 7}, {"label": "vllm", "n": 14, "p": 7}]
    # the same command makes nothing again
    again = cli(
        "measure", "--prompts", "prompts.txt", "--params", "ours.json", "--params", "vllm.json", "--seeds", "2",
        "--max-new-tokens", "24", "--model", str(tiny_model), "--run", "boss",
    )  # fmt: skip
    assert again.code == 0
    assert said in " ".join(again.out.split())

    exported = cli("export", "--params", "ours.json", "--to", "vllm")
    assert exported.code == 0 and '"top_p": 0.9' in exported.out
