"""Files as people and accidents make them: seeded, each from its number alone."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from typing import Any

#: Texts that a reader which guesses types, strips or splits would change.
TEXTS = (
    "007", "1.50", "True", "false", "00:00", "N/A", "NaN", "null", "", " ", "trailing  ", "\tindented", "2020-01-01",
    "12345678901234567890", "1e5", "0x10", "-0", "+1", "a,b;c\td", 'say "hi"', "'", "line\nbreak", "two\r\nlines",
    "#no comment", "=1+1", "\u00e9\u4e2d\U0001f600", "\u202eturned", "\u2028", "{", "[1]", "\\n", "\x00",
    "<think>x</think>", "x" * 200_000, "1,5", "inf", "\ufeffmark",
)  # fmt: skip
_NESTED = ("[" * 30_000 + "]" * 30_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[" * 5_000)
_LONG = "9" * 5_000
_ODD = ("\x00", "\ufeff", "\ud7ff", "\u2028", '"""', "'''")
_VALUES = (b"null", b"[]", b"{}", b"NaN", b"-1", b"1e999", b'"x"')
_KEYS = (".".join("a" * 1 for _ in range(2_000)), ".".join(["a"] * 100_000))
SETTINGS = (
    '{"temperature": 0.7, "top_p": 0.9, "top_k": 40}',
    '{"do_sample": true, "temperature": 0.6, "eos_token_id": [1, 2]}',
    "SamplingParams(temperature=0.7, top_k=20, stop=[])",
    "from vllm import SamplingParams\np = SamplingParams(top_p=0.8)\n",
    "vllm serve m --override-generation-config '{\"temperature\": 0.7}' --port 1",
    "llama-cli -m x.gguf --temp 0.7 --samplers 'top_k;temperature' -l 5-1.5",
    'FROM x\nPARAMETER temperature 0.7\nSYSTEM """a\nPARAMETER top_k 3\n"""\n',
    "temperature: 0.6\ntop_p: 0.95\nsampler_priority:\n- top_k\n- min_p\n",
    'temperature = 0.7\norder = "llama.cpp"\n[a]\nb = [[1, 2], {c = 3}]\n',
    "mlx_lm.generate --temp 0.7 --top-p 0.9",
    '{"parameters": {"temperature": 0.5, "watermark": true}, "inputs": "x"}',
    '{"options": {"temperature": 0.5}, "model": "m"}',
    '{"logit_bias": [[5, false], [6, -1.5]], "n_predict": 3, "samplers": "kmt"}',
)
CASES = (
    'title = "x"\nobjective = "task"\n[[prompts]]\ntext = "a"\n'
    '[[prompts]]\nmessages = [{role = "user", content = "b"}]\n',
    'title = "x"\nobjective = "creative"\nmax_new_tokens = 5\nanswer_pattern = "a"\n[[prompts]]\ntext = "a"\n'
    'answer = "1"\n[score]\nkind = "exact"\n',
)
SUFFIXES = (".json", ".toml", ".yaml", ".txt", "", ".py", ".sh")


def rows(draw: random.Random) -> list[dict[str, str]]:
    """Rows of texts, prompts, settings and answers, all text."""
    return [
        {name: draw.choice(TEXTS if name != "kind" else TEXTS[:9]) for name in ("text", "prompt", "kind", "answer")}
        for _ in range(draw.randint(1, 6))
    ]


def written(found: list[dict[str, str]], draw: random.Random) -> tuple[str, bytes]:
    """(suffix, bytes) of rows in one of the forms that are read."""
    kind = draw.choice((".jsonl", ".json", ".csv", ";.csv", ".tsv", ".parquet"))
    data = _FORMS[kind](found)
    if draw.random() < 0.3 and not kind.endswith("json"):
        data = b"\xef\xbb\xbf" + data if kind.endswith(("csv", "tsv", "jsonl")) else data
    kind = kind.removeprefix(";")
    return (f"{kind}.gz", gzip.compress(data)) if draw.random() < 0.3 else (kind, data)


def _csv(delimiter: str) -> Callable[[list[dict[str, str]]], bytes]:
    def write(found: list[dict[str, str]]) -> bytes:
        to = io.StringIO(newline="")
        writer = csv.DictWriter(to, list(found[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(found)
        return to.getvalue().encode()

    return write


def _parquet(found: list[dict[str, str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    to = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(found), to)
    return to.getvalue()


_FORMS: dict[str, Callable[[list[dict[str, str]]], bytes]] = {
    ".jsonl": lambda found: "".join(json.dumps(row) + "\n" for row in found).encode(),
    ".json": lambda found: json.dumps(found, ensure_ascii=False, indent=1).encode(),
    ".csv": _csv(","),
    ";.csv": _csv(";"),
    ".tsv": _csv("\t"),
    ".parquet": _parquet,
}


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The same with something wrong: cut, repeated, bytes of another kind, nested deeply, long numbers and keys."""
    data = data[:100_000]
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(data) + 1)
        data = _DAMAGES[draw.randrange(len(_DAMAGES))](data, at, draw)
    return data


_DAMAGES: tuple[Callable[[bytes, int, random.Random], bytes], ...] = (
    lambda data, at, draw: data[:at],
    lambda data, at, draw: data[:at] + data[at // 2 :],
    lambda data, at, draw: data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :],
    lambda data, at, draw: data[:at] + draw.choice(_ODD).encode() + data[at:],
    lambda data, at, draw: data[:at] + b"\xe9" + data[at:],
    lambda data, at, draw: data[:at] + draw.choice(_NESTED).encode() + data[at:],
    lambda data, at, draw: data[:at] + _LONG.encode() + data[at:],
    lambda data, at, draw: data + b"\n" + draw.choice(_KEYS).encode() + b" = 1\n",
    lambda data, at, draw: data.replace(b"0", _LONG.encode(), 1),
    lambda data, at, draw: data.replace(b"0.7", b"-" * 100_000 + b"1", 1),
    lambda data, at, draw: data.replace(b"0.", b"{[]: 1}, 0.", 1),
    lambda data, at, draw: data.replace(b":", b": &a *a", 1),
    lambda data, at, draw: data.replace(b'"', b'"\\ud800', 1),
    lambda data, at, draw: data.replace(b"0.7", draw.choice(_VALUES), 1),
    lambda data, at, draw: b"",
    lambda data, at, draw: gzip.compress(data)[: at + 5],
    lambda data, at, draw: b"\x1f\x8b" + data,
    lambda data, at, draw: data * 3,
    lambda data, at, draw: data.replace(b"\n", b"\r"),
)  # fmt: skip


def any_value(draw: random.Random, depth: int = 0) -> Any:
    """A JSON value of any kind."""
    kind = draw.randrange(9 if depth < 3 else 6)
    if kind < 6:
        return (draw.choice(TEXTS[:30]), draw.randint(-5, 5), draw.random(), None, True, 10**30)[kind]
    if kind == 6:
        return [any_value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    return {draw.choice(("text", "content", "role", "a", "temperature")): any_value(draw, depth + 1) for _ in range(3)}
