"""The runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thermoscope.errors import ThermoscopeError
from thermoscope.files.remote import Remote
from thermoscope.runs.kept_texts import is_kept, open_measured
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store


def runs_in(folder: Path | Remote) -> list[dict[str, Any]]:
    """What is known of every run in a folder, by name; folders that are no runs are left out."""
    found: list[dict[str, Any]] = []
    there: list[Path | Remote] = [*folder.iterdir()] if folder.is_dir() else []
    for path in sorted(there, key=str):
        if is_kept(path):
            found.append(_of_texts(path))
            continue
        if not (path / "plan.json").is_file():
            continue
        store = Store(path)
        try:
            plan, manifest = Plan.from_dict(store.plan_record(), path), store.manifest()
        except ThermoscopeError:
            found.append(_unreadable(path))
            continue
        done = sum(c.texts for c in plan.chunks() if store.has(c))
        found.append(
            {
                "run": path.name,
                "name": plan.name,
                "model": plan.model,
                "prompts": len(plan.prompts),
                "settings": len(plan.settings),
                "seeds": len(plan.seeds),
                "texts": plan.texts,
                "done": done,
                "state": "complete" if manifest is not None else "not complete",
                "finished": None if manifest is None else manifest["finished"],
            }
        )
    return found


def _unreadable(path: Path | Remote) -> dict[str, Any]:
    known = dict.fromkeys(("done", "texts", "settings", "prompts", "seeds", "model"), "?")
    return known | {"run": path.name, "state": "unreadable"}


def _of_texts(path: Path | Remote) -> dict[str, Any]:
    """What is known of texts from files that are kept in a folder."""
    try:
        kept = open_measured(path)
    except ThermoscopeError:
        return _unreadable(path)
    number = len(kept.found.texts)
    return {
        "run": path.name,
        "name": ", ".join(kept.found.sources),
        "model": kept.tokens,
        "prompts": len(kept.prompts),
        "settings": len(set(kept.settings)),
        "seeds": len(set(kept.found.seeds)) or "-",
        "texts": number,
        "done": number,
        "state": "texts from files",
        "finished": None,
    }
