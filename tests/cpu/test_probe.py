"""What is missing is found and said, and everything gives the same results without it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_cli import environment
from thermoscope.cpu import packed, probe

_SCRIPT = """
import json, logging, sys, types
{taken}
import thermoscope
from thermoscope.cpu import probe
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
log = logging.getLogger("thermoscope")
log.addHandler(handler)
log.setLevel(logging.INFO)
probe.use_loops()
model = thermoscope.load_model()
S = thermoscope.SamplingParams
params = [
    S(temperature=0.0), S(temperature=0.9), S(temperature=1.1, top_p=0.9, repetition_penalty=1.2), S(min_p=0.1),
    S(top_k=20, frequency_penalty=0.4, presence_penalty=0.2, no_repeat_ngram_size=3), S(typical_p=0.9),
    S(top_n_sigma=1.0), S(temperature=1.3, xtc_probability=0.5),
]
samples = thermoscope.generate(model, "Once upon a time", params, seeds=[1, 2], max_new_tokens=24)
table = thermoscope.measure(samples)
found = thermoscope.spectrum(model, "Once upon a time", max_new_tokens=12)[0]
print(json.dumps({{
    "tokens": [list(sample.token_ids) for sample in samples],
    "logprobs": [round(value, 6) for sample in samples for value in sample.logprobs],
    "measures": json.loads(json.dumps(table.to_pydict(), default=str).replace("NaN", "null")),
    "spectrum": [(leaf.text, round(leaf.low, 5), round(leaf.high, 5)) for leaf in found.leaves],
    "lines": lines,
    "numba": sys.modules.get("numba") is not None,
}}))
"""
_TAKEN = {
    "nothing": ("", ""),
    "numba": ("sys.modules['numba'] = None", "numba is not installed"),
    "a numba that works": (
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numba.extending': raise ImportError('Numba needs NumPy 1.0')\n"
        "sys.meta_path.insert(0, Broken())",
        "numba can't be imported: Numba needs NumPy 1.0",
    ),
    "oneDNN": ("import torch; torch._C._has_mkldnn = False", "this build of torch has no oneDNN"),
    "an operator's name": (
        "import torch; torch.ops.mkldnn = types.SimpleNamespace(_linear_pointwise=None)",
        "has no operator mkldnn._reorder_linear_weight",
    ),
    "an operator's arguments": (
        "import torch\n"
        "real = torch.ops.mkldnn\n"
        "names = ('_is_mkldnn_bf16_supported', '_reorder_linear_weight', '_nbytes', 'data_ptr')\n"
        "other = types.SimpleNamespace(default=lambda *_: 1 / 0, binary=None)\n"
        "torch.ops.mkldnn = types.SimpleNamespace(_linear_pointwise=other, **{n: getattr(real, n) for n in names})",
        "ZeroDivisionError from mkldnn._linear_pointwise",
    ),
    "numba and oneDNN": (
        "sys.modules['numba'] = None\nimport torch; torch._C._has_mkldnn = False", "no oneDNN"
    ),
}  # fmt: skip


#: Runs each script in a process of its own, which has the libraries below that nobody takes away imported already.
_FORKS = """
import json, os, sys, traceback
import huggingface_hub, numpy, pyarrow, pydantic, scipy.stats, tokenizers, torch
folder, scripts = sys.argv[1], json.loads(sys.stdin.read())
for name, script in scripts.items():
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0, name
        continue
    with open(os.path.join(folder, name), "w") as out:
        sys.stdout = out
        try:
            exec(script, {})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By what is taken from a process: what it gives."""
    folder = tmp_path_factory.mktemp("told")
    scripts = {piece: _SCRIPT.format(taken=taken) for piece, (taken, _) in _TAKEN.items()}
    ran = subprocess.run(
        [sys.executable, "-c", _FORKS, str(folder)], env=environment(), input=json.dumps(scripts).encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    return {piece: json.loads((folder / piece).read_text().splitlines()[-1]) for piece in scripts}


def flat(value: object) -> Iterator[object]:
    """The strings and numbers in lists and dictionaries."""
    if isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from flat(part)
    else:
        yield value


@pytest.mark.slow
@pytest.mark.parametrize("piece", [name for name in _TAKEN if name != "nothing"])
def test_without_a_piece_the_results_are_the_same_and_it_is_said(piece: str, told: dict[str, Any]) -> None:
    without, whole, fault = told[piece], told["nothing"], _TAKEN[piece][1]
    assert len([line for line in without["lines"] if fault in line]) == 1
    assert not any(fault in line for line in whole["lines"])
    assert without["tokens"] == whole["tokens"]
    for what in ("logprobs", "spectrum", "measures"):
        assert list(flat(without[what])) == [
            pytest.approx(value, abs=1e-3) if isinstance(value, float) else value for value in flat(whole[what])
        ]
    assert without["numba"] == ("numba" not in piece)


def test_a_cache_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/dev/null/loops")
    for known in (probe.cache_fault, probe._folders, probe._are_compiled):
        known.cache_clear()
    try:
        assert "/dev/null/loops" in str(probe.cache_fault())
        assert any("not kept for the next time" in line for line in probe.missing())
    finally:
        monkeypatch.undo()
        for known in (probe.cache_fault, probe._folders, probe._are_compiled):
            known.cache_clear()
    assert probe.cache_fault() is None


@pytest.mark.slow
def test_where_nothing_is_compiled_yet_a_small_job_does_not_wait_for_it(tmp_path: Path) -> None:
    script = (
        "import sys, thermoscope; model = thermoscope.load_model(); "
        "samples = thermoscope.generate(model, 'Once', thermoscope.SamplingParams(), seeds=[0, 1], max_new_tokens=20); "
        "thermoscope.measure(samples); print('numba' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment(), "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert (ran.stdout, list(tmp_path.iterdir())) == (b"False\n", [])


def test_a_large_job_compiles_once_it_has_its_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_repaid", set())
    monkeypatch.setattr(probe, "_are_compiled", lambda part: False)
    assert not probe.loops("sampling")
    assert any("not compiled yet" in line for line in probe.missing())
    probe.text_is_there(probe._REPAYS["sampling"] - 1)
    assert not probe.loops("sampling")
    probe.text_is_there(probe._REPAYS["sampling"])
    assert probe.loops("sampling") and probe.loops("attention") and not probe.loops("texts")
    assert not probe.measures(probe._REPAYS["texts"] - 1)
    assert probe.measures(probe._REPAYS["texts"])
    assert probe.measures(1)
    assert probe.missing() == ()


@pytest.mark.parametrize("bias", [True, False])
def test_a_plain_linear_is_a_packed_one(bias: bool) -> None:
    torch.manual_seed(0)
    weight, offset, x, other = torch.randn(16, 6), torch.randn(16), torch.randn(3, 6), torch.randn(3, 16)
    layer = packed.PlainLinear(weight, offset if bias else None)
    want = torch.nn.functional.linear(x, weight, offset if bias else None)
    torch.testing.assert_close(layer(x), want)
    torch.testing.assert_close(layer.plus(x, other), want + other)
    torch.testing.assert_close(layer.gelu(x), torch.nn.functional.gelu(want, approximate="tanh"))
    torch.testing.assert_close(layer.weight, weight)
    blocks = layer.blocks(8)
    assert blocks is not None and blocks.shape == (2, 6, 8, 1)
    assert float(blocks[1, 2, 3, 0]) == float(weight[11, 2])
    assert layer.blocks(24) is None
