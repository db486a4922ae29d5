"""Checkpoints: everything that a run needs to go on as if it had never stopped."""

import re
from pathlib import Path
from typing import Any

import torch

KEEP = 2


def checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, oldest first."""
    found = [p for p in folder.glob("step_*.pt") if re.fullmatch(r"step_\d+\.pt", p.name)]
    return sorted(found, key=lambda p: int(p.stem.split("_")[1]))


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Save atomically as step_N.pt, with the random state; older ones than the last few are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:07d}.pt"
    part = path.with_suffix(".part")
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    torch.save({**state, "step": step, "rng": torch.get_rng_state(), "cuda_rng": cuda}, part)
    part.replace(path)
    for old in checkpoints(folder)[:-KEEP]:
        old.unlink()
    return path


def load(path: Path, *, restore_rng: bool = False) -> dict[str, Any]:
    """Load a checkpoint onto the processor; `restore_rng` sets the random state as well."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    if restore_rng:
        torch.set_rng_state(state["rng"])
        if torch.cuda.is_available() and state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])
    return state
