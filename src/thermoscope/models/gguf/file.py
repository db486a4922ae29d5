"""A GGUF file: its metadata as Python values, its tensors dequantised one at a time.

The ``gguf`` package reads the format and dequantises. Its reader makes several slices of a memory map for every string
of a vocabulary, each an object of numpy's slowest array class; here it reads a plain view, and an array of strings in
one pass.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFValueType, dequantize

from thermoscope.errors import ModelError, ModelNotFoundError
from thermoscope.models.pointers import refuse_pointer

Array = np.ndarray[Any, Any]

_LENGTH = struct.Struct("<Q")


class _Reader(GGUFReader):
    """The package's reader over a plain array; an array of values is one part, of Python's own types."""

    _plain: Array | None = None

    def _get(self, offset: int, dtype: Any, count: int = 1, override_order: Any = None) -> Array:
        if self._plain is None:
            self._plain = np.asarray(self.data)
        kind = np.dtype(dtype)
        found = self._plain[offset : offset + kind.itemsize * int(count)].view(kind)[: int(count)]
        ordered: Array = found.view(kind.newbyteorder(self.byte_order if override_order is None else override_order))
        return ordered

    def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[Any]]:
        if raw_type != GGUFValueType.ARRAY or self.byte_order == "S":
            return super()._get_field_parts(orig_offs, raw_type)
        kind = GGUFValueType(int(self._get(orig_offs, np.uint32)[0]))
        count = int(self._get(orig_offs + 4, np.uint64)[0])
        start = orig_offs + 12
        if kind == GGUFValueType.STRING:
            values, end = self._strings(start, count)
        elif kind in self.gguf_scalar_to_np:
            numbers = self._get(start, self.gguf_scalar_to_np[kind], count)
            values, end = numbers.tolist(), start + numbers.nbytes
        else:
            return super()._get_field_parts(orig_offs, raw_type)
        return end - orig_offs, [values], [0], [GGUFValueType.ARRAY, kind]

    def _strings(self, start: int, count: int) -> tuple[list[str], int]:
        """So many strings from an offset on, and where they end."""
        assert self._plain is not None
        data: memoryview = self._plain.data
        values = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + 8 + length
            if end > len(data):
                raise ValueError("a string goes beyond the end of the file")
            values.append(str(data[start + 8 : end], "utf-8", "replace"))
            start = end
        return values, start


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tensor is in the file: its type, its offset, its shape in rows, and the shape of its bytes."""

    kind: Any
    offset: int
    shape: tuple[int, ...]
    stored_shape: tuple[int, ...]
    stored_type: np.dtype[Any]


class GGUFFile:
    """An open GGUF file.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    metadata
        Every key with its value: numbers, texts, lists.
    tensors
        Where each tensor is.

    Raises
    ------
    ModelError
        It is not a GGUF file, is cut short, or has a quantisation that the ``gguf`` package does not know.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ModelNotFoundError(f"no GGUF file at {str(path)!r}; check the path, or download the file first")
        refuse_pointer(path)
        try:
            reader = _Reader(path)
            self.metadata: Mapping[str, Any] = {name: _value(field) for name, field in reader.fields.items()}
            self.tensors: Mapping[str, Stored] = {
                tensor.name: Stored(
                    tensor.tensor_type,
                    int(tensor.data_offset),
                    tuple(int(n) for n in reversed(tensor.shape)),
                    tuple(tensor.data.shape),
                    tensor.data.dtype,
                )
                for tensor in reader.tensors
            }
        except (ValueError, IndexError, KeyError, struct.error, OverflowError, MemoryError) as error:
            raise ModelError(
                f"the file {str(path)!r} can't be read: {_reason(error)}; download or convert it again"
            ) from None
        if self.metadata.get("split.count", 0) > 1:
            raise ModelError(
                f"the file {str(path)!r} is one part of {self.metadata['split.count']}; "
                "join them with llama-gguf-split --merge"
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole file, in hexadecimal digits."""
        with self.path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()

    @property
    def quantisations(self) -> tuple[str, ...]:
        """Names of the tensors' types, the most frequent first."""
        names = [stored.kind.name for stored in self.tensors.values()]
        return tuple(sorted(set(names), key=lambda name: (-names.count(name), name)))

    def read(self, name: str) -> Array:
        """A tensor, dequantised: float32, rows last to first as the shape says.

        The bytes are read, not mapped, so that the file does not count as memory of this process.
        """
        stored = self.tensors[name]
        count = int(np.prod(stored.stored_shape))
        data = np.fromfile(self.path, dtype=stored.stored_type, count=count, offset=stored.offset)
        if data.size < count:
            raise ModelError(f"the file {str(self.path)!r} is cut short at tensor {name}; download it again")
        try:
            values = dequantize(data.reshape(stored.stored_shape), stored.kind)
        except NotImplementedError:
            raise ModelError(
                f"the tensor {name} of {str(self.path)!r} is of type {stored.kind.name}, which can't be dequantised "
                "here; use a file with Q4_K_M or Q8_0, say"
            ) from None
        return np.asarray(values, dtype=np.float32).reshape(stored.shape)

    def largest_first(self) -> Iterator[str]:
        """Names of the tensors, the largest first: what dequantising needs beside them is then least at the end."""
        yield from sorted(self.tensors, key=lambda name: -int(np.prod(self.tensors[name].shape)))


def _value(field: Any) -> Any:
    if field.types and field.types[0] == GGUFValueType.ARRAY and isinstance(field.parts[-1], list):
        return field.parts[-1]
    return field.contents()


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else ""
    if "magic" in text:
        return "it is not a GGUF file (its first four bytes are not GGUF)"
    if "is not a valid GGMLQuantizationType" in text:
        number = "".join(filter(str.isdecimal, text.partition(" is not")[0].removeprefix("np.uint32")))
        return f"it has a tensor of the unknown type {number}; update the package gguf, or use another file"
    if isinstance(error, IndexError) or "size" in text or "beyond" in text or "mmap" in text or "reshape" in text:
        return "it is cut short; download it again"
    return f"its header is damaged ({type(error).__name__}: {text}); download it again"
