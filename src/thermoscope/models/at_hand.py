"""Which models are at hand without the network, and the cache of dequantised weights."""

from __future__ import annotations

from dataclasses import dataclass

from thermoscope.models import smollm2
from thermoscope.models.gguf import cache


@dataclass(frozen=True, slots=True)
class AtHand:
    """A model, or something else that is kept.

    Attributes
    ----------
    name
        What ``--model`` takes; for what is no model, what it is.
    where
        The folder or the file, or how it is got.
    size_bytes
        What it takes on the disk; None where it is not there.
    """

    name: str
    where: str
    size_bytes: int | None


def at_hand() -> list[AtHand]:
    """The bundled model, SmolLM2, what of the hub is cached, and the cache of dequantised weights."""
    from thermoscope.models.load import BUNDLED

    found = [AtHand("bundled", str(BUNDLED), sum(p.stat().st_size for p in BUNDLED.iterdir() if p.is_file()))]
    path = smollm2.find()
    if path is None:
        missing = f"not installed: thermoscope models get smollm2 ({smollm2.MEGABYTES} MB)"
        found.append(AtHand("smollm2", missing, None))
    else:
        found.append(AtHand("smollm2", str(path), path.stat().st_size))
    found += _of_the_hub()
    kept = cache.entries()
    if kept:
        size = sum(size for _, size in kept)
        limit = f"at most {cache.MOST_BYTES / 1e9:g} GB; may be deleted"
        found.append(AtHand("(dequantised weights)", f"{cache.folder()} ({limit})", size))
    return found


def _of_the_hub() -> list[AtHand]:
    """Models of the hub that are cached here with their weights."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except (CacheNotFound, OSError):
        return []
    return sorted(
        (
            AtHand(repository.repo_id, str(repository.repo_path), repository.size_on_disk)
            for repository in repositories
            if repository.repo_type == "model"
            and any(
                file.file_name.endswith((".safetensors", ".bin"))
                for revision in repository.revisions
                for file in revision.files
            )
        ),
        key=lambda one: one.name,
    )
