"""One folder per run: shards of Parquet as work finishes, tables of measures, a manifest written last.

    plan.json                 what is to be made; written first
    command.json              the command that makes it, and goes on with it
    texts/00000.parquet       one row per text; a shard is there whole or not at all
    tokens/00000.parquet      one row per token, written before its texts
    notes.json                what a reader of the texts must know of their source, where there is anything
    idle/00000.json           which stages of which setting changed nothing there, written before the texts
    measures.parquet          one row per text: every measure
    groups.parquet            one row per prompt and setting
    settings.parquet          one row per setting and measure: mean, interval, band
    differences.parquet       one row per pair of settings and measure: paired difference, interval, band
    claims.json               the reading, as records
    manifest.json             what ran, how to make it again; written last, so a folder with one is complete

Every file is written under another name, flushed to the disk and renamed: a kill at any moment leaves whole files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from thermoscope.decode.sample import Sample
from thermoscope.errors import OutputError, RunError
from thermoscope.metrics.table import setting_columns
from thermoscope.runs.plan import Chunk
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    import pyarrow

_T = TypeVar("_T")

FORMAT = "thermoscope.run/1"
COMMAND = "thermoscope.command/1"
#: Tables that are made of the texts once all are there.
TABLES = ("measures", "groups", "settings", "differences")


class Store:
    """The folder of one run.

    Parameters
    ----------
    folder
        Where it is; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plan_record(self) -> dict[str, Any] | None:
        """The plan as it is stored, for ``Plan.from_dict``; None where there is none yet."""
        return self._read_json("plan.json") if (self.folder / "plan.json").is_file() else None

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Store the plan of a new run.

        Raises
        ------
        RunError
            The folder holds something else.
        OutputError
            It can't be written.
        """
        try:
            strangers = [path.name for path in self.folder.iterdir() if path.name != ".lock"]
            if any(not name.endswith(".part") for name in strangers):
                raise RunError(f"{self.folder} is not empty and no run; name another folder with --run")
            self._write_json("plan.json", plan)
        except OSError as error:
            raise OutputError(f"a run can't be written to {str(self.folder)!r}: {error.strerror}") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing this run; released when the process ends, however it ends.

        Raises
        ------
        RunError
            Another process is writing it.
        """
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=0):
                yield
        except Timeout:
            raise RunError(f"{self.folder} is being written by another process; wait for it, or stop it") from None
        except OSError as error:
            if error.filename is None or not str(error.filename).startswith(str(self.folder)):
                raise
            raise OutputError(f"a run can't be written to {str(self.folder)!r}: {error.strerror}") from None

    def manifest(self) -> dict[str, Any] | None:
        """What ran; None while the run is not complete.

        Raises
        ------
        RunError
            The file is damaged.
        """
        path = self.folder / "manifest.json"
        if not path.exists():
            return None
        manifest = self._read_json("manifest.json")
        if manifest.get("format") != FORMAT:
            raise _damaged(path, f"its format is {manifest.get('format')!r}, not {FORMAT!r}")
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
        manifest = self.manifest()
        if manifest is not None:
            return str(manifest["command"])
        there = (self.folder / "command.json").exists()
        return self._read_field("command.json", "command", str) if there else "repeat its measure command"

    def asked(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """What was asked for by name when the run was begun, and what was given as Python objects."""
        record = self.manifest() or (self._read_json("command.json") if (self.folder / "command.json").exists() else {})
        measuring = record.get("measuring", {})
        return dict(measuring.get("asked", {})), tuple(measuring.get("objects", ()))

    @property
    def measured(self) -> bool:
        """Whether the tables and the reading are there."""
        return all((self.folder / name).exists() for name in (*(f"{table}.parquet" for table in TABLES), "claims.json"))

    def claims(self) -> list[dict[str, Any]]:
        """The reading, as records."""
        return self._read_field("claims.json", "claims", list)

    def has(self, chunk: Chunk) -> bool:
        """Whether the texts of a chunk are stored."""
        return self._shard("texts", chunk).exists()

    def add(self, chunk: Chunk, samples: Sequence[Sample], idle: Mapping[str, Sequence[str]]) -> None:
        """Store the texts of a chunk, whole, and by a setting's id its stages that changed nothing."""
        self.write(self._shard("tokens", chunk), _token_rows(samples, chunk))
        (self.folder / "idle").mkdir(exist_ok=True)
        self._write_json(f"idle/{chunk.number:05}.json", {name: list(stages) for name, stages in idle.items()})
        self.write(self._shard("texts", chunk), _text_rows(samples, chunk))

    def keep_notes(self, notes: Sequence[str]) -> None:
        """Add sentences to what a reader of the texts must know, unless they are there."""
        there = self.notes()
        if new := [note for note in notes if note not in there]:
            self._write_json("notes.json", {"notes": [*there, *new]})

    def notes(self) -> list[str]:
        """What a reader of the texts must know, a sentence each."""
        return self._read_field("notes.json", "notes", list) if (self.folder / "notes.json").exists() else []

    def clean(self) -> None:
        """Remove what a kill left: files not finished, and tokens whose texts never came."""
        for path in self.folder.glob("**/*.part"):
            path.unlink()
        for path in (*self.folder.glob("tokens/*.parquet"), *self.folder.glob("idle/*.json")):
            if not (self.folder / "texts" / f"{path.stem}.parquet").exists():
                path.unlink()

    def texts(self) -> pyarrow.Table:
        """All stored texts, in order."""
        return self._shards("texts", _text_rows)

    def tokens(self) -> pyarrow.Table:
        """The token records of all stored texts, in order."""
        return self._shards("tokens", _token_rows)

    def idle_stages(self, setting: SamplingParams) -> tuple[str, ...]:
        """The stages of a setting that changed no distribution in any stored chunk."""
        idle = set(setting.active_stages)
        for texts in self.folder.glob("texts/*.parquet"):
            path = self.folder / "idle" / f"{texts.stem}.json"
            idle &= set(self._read_json(f"idle/{path.name}").get(setting.id, ())) if path.exists() else set()
        return tuple(stage for stage in setting.active_stages if stage in idle)

    def table(self, name: str) -> pyarrow.Table:
        """One of ``TABLES``.

        Raises
        ------
        RunError
            The file is damaged or gone.
        """
        return _read_table(self.folder / f"{name}.parquet")

    def finish(self, tables: dict[str, pyarrow.Table], claims: list[dict[str, Any]], manifest: dict[str, Any]) -> None:
        """Store the tables and the reading, then the manifest."""
        (self.folder / "manifest.json").unlink(missing_ok=True)
        for name in TABLES:
            self.write(self.folder / f"{name}.parquet", tables[name])
        self._write_json("claims.json", {"format": "thermoscope.claims/1", "claims": claims})
        self._write_json("manifest.json", {"format": FORMAT, **manifest})

    def _shard(self, kind: str, chunk: Chunk) -> Path:
        return self.folder / kind / f"{chunk.number:05}.parquet"

    def _shards(self, kind: str, rows: Callable[[Sequence[Sample], Chunk], pyarrow.Table]) -> pyarrow.Table:
        import pyarrow

        there = [_read_table(path) for path in sorted((self.folder / kind).glob("*.parquet"))]
        # shards of older versions have narrower columns
        return pyarrow.concat_tables(there or [rows((), Chunk(0, 0, (), 0))], promote_options="permissive")

    def write(self, path: Path, table: pyarrow.Table) -> None:
        """Write a table as Parquet, whole or not at all."""
        import pyarrow.parquet

        path.parent.mkdir(exist_ok=True)
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            pyarrow.parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def _write_json(self, name: str, value: Any) -> None:
        part = self.folder / f"{name}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=2, ensure_ascii=False, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / name)

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(path, str(error)) from None
        if not isinstance(found, dict):
            raise _damaged(path, "it is no JSON object")
        return found

    def _read_field(self, name: str, field: str, kind: type[_T]) -> _T:
        value = self._read_json(name).get(field)
        if not isinstance(value, kind):
            raise _damaged(self.folder / name, f"its {field!r} is no {'text' if kind is str else kind.__name__}")
        return value


def _read_table(path: Path) -> pyarrow.Table:
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, why: str) -> RunError:
    """A file of a run that can't be read, and how to have it made again: all but the plan follow from the texts."""
    if path.name == "plan.json":
        return RunError(f"{path} can't be read ({why}); choose another run")
    shard = path.parent.name in ("texts", "tokens", "idle")
    run, stem = (path.parent.parent, path.stem) if shard else (path.parent, "")
    remove = f"{run / 'texts' / stem}.parquet" if shard else str(run / "manifest.json")
    return RunError(f"{path} can't be read ({why}); delete {remove} and repeat the run's measure command")


def _text_rows(samples: Sequence[Sample], chunk: Chunk) -> pyarrow.Table:
    import pyarrow as pa

    setting = setting_columns([s.params for s in samples])
    return pa.table(
        {
            "text_id": pa.array(range(chunk.first_text, chunk.first_text + len(samples)), pa.int64()),
            "prompt_id": pa.array([chunk.prompt] * len(samples), pa.int32()),
            "prompt": pa.array([s.prompt for s in samples], pa.string()),
            **{name: setting[name] for name in ("setting_id", "setting", "temperature")},
            "seed": pa.array([s.seed for s in samples], pa.uint64()),
            "text": pa.array([s.text for s in samples], pa.string()),
            "finish_reason": pa.array([s.finish_reason for s in samples], pa.string()),
            "prompt_tokens": pa.array([s.prompt_tokens for s in samples], pa.int32()),
            "tokens": pa.array([len(s.token_ids) for s in samples], pa.int32()),
            "text_tokens": pa.array([len(s.text_token_ids) for s in samples], pa.int32()),
        }
    )


def _token_rows(samples: Sequence[Sample], chunk: Chunk) -> pyarrow.Table:
    import pyarrow as pa

    def column(name: str, kind: pa.DataType) -> pa.Array:
        # an endpoint may give tokens without some of their records
        values = (getattr(s, name) or [None] * len(s.token_ids) for s in samples)
        return pa.array([value for of_text in values for value in of_text], kind)

    return pa.table(
        {
            "text_id": pa.array([chunk.first_text + i for i, s in enumerate(samples) for _ in s.token_ids], pa.int64()),
            "position": pa.array([at for s in samples for at in range(len(s.token_ids))], pa.int32()),
            "token_id": column("token_ids", pa.int64()),  # 62 bits of a hash where a server gives no ids
            "logprob": column("logprobs", pa.float32()),
            "drawn_logprob": column("drawn_logprobs", pa.float32()),
            "entropy": column("entropies", pa.float32()),
            "rank": column("ranks", pa.int32()),
            "text_end": column("text_ends", pa.int32()),
        }
    )
