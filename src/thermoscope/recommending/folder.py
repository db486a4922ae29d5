"""The folder of a recommendation: ordinary runs side by side, and what was asked and answered.

question.json          what is asked, as far as texts depend on it, and the budget in tokens; written first
reference.json         statistics of text by people under the model, read once
round-1/, round-2/ ..  runs on the open prompts
confirm-1/ ..          runs on held-out prompts
recommendation.json    the answer; written last
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from thermoscope.errors import OutputError, RunError
from thermoscope.files.parsing import json_value
from thermoscope.files.reading import read_text
from thermoscope.files.writing import write_whole
from thermoscope.recommending.recommendation import Recommendation

FORMAT = "thermoscope.question/1"
#: The answer's file.
ANSWER = "recommendation.json"


def question_id(question: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits of what is asked."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:8]


class Folder:
    """The folder of one recommendation.

    Parameters
    ----------
    path
        Where it is; made if need be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, question: Mapping[str, Any], allowed: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """The budget in tokens and how it was found: as stored, or from ``allowed``, which is then stored.

        Raises
        ------
        RunError
            The folder holds something else.
        OutputError
            It can't be written.
        """
        stored = self._read("question.json")
        if stored is None:
            if self.path.is_dir() and any(self.path.iterdir()):
                raise RunError(f"{self.path} is not empty and no recommendation; name another folder with --run")
            tokens, said = allowed()
            self.write("question.json", {"format": FORMAT, "question": dict(question), "tokens": tokens, "said": said})
            return tokens, said
        there = stored.get("question")
        if stored.get("format") != FORMAT or not isinstance(there, dict) or not isinstance(stored.get("tokens"), int):
            raise RunError(
                f"{self.path / 'question.json'} is no question of this version; name another folder with --run"
            )
        if there != question:
            other = next((name for name in question if there.get(name) != question[name]), "question")
            raise RunError(
                f"{self.path} holds a recommendation with other {other}; name another folder with --run, or repeat its "
                "own command"
            )
        return stored["tokens"], str(stored.get("said", ""))

    def reference(self, key: str, made: Callable[[], Mapping[str, Any] | str | None]) -> Mapping[str, Any] | str | None:
        """The statistics of the reference: as stored under this key, or from ``made``, which are then stored."""
        stored = self._read("reference.json")
        if stored is not None and stored.get("key") == key:
            found: Mapping[str, Any] | str | None = stored["record"]
            return found
        record = made()
        self.write("reference.json", {"key": key, "record": record})
        return record

    def runs(self, kind: str) -> Iterator[Path]:
        """The folders of "round" or "confirm" runs that were begun, in order."""
        number = 1
        while (self.path / f"{kind}-{number}" / "plan.json").is_file():
            yield self.path / f"{kind}-{number}"
            number += 1

    def answer(self) -> Recommendation | None:
        """The stored answer; None where there is none.

        Raises
        ------
        RunError
            It is damaged.
        """
        path = self.path / ANSWER
        return Recommendation.from_json(read_text(path, "a recommendation"), path) if path.is_file() else None

    def keep(self, answer: Recommendation) -> None:
        """Store the answer."""
        self._write(ANSWER, answer.to_json())

    def write(self, name: str, record: Mapping[str, Any]) -> None:
        """Store a record as JSON, whole or not at all.

        Raises
        ------
        OutputError
            It can't be written.
        """
        self._write(name, json.dumps(record, indent=2, ensure_ascii=False))

    def _write(self, name: str, text: str) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_whole(self.path / name, f"{text}\n")
        except OSError as error:
            raise OutputError(
                f"a recommendation can't be written to {str(self.path / name)!r}: {error.strerror or error}; choose "
                "another folder with --run"
            ) from None

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        if not path.is_file():
            return None
        found = json_value(read_text(path, "a recommendation's file"), str(path))
        if not isinstance(found, dict):
            raise RunError(f"{path} must be a JSON object; it was changed; name another folder with --run")
        return found


def open_recommendation(folder: str | Path) -> Recommendation:
    """The answer that a folder of ``recommend`` holds.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    RunError
        It holds none, or it is damaged.
    """
    found = Folder(Path(folder)).answer()
    if found is None:
        raise RunError(f"{str(folder)!r} holds no recommendation; thermoscope recommend makes one")
    return found


def recommendations_in(runs: Path) -> Iterator[Path]:
    """The folders of recommendations in a folder of runs, answered or only begun, by name."""
    for path in sorted(runs.iterdir()) if runs.is_dir() else []:
        if (path / "question.json").is_file():
            yield path
