"""Dequantised weights are cached in a folder of the tests' own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("THERMOSCOPE_CACHE", str(folder))
    return folder / "gguf"
