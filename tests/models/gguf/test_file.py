"""The reader against the package's own, and files that are not what they should be."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from tests import gguf_files
from thermoscope.errors import ModelError, ModelNotFoundError
from thermoscope.models.gguf.file import GGUFFile

#: Types that the package can only read, with where a block of 256 keeps its half-precision scales.
READ_ONLY = {Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,), Kind.Q2_K: (80, 82), Kind.Q3_K: (108,)}


@pytest.fixture
def path(tmp_path) -> Path:
    gguf_files.write(tmp_path / "a.gguf", "llama")
    return tmp_path / "a.gguf"


def random_blocks(kind: Kind, rows: int = 3, blocks: int = 2) -> np.ndarray:
    """Bytes of a quantised tensor, all chance but for scales that are small numbers."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    rng = np.random.default_rng(int(kind))
    data = rng.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    for place in READ_ONLY[kind]:
        data[:, :, place : place + 2] = rng.uniform(0.01, 0.1, (rows, blocks, 1)).astype(np.float16).view(np.uint8)
    return data.reshape(rows, blocks * size)


def test_metadata_is_that_of_the_packages_reader(path):
    ours, theirs = GGUFFile(path).metadata, gguf.GGUFReader(path).fields
    assert set(ours) == set(theirs)
    for name, field in theirs.items():
        assert ours[name] == field.contents(), name
    assert len(ours["tokenizer.ggml.tokens"]) == 320


def test_strings_of_any_kind(tmp_path):
    listed = ["", "a", "日本 🚀", "\0\x1b", "x" * 100_000]
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_array("some.texts", listed)
    writer.add_array("some.numbers", [1.5, -2.0])
    writer.add_array("some.flags", [True, False])
    writer.add_string("one.text", "naïve")
    writer.add_float64("one.number", 1e300)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    read = GGUFFile(tmp_path / "a.gguf").metadata
    assert read["some.texts"] == listed
    assert read["some.numbers"] == [1.5, -2.0]
    assert read["some.flags"] == [True, False]
    assert read["one.text"] == "naïve"
    assert read["one.number"] == 1e300


@pytest.mark.parametrize(
    "kind", [Kind.F32, Kind.F16, Kind.BF16, Kind.Q8_0, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, *READ_ONLY]
)
def test_tensors_are_those_of_the_packages_reader(tmp_path, kind):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    values = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    writer.add_tensor(
        "a.weight", random_blocks(kind) if kind in READ_ONLY else gguf.quantize(values, kind), raw_dtype=kind
    )
    writer.add_tensor("b.weight", values[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file, reader = GGUFFile(tmp_path / "a.gguf"), gguf.GGUFReader(tmp_path / "a.gguf")
    for tensor in reader.tensors:
        want = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(tuple(reversed(tensor.shape.tolist())))
        got = file.read(tensor.name)
        assert got.dtype == np.float32
        assert np.isfinite(want).all()
        assert got.tobytes() == np.asarray(want, dtype=np.float32).tobytes()
    assert np.array_equal(file.read("b.weight"), values[0])


def test_the_largest_tensors_come_first(path):
    file = GGUFFile(path)
    sizes = [int(np.prod(file.tensors[name].shape)) for name in file.largest_first()]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(file.tensors)


def test_the_digest_is_that_of_the_content(path, tmp_path):
    import hashlib

    assert GGUFFile(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def refused(path: Path, kind: type[ModelError] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        file = GGUFFile(path)
        for name in file.tensors:
            file.read(name)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    return said


def test_a_file_that_is_not_there(tmp_path):
    assert "no GGUF file" in refused(tmp_path / "none.gguf", ModelNotFoundError)
    assert "no GGUF file" in refused(tmp_path, ModelNotFoundError)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"PK\x03\x04" + bytes(100))
    assert "not a GGUF file" in refused(tmp_path / "a.gguf")


def test_a_pointer_of_git_lfs(tmp_path):
    (tmp_path / "a.gguf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert "Git LFS pointer" in refused(tmp_path / "a.gguf", ModelNotFoundError)


def test_a_file_that_is_cut_short_anywhere(path, tmp_path):
    whole = path.read_bytes()
    for size in (0, 3, 10, 30, 200, len(whole) // 8, len(whole) // 2, len(whole) - 64):
        (tmp_path / "cut.gguf").write_bytes(whole[:size])
        assert "download it again" in refused(tmp_path / "cut.gguf") or size < 10


def test_an_unknown_quantisation(path):
    data = bytearray(path.read_bytes())
    at = data.index(b"blk.0.attn_q.weight") + len(b"blk.0.attn_q.weight") + 4 + 16
    assert struct.unpack_from("<I", data, at) == (0,)
    struct.pack_into("<I", data, at, 9999)
    path.write_bytes(data)
    assert "unknown type 9999" in refused(path)


def test_a_part_of_a_split_file(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_uint16("split.count", 3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "one part of 3" in refused(tmp_path / "a.gguf")
