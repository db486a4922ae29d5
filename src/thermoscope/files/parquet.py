"""Rows of a Parquet file: what it would need is bounded before it is read, and while it is."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.files.reading import most_texts
from thermoscope.files.table import Number, Table

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

#: Rows that a file may have: a few bytes can stand for billions of equal ones.
MOST_ROWS = 5_000_000
#: Bytes that are unpacked at a time.
_AT_ONCE = 2**26


def read_parquet(data: bytes, source: str, keep: Callable[[str], bool] = lambda _: True) -> Table:
    """The rows of a Parquet file, numbers as text, of the columns that ``keep`` says yes to.

    Raises
    ------
    InputError
        It is no Parquet file, two columns share a name, or it is too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        metadata = file.metadata
        names = file.schema_arrow.names
        if metadata.num_rows > MOST_ROWS:
            raise _too_large(source, f"{metadata.num_rows:,} rows, of {MOST_ROWS:,} that it may have")
        if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
            raise InputError(f"{source}: columns must have different names; {twice!r} is there twice; rename one")
        return _read(file, source, [name for name in names if keep(name)])
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{source}: can't be read as Parquet ({why}); make it again") from None


def _read(file: pyarrow.parquet.ParquetFile, source: str, names: list[str]) -> Table:
    most = most_texts()
    table = Table(source, "Parquet", [], [], all_names=file.schema_arrow.names)
    read = 0
    batches = file.iter_batches(
        batch_size=_rows_at_once(file.metadata), columns=names, use_threads=False
    )  # see runs/checked.py
    for batch in batches:
        columns = {name: _values(column) for name, column in zip(names, batch.columns, strict=True)}
        read += batch.nbytes + sum(len(v) for values in columns.values() for v in values if isinstance(v, str))
        if read > most:
            raise _too_large(source, f"more than {most / 2**20:,.0f} MB, unpacked")
        table.rows += [{name: columns[name][i] for name in names} for i in range(batch.num_rows)]
    table.lines = list(range(1, len(table.rows) + 1))
    return table


def _values(column: pyarrow.Array) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_float32(column.type):  # 0.2 as such, not the nearest double's 0.20000000298
        return [None if value is None else Number(value) for value in column.cast(pa.string()).to_pylist()]
    return [_as_json(value) for value in column.to_pylist()]


def _rows_at_once(metadata: pyarrow.parquet.FileMetaData) -> int:
    """So many rows that they fit, were each as large as all different values of a row group together."""
    largest = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        largest = max(largest, *(group.column(i).total_uncompressed_size for i in range(group.num_columns)), 1)
    return max(1, min(1024, _AT_ONCE // largest))


def _too_large(source: str, got: str) -> InputError:
    return InputError(f"{source}: is too large to read: {got}; split it, or keep the columns and rows that matter")


def _as_json(value: Any) -> Any:
    """A value as JSON has it, numbers as they would be written there."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float | Decimal):
        return Number(value)
    if isinstance(value, Mapping):
        return {str(name): _as_json(item) for name, item in value.items()}
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_as_json(item) for item in value]
    return value if isinstance(value, bytes) else str(value)
