"""The JSON files of a run: what each must hold, checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thermoscope.files.remote import Remote

#: A JSON file of a run is larger than this only if something else was put in its place.
MOST_BYTES = 256 * 2**20


class NoRecordError(Exception):
    """A file is no record of its kind; the message says why."""


class Record(BaseModel):
    """Fields that are not named here are left as they are."""

    model_config = ConfigDict(strict=True, extra="allow")


class PlanRecord(Record):
    """``plan.json``."""

    format: Literal["thermoscope.plan/1"]
    name: str
    prompts: list[str] = Field(min_length=1)
    settings: list[dict[str, Any]] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    max_new_tokens: int = Field(ge=1)
    stop: list[str]
    model: str
    revision: str | None
    dtype: str | None
    device: str | None
    max_rows: int | None
    use_case: str
    use_case_id: str
    chat_words: list[str] = []
    names: list[str | None] | None = None
    tokens: Literal["none", "ids", "records"] = "records"


class _Seconds(Record):
    generating: float
    measuring: float


class Manifest(Record):
    """``manifest.json``."""

    format: Literal["thermoscope.run/1"]
    id: str
    plan: PlanRecord
    objective: str
    title: str
    reference: str
    texts: int
    tokens: int
    finished: str
    notes: list[str]
    versions: dict[str, str]
    texts_made_last: int
    seconds_last: _Seconds
    command: str
    measuring: dict[str, Any]
    effective: list[str] = []
    shared_noise: bool = True
    spent: dict[str, str] = {}
    files: dict[str, str] = {}


class _Contrast(Record):
    verdict: str


class _Claim(Record):
    name: str
    statement: str
    verdict: Literal["holds", "does not hold", "can't be told", "not tested"]
    reason: str
    contrasts: list[_Contrast]


class Claims(Record):
    """``claims.json``."""

    claims: list[_Claim]


class _Stated(Record):
    name: str
    params: dict[str, Any] | None


class _Found(Record):
    sources: list[str]
    notes: list[str]
    read_as: list[str]
    setting_names: list[str]


class KeptTexts(Record):
    """``texts.json``: what is known of texts from files beside their tables."""

    format: Literal["thermoscope.texts/1"]
    found: _Found
    settings: list[_Stated]
    claims: list[_Claim]
    notes: list[str]
    tokens: str
    ran: dict[str, Any]
    thinking: list[dict[str, Any]]
    files: dict[str, str]


class _Requested(Record):
    asked: dict[str, str] = {}
    objects: list[str] = []


class Command(Record):
    """``command.json``."""

    command: str
    measuring: _Requested = _Requested()


class Notes(Record):
    """``notes.json``."""

    notes: list[str]


class ChunkRecord(Record):
    """``chunks/00000.json``: what was written of a chunk.

    Attributes
    ----------
    plan, chunk
        The identity of the plan, and the number of the chunk in it.
    sha256
        Of its files, by folder.
    idle
        By a setting's id, its stages that changed nothing.
    """

    plan: str
    chunk: int
    sha256: dict[str, str]
    idle: dict[str, list[str]]


def read_record(path: Path | Remote, kind: type[Record]) -> dict[str, Any]:
    """A JSON file as it is, if it is a record of its kind.

    Raises
    ------
    NoRecordError
        It can't be read, or a field is missing or of another type.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NoRecordError(f"it has more than {MOST_BYTES // 2**20} MB")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NoRecordError(" ".join(str(error).split())) from None
    if not isinstance(found, Mapping):
        raise NoRecordError("it is no JSON object")
    try:
        kind.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NoRecordError(f"field {where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
    return dict(found)
