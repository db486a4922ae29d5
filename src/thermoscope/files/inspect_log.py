"""A log of inspect_ai in its own form, ``.eval``: a zip archive with a header and one JSON file for each sample."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from thermoscope.errors import InputError
from thermoscope.files.table import Table

#: Where the header stands when an evaluation has ended, and when it is still running or was broken off.
_HEADERS = ("header.json", "_journal/start.json")
_TO_JSON = "convert it: inspect log convert --to json"
#: How zip archives call zstd, which ``zipfile`` can unpack from Python 3.14 on only.
_ZSTD = 93
_KNOWN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, _ZSTD})


def members(data: bytes, source: str, most: int) -> tuple[str, list[tuple[str, str]]]:
    """The header and the samples of a log, as JSON.

    Parameters
    ----------
    data
        The archive.
    source
        The file, for messages.
    most
        Bytes that all samples may have together, unpacked.

    Returns
    -------
    tuple
        The header, and name and text of each sample, in the archive's order.

    Raises
    ------
    InputError
        It is no such archive, damaged, too large, or compressed in an unknown way.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            header = next((name for name in _HEADERS if name in infos), None)
            samples = [name for name in infos if name.startswith("samples/") and name.endswith(".json")]
            if header is None:
                raise InputError(
                    f"{source}: this zip archive is no log of inspect_ai; unpack it, and name a file in it"
                )
            if any(infos[name].compress_type not in _KNOWN for name in (header, *samples)):
                raise InputError(f"{source}: this log of inspect_ai is compressed in an unknown way; {_TO_JSON}")
            if sum(infos[name].file_size for name in (header, *samples)) > most:
                raise InputError(f"{source}: has more than {most / 2**20:,.0f} MB, unpacked; split it")
            return (
                _text(archive, data, infos[header]),
                [(name, _text(archive, data, infos[name])) for name in samples],
            )
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as error:
        raise InputError(f"{source}: this zip archive is damaged ({error}); copy it again, or {_TO_JSON}") from None


def _text(archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo) -> str:
    plain = _of_zstd(data, info) if info.compress_type == _ZSTD else archive.read(info)
    return plain.decode("utf-8")


def _of_zstd(data: bytes, info: zipfile.ZipInfo) -> bytes:
    """A member that is compressed with zstd; its bytes follow a header of 30 bytes, its name and an extra field."""
    import pyarrow as pa

    name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
    start = info.header_offset + 30 + name + extra
    packed = pa.BufferReader(data[start : start + info.compress_size])
    plain: bytes = pa.CompressedInputStream(packed, "zstd").read(info.file_size + 1)
    if len(plain) != info.file_size or zlib.crc32(plain) != info.CRC:
        raise zipfile.BadZipFile(f"{info.filename} is not what was written")
    return plain


def as_one_object(header: Table, samples: list[Table]) -> Table:
    """The log as inspect_ai writes it in JSON: one object with all samples."""
    top: dict[str, Any] = header.rows[0] if header.rows else {}
    rows = [row for sample in samples for row in sample.rows]
    return Table(header.source, "an .eval archive", [{**top, "eval": top.get("eval", {}), "samples": rows}], [1])
