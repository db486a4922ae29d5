"""The cache of rows as transformers' modules want it. Imports transformers."""

from __future__ import annotations

from transformers.cache_utils import Cache, CacheLayerMixin

from thermoscope.models.cache import RowCache, RowLayer, RowState


class TransformersRowLayer(RowLayer, CacheLayerMixin):  # type: ignore[misc]
    """A ``RowLayer`` that transformers takes for one of its own."""


class TransformersRowCache(RowCache, Cache):  # type: ignore[misc]
    """A ``RowCache`` that transformers takes for one of its own."""

    def __init__(self, layers: int, capacity: int, length: int) -> None:
        self.state = RowState(capacity, length)
        Cache.__init__(self, layers=[TransformersRowLayer(self.state) for _ in range(layers)])
