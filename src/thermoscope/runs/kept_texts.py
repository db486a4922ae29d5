"""One folder for texts from files and their measures, beside those of runs.

texts.parquet          one row per text: the text, its prompt, setting, seed, answer, and every measure
tokens.parquet         one row per token, in the order of the texts
groups.parquet         one row per prompt and setting
settings.parquet       one row per setting and measure: mean, interval, band
differences.parquet    one row per pair of settings and measure
texts.json             where the texts are from, what ran, the claims, checksums; written last
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.errors import OutputError, RunError
from thermoscope.files.remote import Remote, place
from thermoscope.files.texts import Found
from thermoscope.files.writing import write_whole
from thermoscope.metrics.ragged import Ragged, starts_of
from thermoscope.ran.provenance import WhatRan
from thermoscope.runs.checked import damaged, parquet_bytes, sha256_of, signed, table_of
from thermoscope.runs.measured import Measured
from thermoscope.runs.records import KeptTexts, NoRecordError, read_record
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    import pyarrow

FORMAT = "thermoscope.texts/1"
RECORD = "texts.json"
#: The tables of a folder, beside the one with the tokens.
TABLES = ("texts", "groups", "settings", "differences")
#: What is kept of ``Found`` beside the columns of the texts.
_OF_FOUND = ("sources", "notes", "read_as", "setting_names")


def is_kept(folder: Path | Remote) -> bool:
    """Whether texts from files are kept in a folder."""
    return (folder / RECORD).is_file()


def keep(measured: Measured, folder: Path | Remote) -> Measured:
    """Write texts and measures into a folder, in place of earlier ones; every file whole or not at all.

    ``folder`` is a path or a URL.

    Raises
    ------
    RunError
        The folder holds something else.
    OutputError
        It can't be written.
    """
    import pyarrow as pa

    if folder.is_dir() and any(folder.iterdir()) and not is_kept(folder):
        raise RunError(f"{folder} is not empty and holds no texts from files; name another folder with --run")
    lengths = measured.token_ids.lengths
    tables = {**measured.tables, "tokens": pa.table({
        "text_id": np.repeat(np.arange(len(lengths)), lengths), "token_id": measured.token_ids.values,
        "text_end": measured.ends.values,
    })}  # fmt: skip
    tables["texts"] = tables["texts"].append_column("answer", pa.array(measured.found.answers, pa.string()))
    tables["texts"] = tables["texts"].append_column("tokens_of_text", pa.array(lengths, pa.int64()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
        files = {}
        for name, table in tables.items():
            content = parquet_bytes(table)
            files[f"{name}.parquet"] = sha256_of(content)
            write_whole(folder / f"{name}.parquet", content)
        record = signed({"format": FORMAT, **_record(measured), "files": files})
        write_whole(folder / RECORD, f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode())
    except OSError as error:
        raise OutputError(f"texts can't be kept in {str(folder)!r}: {error.strerror or error}; name another folder") \
            from None  # fmt: skip
    return replace(measured, folder=folder)


def _record(measured: Measured) -> dict[str, Any]:
    """All but the tables, as what JSON can hold."""
    different = dict.fromkeys(zip(measured.found.settings, measured.settings, strict=True))
    return {
        "found": {name: getattr(measured.found, name) for name in _OF_FOUND},
        "settings": [
            {"name": name, "params": given.to_record() if isinstance(given, SamplingParams) else None}
            for name, given in different
        ],
        "claims": list(measured.claims),
        "notes": list(measured.notes),
        "tokens": measured.tokens,
        "ran": measured.ran.to_dict(),
        "thinking": list(measured.thinking),
    }


def open_measured(folder: str | Path | Remote) -> Measured:
    """Open texts from files that were measured and kept.

    Parameters
    ----------
    folder
        What ``thermoscope measure FILE --run FOLDER`` or ``keep`` wrote.

    Raises
    ------
    RunError
        The folder holds no such texts, or a file of it was changed.
    """
    folder = place(folder)
    record = _read(folder)
    tables = _tables(folder, record)
    texts, tokens = tables["texts"], tables.pop("tokens")
    starts = starts_of(texts["tokens_of_text"].to_numpy())
    named = {one["name"]: one["params"] for one in record["settings"]}
    given = {name: name if params is None else _setting(params) for name, params in named.items()}
    seeds = texts["seed"].to_pylist() if "seed" in texts.column_names else []
    found = Found(
        texts["text"].to_pylist(), texts["prompt"].to_pylist(), texts["setting"].to_pylist(),
        texts["answer"].to_pylist(), tuple(record["found"]["sources"]), seeds=seeds,
        notes=list(record["found"]["notes"]), read_as=list(record["found"]["read_as"]),
        setting_names=tuple(record["found"]["setting_names"]),
    )  # fmt: skip
    tables["texts"] = texts.drop_columns(["answer", "tokens_of_text"])
    return Measured(
        found=found,
        settings=tuple(given[name] for name in found.settings),
        token_ids=Ragged(tokens["token_id"].to_numpy(), starts),
        ends=Ragged(tokens["text_end"].to_numpy(), starts),
        tables=tables,
        claims=tuple(record["claims"]),
        notes=tuple(record["notes"]),
        tokens=record["tokens"],
        ran=_ran(record["ran"]),
        thinking=tuple(record["thinking"]),
        folder=folder,
    )


def kept_tables(folder: Path | Remote) -> dict[str, pyarrow.Table]:
    """The tables of a folder with texts from files, with the tokens; errors as in ``open_measured``."""
    return _tables(folder, _read(folder))


def _tables(folder: Path | Remote, record: Mapping[str, Any]) -> dict[str, pyarrow.Table]:
    names = (*TABLES, "tokens")
    return {name: table_of(folder / f"{name}.parquet", record["files"].get(f"{name}.parquet", "")) for name in names}


def _read(folder: Path | Remote) -> dict[str, Any]:
    """The record of a folder, if it is as it was written."""
    try:
        record = read_record(folder / RECORD, KeptTexts)
    except NoRecordError as error:
        raise damaged(folder / RECORD, str(error)) from None
    if signed(record) != record:
        raise damaged(folder / RECORD, "it was changed since it was written")
    return record


def _ran(record: Mapping[str, Any]) -> WhatRan:
    values: dict[str, Any] = {one.name: record[one.name] for one in fields(WhatRan) if one.name in record}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return WhatRan(**values)


def _setting(params: dict[str, Any]) -> SamplingParams:
    return SamplingParams(**{name: value for name, value in params.items() if name in SamplingParams.model_fields})
