"""One folder per run: shards of Parquet as work finishes, tables of measures, a manifest written last.

    plan.json                 what is to be made; written first
    command.json              the command that makes it, and goes on with it
    notes.json                what a reader of the texts must know of their source, where there is anything
    tokens/00000.parquet      one row per token, as far as they are kept
    chunks/00000.json         what was written of a chunk: its files' checksums, and which stages changed nothing
    texts/00000.parquet       one row per text; written last of a chunk, which is there whole or not at all
    measures.parquet          one row per text: every measure
    groups.parquet            one row per prompt and setting
    settings.parquet          one row per setting and measure: mean, interval, band
    differences.parquet       one row per pair of settings and measure: paired difference, interval, band
    claims.json               the reading, as records
    manifest.json             what ran, how to make it again, checksums; written last, so a folder with one is complete

Every file is written whole or not at all: a kill at any moment leaves whole files. What was changed since it was
written is not read: checksums tell.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.decode.sample import Sample
from thermoscope.errors import OutputError, RunError
from thermoscope.files.remote import Remote
from thermoscope.files.writing import PART, write_whole
from thermoscope.runs import records
from thermoscope.runs.checked import damaged, parquet_bytes, sha256_of, signed, table_of, verified
from thermoscope.runs.plan import Chunk
from thermoscope.runs.records import NoRecordError, read_record
from thermoscope.runs.rows import text_rows, token_rows
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.dataset

FORMAT = "thermoscope.run/1"
COMMAND = "thermoscope.command/1"
#: Tables that are made of the texts once all are there.
TABLES = ("measures", "groups", "settings", "differences")
#: Files that have a checksum in the manifest: what is made of the texts, and the plan.
_MADE = (*(f"{table}.parquet" for table in TABLES), "claims.json", "plan.json")

#: What makes the rows of each kind of shard.
_ROWS: dict[str, Callable[[Sequence[Sample], Chunk], pyarrow.Table]] = {"texts": text_rows, "tokens": token_rows}


@dataclass(frozen=True, slots=True)
class Stored:
    """What the folder of a run says of itself.

    Attributes
    ----------
    plan
        The plan as it is stored; None where there is none yet.
    manifest
        What ran; None while the run is not complete, or where that can't be read.
    faults
        What can't be read or was changed of the manifest and the tables, a sentence each.
    """

    plan: Mapping[str, Any] | None
    manifest: Mapping[str, Any] | None
    faults: tuple[str, ...] = ()

    @property
    def measuring(self) -> tuple[dict[str, Any], Any]:
        """How the texts were measured, and the statistics of the reference that they were compared with."""
        found = {} if self.manifest is None else dict(self.manifest["measuring"])
        return found, found.pop("reference", None)


class Store:
    """The folder of one run.

    Parameters
    ----------
    folder
        Where it is, on this machine or at a URL; made if need be.
    """

    def __init__(self, folder: Path | Remote) -> None:
        self.folder = folder

    def plan_record(self) -> dict[str, Any] | None:
        """The plan as it is stored, for ``Plan.from_dict``; None where there is none yet."""
        return self._record("plan.json", records.PlanRecord) if (self.folder / "plan.json").is_file() else None

    def look(self) -> Stored:
        """What is there, but for the texts.

        Raises
        ------
        RunError
            The plan can't be read.
        """
        plan = self.plan_record()
        try:
            manifest = self.manifest()
        except RunError as error:
            return Stored(plan, None, (f"{str(error).partition(';')[0]}; the texts are measured again",))
        if manifest is None or self.measured(manifest):
            return Stored(plan, manifest)
        changed = f"tables in {self.folder} were changed since they were written; the texts are measured again"
        return Stored(plan, manifest, (changed,))

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Store the plan of a new run.

        Raises
        ------
        RunError
            The folder holds something else.
        OutputError
            It can't be written.
        """
        strangers = [path.name for path in self.folder.iterdir() if path.name != ".lock"]
        if any(not name.endswith(PART) for name in strangers):
            raise RunError(f"{self.folder} is not empty and no run; name another folder with --run")
        self._write_json("plan.json", plan)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing this run; released when the process ends, however it ends.

        A folder at a URL has no locks.

        Raises
        ------
        RunError
            Another process is writing it.
        OutputError
            The folder can't be written.
        """
        from filelock import FileLock, Timeout

        if isinstance(self.folder, Remote):
            yield
            return
        with self._writing(""):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise RunError(f"{self.folder} is being written by another process; wait for it, or stop it") from None
        try:
            yield
        finally:
            lock.release()

    def manifest(self) -> dict[str, Any] | None:
        """What ran; None while the run is not complete.

        Raises
        ------
        RunError
            The file is damaged.
        """
        if not (self.folder / "manifest.json").exists():
            return None
        manifest = self._record("manifest.json", records.Manifest)
        if "sha256" in manifest and signed(manifest) != manifest:
            raise damaged(self.folder / "manifest.json", "it was changed since it was written")
        verified(self.folder / "plan.json", manifest["files"].get("plan.json") if "files" in manifest else None)
        return manifest

    def complete_manifest(self) -> dict[str, Any]:
        """What ran.

        Raises
        ------
        RunError
            The run is not complete; the command that resumes it is named.
        """
        manifest = self.manifest()
        if manifest is None:
            raise RunError(f"{self.folder} is not complete; to go on where it was: {self.command()}")
        return manifest

    def keep_command(self, command: str, measuring: Mapping[str, Any]) -> None:
        """Store the command that makes the run, and how its texts are to be measured, until the manifest has both."""
        self._write_json("command.json", {"format": COMMAND, "command": command, "measuring": dict(measuring)})

    def command(self) -> str:
        """The command that makes the run again, or resumes it."""
        record = self._request()
        return str(record["command"]) if record else "repeat its measure command"

    def requested(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """What was asked for by name when the run was begun, and what was given as Python objects."""
        measuring = self._request().get("measuring", {})
        return dict(measuring.get("asked", {})), tuple(measuring.get("objects", ()))

    def _request(self) -> dict[str, Any]:
        manifest = self.manifest()
        if manifest is not None or not (self.folder / "command.json").exists():
            return manifest or {}
        return self._record("command.json", records.Command)

    def keep_notes(self, notes: Sequence[str]) -> None:
        """Add sentences to what a reader of the texts must know, unless they are there."""
        there = self.notes()
        if new := [note for note in notes if note not in there]:
            self._write_json("notes.json", {"notes": [*there, *new]})

    def notes(self) -> list[str]:
        """What a reader of the texts must know, a sentence each."""
        there = (self.folder / "notes.json").exists()
        return list(self._record("notes.json", records.Notes)["notes"]) if there else []

    def has(self, chunk: Chunk) -> bool:
        """Whether the texts of a chunk are stored."""
        return self._shard("texts", chunk.number).exists()

    def add(self, chunk: Chunk, samples: Sequence[Sample], idle: Mapping[str, Sequence[str]]) -> None:
        """Store the texts of a chunk, whole, and by a setting's id its stages that changed nothing."""
        parts = {"texts": parquet_bytes(text_rows(samples, chunk))}
        if chunk.tokens != "none":
            parts["tokens"] = parquet_bytes(token_rows(samples, chunk))
            self._write(f"tokens/{chunk.number:05}.parquet", parts["tokens"])
        record = {
            "plan": chunk.plan,
            "chunk": chunk.number,
            "sha256": {kind: sha256_of(content) for kind, content in parts.items()},
            "idle": {name: list(stages) for name, stages in idle.items()},
        }
        self._write_json(f"chunks/{chunk.number:05}.json", record)
        self._write(f"texts/{chunk.number:05}.parquet", parts["texts"])

    def clean(self, chunks: Sequence[Chunk]) -> list[str]:
        """Remove what a kill left of a plan's chunks, and what was changed since: a sentence for each of the latter."""
        for path in self.folder.glob(f"**/*{PART}"):
            path.unlink()
        faults = self.faults(chunks)
        for chunk, _ in faults:
            self._shard("texts", chunk.number).unlink(missing_ok=True)
        for path in (*self.folder.glob("tokens/*.parquet"), *self.folder.glob("chunks/*.json")):
            if not self._shard("texts", int(path.stem) if path.stem.isdecimal() else -1).exists():
                path.unlink()
        return [f"{why}; its texts are made again" for _, why in faults if why]

    def faults(self, chunks: Sequence[Chunk]) -> list[tuple[Chunk, str]]:
        """The chunks that are missing (""), or not as they were written, and why."""
        found = []
        for chunk in chunks:
            why = self._fault(chunk) if self.has(chunk) else ""
            if why is not None:
                found.append((chunk, why))
        return found

    def _fault(self, chunk: Chunk) -> str | None:
        """What is wrong with the files of a chunk; None if nothing is."""
        try:
            record = self._chunk_record(chunk.number)
            if record is not None and (record["plan"], record["chunk"]) != (chunk.plan, chunk.number):
                return f"{self._shard('texts', chunk.number)} belongs to another run or place"
            texts, wanted = self._read("texts", chunk.number), range(chunk.first_text, chunk.first_text + chunk.texts)
            tokens = sum(texts["tokens"].to_pylist())
            there = tokens if chunk.tokens == "none" else len(self._read("tokens", chunk.number))
            if texts["text_id"].to_pylist() != list(wanted) or tokens != there:
                return f"{self._shard('texts', chunk.number)} has other rows than it was made with"
        except KeyError as error:
            return f"{self._shard('texts', chunk.number)} has no column {error}"
        except RunError as error:
            return str(error).partition(";")[0]
        return None

    def texts(self) -> pyarrow.Table:
        """All stored texts, in order; errors as in ``table``."""
        return self._all("texts")

    def tokens(self) -> pyarrow.Table:
        """The token records of all stored texts, in order; errors as in ``table``."""
        return self._all("tokens")

    def scanned(
        self, kind: str, *, check: bool = True, on_check: Callable[[int, int], None] | None = None
    ) -> pyarrow.dataset.Dataset:
        """The rows of "texts" or "tokens" that are stored, in order, read piece by piece as somebody asks for them.

        To ``check``, every file is read once beforehand, and ``on_check`` told how many were and are to be; errors as
        in ``table``.
        """
        import pyarrow.dataset

        paths = self.shards(kind)
        for number, path in enumerate(paths if check else ()):
            if on_check is not None:
                on_check(number, len(paths))
            record = self._chunk_record(int(path.stem))
            if record is None:
                table_of(path, None)
            else:
                verified(path, record["sha256"].get(kind, ""))
        plan = self.plan_record() or {}
        nothing = Chunk("", 0, 0, (), 0, 0, plan.get("tokens", "records"))
        # shards of older versions have narrower columns, and lack what is recorded since: there it is null
        schema = _ROWS[kind]((), nothing).schema
        files = self.folder.files if isinstance(self.folder, Remote) else None
        names = [path.path if isinstance(path, Remote) else str(path) for path in paths]
        return pyarrow.dataset.dataset(names, schema=schema, format="parquet", filesystem=files)

    def shards(self, kind: str) -> list[Path | Remote]:
        """The files of "texts" or "tokens" that are there, in order."""
        return sorted((self.folder / kind).glob("*.parquet"), key=str)

    def idle_stages(self, setting: SamplingParams) -> tuple[str, ...]:
        """The stages of a setting that changed no distribution in any stored chunk."""
        idle = set(setting.active_stages)
        for texts in self.shards("texts"):
            record = self._chunk_record(int(texts.stem)) or {"idle": {}}
            idle &= set(record["idle"].get(setting.id, ()))
        return tuple(stage for stage in setting.active_stages if stage in idle)

    def table(self, name: str) -> pyarrow.Table:
        """One of ``TABLES``.

        Raises
        ------
        RunError
            The file is damaged, gone, or was changed since it was written.
        """
        path = self.folder / f"{name}.parquet"
        return table_of(path, (self.manifest() or {}).get("files", {}).get(path.name))

    def claims(self) -> list[dict[str, Any]]:
        """The reading, as records; errors as in ``table``."""
        found = self._record("claims.json", records.Claims)
        verified(self.folder / "claims.json", (self.manifest() or {}).get("files", {}).get("claims.json"))
        return list(found["claims"])

    def measured(self, manifest: Mapping[str, Any]) -> bool:
        """Whether the tables and the reading are there as they were written."""
        try:
            for name in _MADE:
                verified(self.folder / name, manifest.get("files", {}).get(name))
        except RunError:
            return False
        return True

    def finish(self, tables: dict[str, pyarrow.Table], claims: list[dict[str, Any]], manifest: dict[str, Any]) -> None:
        """Store the tables and the reading, then the manifest."""
        with self._writing("manifest.json"):
            (self.folder / "manifest.json").unlink(missing_ok=True)
        for name in TABLES:
            self._write(f"{name}.parquet", parquet_bytes(tables[name]))
        self._write_json("claims.json", {"format": "thermoscope.claims/1", "claims": claims})
        files = {name: sha256_of((self.folder / name).read_bytes()) for name in _MADE}
        self._write_json("manifest.json", signed({"format": FORMAT, **manifest, "files": files}))

    def _shard(self, kind: str, number: int) -> Path | Remote:
        return self.folder / kind / f"{number:05}.parquet"

    def _chunk_record(self, number: int) -> dict[str, Any] | None:
        """What was written of a chunk; None in runs that keep no record of it."""
        name = f"chunks/{number:05}.json"
        return self._record(name, records.ChunkRecord) if (self.folder / name).exists() else None

    def _read(self, kind: str, number: int) -> pyarrow.Table:
        record = self._chunk_record(number)
        return table_of(self._shard(kind, number), None if record is None else record["sha256"].get(kind, ""))

    def _all(self, kind: str) -> pyarrow.Table:
        import pyarrow

        there = [self._read(kind, int(path.stem)) for path in self.shards(kind)]
        # shards of older versions have narrower columns, and lack what is recorded since: there it is null
        return pyarrow.concat_tables(
            there or [_ROWS[kind]((), Chunk("", 0, 0, (), 0, 0))], promote_options="permissive"
        )

    def _write(self, name: str, content: bytes) -> None:
        with self._writing(name):
            (self.folder / name.rpartition("/")[0]).mkdir(exist_ok=True)
            write_whole(self.folder / name, content)

    def _write_json(self, name: str, value: Any) -> None:
        self._write(name, f"{json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode())

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Errors of the system in the block as one line."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"a run can't be written to {str(self.folder / name)!r}: {error.strerror or error}; "
                "mend that, and the same command goes on where it was"
            ) from None

    def _record(self, name: str, kind: type[records.Record]) -> dict[str, Any]:
        try:
            return read_record(self.folder / name, kind)
        except NoRecordError as error:
            raise damaged(self.folder / name, str(error)) from None
