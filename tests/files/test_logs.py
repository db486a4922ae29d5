"""Logs of other tools, recognised by their fields; nested fields, lists of completions, settings of several columns."""

from __future__ import annotations

import csv
import gzip
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thermoscope.errors import InputError
from thermoscope.files.paths import MISSING, found_at, parts_of
from thermoscope.files.texts import Found, read
from thermoscope.runs.from_files import measure_files


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_paths_into_rows() -> None:
    row = {"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "x.y": 4, "e": [[5], [6, 7]]}
    assert found_at(row, "a.b[0].c") == 1
    assert found_at(row, "a.b[-2].c") == 2
    assert found_at(row, "a.b[].c") == found_at(row, "a.b.c") == [1, 2]
    assert found_at(row, "x.y") == 4  # a column of that name comes first
    assert found_at(row, "e[1][0]") == 6
    for none in ("a.z", "a.b[9].c", "a[0]", "z", "a.b[].z"):
        assert found_at(row, none) is MISSING
    assert parts_of("a.b[0][].c") == ("a", "b", 0, None, "c")
    for wrong in ("[", "a[b]", "a..b", "a" + "[0]" * 200):
        with pytest.raises(InputError, match="a column must be a name, or a path"):
            parts_of(wrong)


def test_a_batch_of_openai(tmp_path: Path) -> None:
    def row(name: str, texts: list[str], model: str = "m") -> dict[str, Any]:
        choices = [{"index": i, "message": {"role": "assistant", "content": text}} for i, text in enumerate(texts)]
        body = {"object": "chat.completion", "model": model, "choices": choices}
        return {"id": "b", "custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}

    failed = {"id": "b", "custom_id": "c", "response": None, "error": {"code": "x"}}
    path = lines(tmp_path / "out.jsonl", [row("a", ["one", "two"]), row("b", ["three"], "n"), failed])
    found = read([path])
    assert (found.texts, found.prompts) == (["one", "two", "three"], ["a", "a", "b"])
    assert found.settings == ["m", "m", "n"]
    assert found.contexts == ["", "", ""]  # custom_id is no text that a model saw
    assert "a log of OpenAI batch (JSON lines)" in found.read_as[0]
    assert any("1 of 3 rows have no text" in note for note in found.notes)
    named = read([path], text="response.body.choices[0].message.content", setting="response.body.model")
    assert (named.texts, named.settings) == (["one", "three"], ["m", "n"])


def test_completions_in_a_batch(tmp_path: Path) -> None:
    body = {"object": "text_completion", "choices": [{"text": "a"}, {"text": "b"}]}
    path = lines(tmp_path / "out.jsonl", [{"custom_id": "1", "response": {"body": body}}])
    assert read([path]).texts == ["a", "b"]


def harness(number: int, filter_: str = "strict", **more: Any) -> dict[str, Any]:
    arguments = [["Question?", {"until": ["\n"], "do_sample": True, "temperature": 0.5}]]
    return {"doc_id": number, "doc": {"q": 1}, "target": f"0{number}", "arguments": arguments,
            "resps": [[f"text {number}", f"again {number}"]], "filtered_resps": ["x"], "filter": filter_,
            "exact_match": 0.0, **more}  # fmt: skip


def test_a_log_of_lm_evaluation_harness(tmp_path: Path) -> None:
    rows = [harness(n, kind, odd=[n, "x", {}][n % 3]) for kind in ("strict", "flexible") for n in range(3)]
    found = read([lines(tmp_path / "samples.jsonl", rows)])
    assert found.texts == ["text 0", "again 0", "text 1", "again 1", "text 2", "again 2"]
    assert (found.prompts, found.answers) == (["0", "0", "1", "1", "2", "2"], ["00", "00", "01", "01", "02", "02"])
    assert found.contexts == ["Question?"] * 6
    assert "a log of lm-evaluation-harness" in found.read_as[0]
    assert "once for each of 2 filters; those of 'strict' are taken." in found.notes[0]
    newer = {"arguments": {"gen_args_0": {"arg_0": "Why?", "arg_1": {"temperature": 0.1}}}}
    found = read([lines(tmp_path / "new.jsonl", [harness(0), harness(1)] and [{**harness(0), **newer}])])
    assert found.contexts == ["Why?"] * 2
    choices = {**harness(0), "resps": [[["-1.5", "False"]]]}
    with pytest.raises(InputError, match="holds log-likelihoods of choices, no texts"):
        read([lines(tmp_path / "mc.jsonl", [choices])])


def test_a_log_of_promptfoo(tmp_path: Path) -> None:
    def row(text: str, label: str) -> dict[str, Any]:
        return {"prompt": {"raw": "Hi {{x}}", "label": "p"}, "provider": {"id": "openai:x", "label": label},
                "response": {"output": text}, "vars": {"x": 1}, "score": 1}  # fmt: skip

    rows = [row("one", "cold"), row("two", "hot")]
    whole = {"evalId": "e", "results": {"version": 3, "results": rows, "stats": {}}, "config": {}}
    (tmp_path / "out.json").write_text(json.dumps(whole))
    for path in (tmp_path / "out.json", lines(tmp_path / "out.jsonl", rows)):
        found = read([path])
        assert (found.texts, found.prompts, found.settings) == (["one", "two"], ["Hi {{x}}"] * 2, ["cold", "hot"])
        assert "a log of promptfoo" in found.read_as[0]


def test_the_csv_of_promptfoo(tmp_path: Path) -> None:
    names = ["topic"]
    for provider in ("cold", "hot"):
        names += [
            f"[{provider}] Write about {{{{topic}}}}",
            "Status",
            "Score",
            "Named Scores",
            "Grader Reason",
            "Comment",
        ]
    rows = [
        ["ripe", "one", "PASS", "1.00", "", "", "", "two", "FAIL", "0.00", "", "", ""],
        ["'=1+1", "'-three", "PASS", "1.00", "", "", "", "'four'", "PASS", "1.00", "", "", ""],
    ]
    path = tmp_path / "out.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    found = read([path])
    assert found.texts == ["one", "two", "-three", "'four'"]
    assert found.prompts == ["ripe", "ripe", "=1+1", "=1+1"]
    assert found.settings == ["cold", "hot"] * 2
    assert found.contexts == ["Write about ripe"] * 2 + ["Write about =1+1"] * 2
    assert "a log of promptfoo (CSV with commas)" in found.read_as[0]
    assert read([path], text="output", prompt="none").prompts == [""] * 4


def test_a_csv_of_promptfoo_without_variables_or_with_named_prompts(tmp_path: Path) -> None:
    def file(*rows: str) -> Path:
        (tmp_path / "out.csv").write_text("\n".join(rows))
        return tmp_path / "out.csv"

    found = read([file("[m] Say hi,Status,Score", "hello,PASS,1.00")])
    assert (found.texts, found.prompts, found.contexts) == (["hello"], [""], [""])
    found = read([file("Description,a,b,[m] short,Status,Score,[m] long,Status,Score", "d,1,2,x,PASS,1,y,PASS,1")])
    assert (found.texts, found.prompts, found.settings) == (["x", "y"], ["a=1, b=2"] * 2, ["short", "long"])
    assert found.contexts == ["", ""]


def test_logs_of_inspect_ai(tmp_path: Path) -> None:
    def log(temperature: float) -> dict[str, Any]:
        samples = [
            {"id": n, "epoch": epoch, "input": "Q?" if n else [{"role": "user", "content": "Q"}], "target": "t",
             "output": {"model": "m", "choices": [{"message": {"role": "assistant", "content": f"text {n}"}}]}}
            for n in range(2) for epoch in (1, 2)
        ]  # fmt: skip
        config = {"temperature": temperature, "max_tokens": 5, "seed": None}
        return {
            "version": 2,
            "eval": {"model": "m"},
            "plan": {"config": config},
            "samples": samples,
        }

    for name, temperature in (("a", 0.2), ("b", 0.9)):
        (tmp_path / f"{name}.json").write_text(json.dumps(log(temperature)))
    found = read([tmp_path / "a.json", tmp_path / "b.json"])
    assert found.settings == ["0.2"] * 4 + ["0.9"] * 4
    assert found.prompts == ["0", "0", "1", "1"] * 2
    assert found.seeds == ["1", "2"] * 4
    assert found.contexts is not None and json.loads(found.contexts[0]) == [{"role": "user", "content": "Q"}]
    assert (found.contexts[2], found.answers[0], found.texts[0]) == ("Q?", "t", "text 0")
    for name in ("a", "b"):
        whole = json.loads((tmp_path / f"{name}.json").read_text())
        archive(tmp_path / f"{name}.eval", whole)
    again = read([tmp_path / "a.eval", tmp_path / "b.eval"])
    assert "a log of inspect_ai (an .eval archive)" in again.read_as[0]
    assert (again.texts, again.prompts, again.settings) == (found.texts, found.prompts, found.settings)
    assert (again.contexts, again.answers, again.seeds) == (found.contexts, found.answers, found.seeds)


def archive(
    path: Path, log: dict[str, Any], header: str = "header.json", compression: int = zipfile.ZIP_DEFLATED
) -> None:
    """A log in inspect_ai's own form."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for sample in log["samples"]:
            file.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        file.writestr("summaries.json", "[]")
        file.writestr(header, json.dumps({name: value for name, value in log.items() if name != "samples"}))


def zstd_archive(path: Path, members: dict[str, bytes]) -> None:
    """A zip archive whose members are compressed with zstd, as inspect_ai writes them; by the format's definition."""
    body, directory = b"", b""
    for name, plain in members.items():
        packed = pa.Codec("zstd").compress(plain, asbytes=True)
        sizes = struct.pack("<HHHHIIIHH", 0, 93, 0, 0x21, zlib.crc32(plain), len(packed), len(plain), len(name), 0)
        directory += struct.pack("<IHH", 0x02014B50, 63, 63) + sizes + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += name.encode()
        body += struct.pack("<IH", 0x04034B50, 63) + sizes + name.encode() + packed
    count = len(members)
    path.write_bytes(
        body + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), len(body), 0)
    )


def test_a_log_of_inspect_ai_that_is_compressed_with_zstd(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    sample = {"id": 0, "epoch": 1, "input": "Q", "output": {"choices": [{"message": {"content": "text " * 50}}]}}
    zstd_archive(path, {"samples/0_epoch_1.json": json.dumps(sample).encode(), "header.json": b'{"eval": {}}'})
    assert read([path]).texts == ["text " * 50]
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read([path])


def test_what_is_no_log_of_inspect_ai(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    sample = {"id": 0, "epoch": 1, "input": "Q", "output": {"choices": [{"message": {"content": "text"}}]}}
    archive(path, {"eval": {}, "samples": [sample]}, header="_journal/start.json")  # one that was broken off
    assert read([path]).texts == ["text"]
    archive(path, {"eval": {}, "samples": []})
    with pytest.raises(InputError, match=r"no column|at least one text"):
        read([path])
    archive(path, {"samples": [sample]}, header="other.json")
    with pytest.raises(InputError, match="no log of inspect_ai"):
        read([path])
    archive(path, {"samples": [sample]}, compression=zipfile.ZIP_BZIP2)
    with pytest.raises(InputError, match="inspect log convert --to json"):
        read([path])
    archive(path, {"samples": [sample]})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="damaged"):
        read([path])
    path.rename(tmp_path / "log.json")
    with pytest.raises(InputError, match=r"zip archive.*end in \.eval"):
        read([tmp_path / "log.json"])


def test_logs_of_vllm(tmp_path: Path) -> None:
    offline = {"request_id": "1", "prompt": "P", "prompt_token_ids": [1], "outputs": [{"text": "a"}, {"text": "b"}]}
    found = read([lines(tmp_path / "offline.jsonl", [offline])])
    assert (found.texts, found.prompts) == (["a", "b"], ["P", "P"])
    served = {"object": "text_completion", "model": "m", "choices": [{"text": "c"}], "usage": {}}
    assert read([lines(tmp_path / "served.jsonl", [served, served])]).texts == ["c", "c"]
    bench = {"model_id": "m", "generated_texts": ["d", ""], "input_lens": [1, 2], "output_lens": [3, 4]}
    (tmp_path / "bench.json").write_text(json.dumps(bench))
    found = read([tmp_path / "bench.json"])
    assert (found.texts, found.read_as[0].split(":")[0].endswith("vLLM's benchmark")) == (["d", ""], True)


def test_other_forms_of_json(tmp_path: Path) -> None:
    def of(content: str, name: str = "x.json") -> Found:
        (tmp_path / name).write_text(content)
        return read([tmp_path / name])

    assert of('["a", "b"]').texts == ["a", "b"]
    assert of('[{"text": "a"},\n {"text": "b"}]', "x.jsonl").texts == ["a", "b"]  # an array, whatever it is called
    assert of('{"text": "a"}\n{"text": "b"}').texts == ["a", "b"]  # lines, whatever they are called
    assert of('{\n "info": 1,\n "data": [{"text": "a"}]\n}').texts == ["a"]
    assert of('{"prompt": "p", "completions": ["a", "b", null]}', "x.jsonl").prompts == ["p", "p"]
    chat = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": [{"type": "text", "text": "A"}]}]
    found = of(json.dumps({"messages": chat}) + "\n" + json.dumps({"messages": chat}), "c.jsonl")
    assert (found.texts, json.loads(found.prompts[0])) == (["A", "A"], chat[:1])
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n'))
    assert read([tmp_path / "x.jsonl.gz"]).texts == ["a"]


def test_several_columns_make_one_setting_and_constant_ones_none(tmp_path: Path) -> None:
    rows = [{"text": "a", "prompt": "p", "temperature": t, "top_p": p, "top_k": 5, "seed": s,
             "params": {"min_p": 0.1 * s}} for t in (0.2, 1.50) for p in (0.8, 1.0) for s in (1, 0)]  # fmt: skip
    path = lines(tmp_path / "x.jsonl", rows)
    path.write_text(path.read_text().replace("1.5,", "1.50,"))
    found = read([path], setting=["temperature", "top_p"])
    assert list(dict.fromkeys(found.settings)) == [
        "temperature=0.2 top_p=0.8", "temperature=0.2 top_p=1.0", "temperature=1.50 top_p=0.8",
        "temperature=1.50 top_p=1.0",
    ]  # fmt: skip
    found = read([path])
    assert found.setting_names == ("temperature", "top_p", "min_p")
    assert "The same for all texts: top_k is 5." in found.notes
    assert "params.min_p" in found.read_as[0]
    assert set(read([path], setting="none").settings) == {""}
    assert found.seeds == ["1", "0"] * 4


def test_texts_of_two_settings_are_paired_by_seed(tmp_path: Path) -> None:
    """With one prompt the seeds are the units: in whatever order the rows stand, equal seeds are subtracted."""
    loops = {0: 8, 1: 4, 2: 2, 3: 1}  # times, of setting 0
    rows = [{"text": "a b c d " * (n + hot + (hot and seed == 3)), "prompt": "p", "temperature": hot, "seed": seed}
            for hot in (0, 1) for seed, n in sorted(loops.items(), reverse=hot == 1)]  # fmt: skip
    table = measure_files(lines(tmp_path / "x.jsonl", rows)).differences().to_pylist()
    (tokens,) = [row for row in table if row["measure"] == "tokens"]
    # the four differences are 4, 4, 4 and 8: mean 5, standard error 1, times Student's t of 3 degrees of freedom
    assert (tokens["effect"], tokens["low"], tokens["high"]) == pytest.approx((5, 5 - 3.1824, 5 + 3.1824), abs=1e-3)


def test_decimal_commas_and_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\ufeffprompt;temperature;output\r\np, q;0,2;a, b\r\np, q;1;007\r\n\r\n", encoding="utf-8")
    found = read([path])
    assert (found.texts, found.settings, found.prompts) == (["a, b", "007"], ["0.2", "1"], ["p, q"] * 2)
    assert "decimal commas of temperature are read as points." in " ".join(found.notes)
    assert "is read as CSV with semicolons" in found.read_as[0]
    assert "1 blank line skipped." in " ".join(found.notes)
    path.write_text("text\na\n\n 1,5".replace("1,5", "1.50 "), encoding="utf-8")
    assert read([path]).texts == ["a", "", " 1.50 "]  # one column: an empty line is an empty text
    path.write_text("text,score\n" + "x" * 200_000 + ",1\n", encoding="utf-8")
    assert len(read([path]).texts[0]) == 200_000


def test_parquet_is_bounded_and_its_numbers_are_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    columns = {"text": pa.array(["a", None]), "temperature": pa.array([0.2, 1.5], pa.float32()),
               "answer": pa.array([True, False]), "seed": pa.array([2**63 - 1, 1]), "odd": pa.array([b"\xff", b"x"]),
               "nested": pa.array([{"t": [1]}, None])}  # fmt: skip
    pq.write_table(pa.table(columns), path)
    found = read([path], setting=["temperature", "nested.t"])
    assert (found.settings, found.answers, found.seeds) == (["temperature=0.2 nested.t=[\"1\"]"], ["true"],
                                                            [str(2**63 - 1)])  # fmt: skip
    with pytest.raises(InputError, match=r"x\.parquet, row 1: odd: must be a text or a number; it is bytes"):
        read([path], text="odd")
    many = pa.table({"text": pa.DictionaryArray.from_arrays(np.zeros(6_000_000, np.int8), ["a"])})
    pq.write_table(many, path)
    with pytest.raises(InputError, match="is too large to read: 6,000,000 rows, of 5,000,000"):
        read([path])


def test_long_values_of_few_bytes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    values = pa.DictionaryArray.from_arrays(np.zeros(5_000, np.int8), ["a" * 100_000])
    pq.write_table(pa.table({"text": values}), path)
    assert path.stat().st_size < 500_000  # for 500 MB of text
    monkeypatch.setattr("thermoscope.files.parquet.most_texts", lambda: 10 * 2**20)
    with pytest.raises(InputError, match="more than 10 MB, unpacked"):
        read([path])


def test_remarks(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Once", "text": "Once upon"}, {"prompt": "Once", "text": "<think>so</think> a"},
        {"prompt": "Once", "text": "a<|im_end|>"}, {"prompt": "Once", "text": "<unk> b"},
        {"prompt": "Once", "text": " \n"},
    ]  # fmt: skip
    path = lines(tmp_path / "x.jsonl", rows)
    found = read([path])
    said = " ".join(found.notes)
    assert found.notes[0].startswith("1 of 5 texts is empty: the model ended at once. A chat model")
    for words in ("1 of 5 texts begin with their own prompt", "marks of a chat template", "'<unk>'"):
        assert words in said
    assert found.texts[0] == "Once upon"
    cut = read([path], prompt="prompt")
    assert cut.texts[0] == " upon"
    assert cut.notes[0].startswith("1 of 5 texts is empty")
    assert "1 of 5 texts began with their own prompt, which is cut off." in cut.notes


def test_what_nobody_asked_for_makes_no_error(tmp_path: Path) -> None:
    rows = [{"text": "a", "prompt": {"x": 1}, "temperature": [1], "seed": {}, "answer": 1, "other": 1},
            {"text": "b", "prompt": "p", "temperature": 0.5, "other": "x"}]  # fmt: skip
    found = read([lines(tmp_path / "x.jsonl", rows)])
    assert (found.texts, found.prompts, found.settings, found.seeds) == (["a", "b"], ["", ""], ["", ""], [])
    for column in ("prompt", "temperature", "seed"):
        assert any(f"column '{column}' is not used" in note for note in found.notes)
    with pytest.raises(InputError, match="line 1: prompt: must be a text or a number; it is an object"):
        read([tmp_path / "x.jsonl"], prompt="prompt")
