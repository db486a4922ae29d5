"""Dequantised weights are kept, and what is spoiled is made again."""

from __future__ import annotations

import torch

from thermoscope.models.gguf import cache as room
from thermoscope.models.gguf.cache import cached, entries


def weights(value: float = 1.0, size: int = 100) -> dict[str, torch.Tensor]:
    return {"a": torch.full((size,), value)}


def failing() -> dict[str, torch.Tensor]:
    raise AssertionError("made again")


def test_what_was_made_is_kept_by_content_and_type(cache):
    assert torch.equal(cached("d" * 64, "float32", weights)["a"], torch.ones(100))
    assert torch.equal(cached("d" * 64, "float32", failing)["a"], torch.ones(100))
    assert torch.equal(cached("e" * 64, "float32", lambda: weights(2))["a"], torch.full((100,), 2.0))
    assert torch.equal(cached("d" * 64, "bfloat16", lambda: weights(3))["a"], torch.full((100,), 3.0))
    assert len(entries()) == 3
    assert all(path.parent == cache for path, _ in entries())


def test_what_is_spoiled_is_made_again(cache):
    for spoiled in (b"", b"\xff" * 20, b"short"):
        cached("d" * 64, "float32", weights)
        path = entries()[0][0]
        path.write_bytes(spoiled)
        assert torch.equal(cached("d" * 64, "float32", lambda: weights(5))["a"], torch.full((100,), 5.0))
        assert torch.equal(cached("d" * 64, "float32", failing)["a"], torch.full((100,), 5.0))
        path.unlink()


def test_a_file_that_is_cut_short_is_made_again(cache):
    cached("d" * 64, "float32", weights)
    path = entries()[0][0]
    path.write_bytes(path.read_bytes()[:-1])
    assert torch.equal(cached("d" * 64, "float32", lambda: weights(5))["a"], torch.full((100,), 5.0))


def test_a_folder_that_cannot_be_written_is_no_fault(cache):
    cache.parent.mkdir(parents=True)
    cache.write_text("a file in the way")
    assert torch.equal(cached("d" * 64, "float32", weights)["a"], torch.ones(100))
    assert entries() == []


def test_size_is_bounded(cache, monkeypatch):
    monkeypatch.setattr(room, "MOST_BYTES_EACH", 500)
    monkeypatch.setattr(room, "MOST_BYTES", 1500)
    cached("a" * 64, "float32", lambda: weights(size=126))  # 504 bytes
    assert entries() == []
    for n, name in enumerate("abcd"):
        cached(name * 64, "float32", lambda: weights(size=100))
        import os

        os.utime(entries()[0][0], (n, n))
    assert sum(size for _, size in entries()) <= 1500
    names = {path.name[0] for path, _ in entries()}
    assert "d" in names
    assert "a" not in names


def test_nothing_half_written_stays(cache):
    cached("d" * 64, "float32", weights)
    assert [path.suffix for path in cache.iterdir()] == [".safetensors"]
