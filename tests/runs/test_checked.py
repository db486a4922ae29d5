"""Tables of a run are read in the thread that asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_cli import environment

_READS = """
import json, os, sys
from pathlib import Path
import pyarrow, pyarrow.parquet
from thermoscope.files.parquet import read_parquet
from thermoscope.runs.checked import table_of
path = Path(sys.argv[1])

def threads():
    names = [Path(f"/proc/self/task/{number}/comm").read_text() for number in os.listdir("/proc/self/task")]
    return len([name for name in names if "jemalloc" not in name])  # the allocator's own touches nothing of ours

counts = [threads()]
rows = table_of(path, None).num_rows
read_parquet(path.read_bytes(), "t")
counts.append(threads())
pyarrow.parquet.read_table(pyarrow.BufferReader(path.read_bytes()))
counts.append(threads())
print(json.dumps([rows, *counts]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted as Linux shows them")
def test_no_thread_of_arrow_is_started(tmp_path: Path) -> None:
    """One that lets go of our bytes while Python ends aborts the process (apache/arrow#34314)."""
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({f"c{n}": list(range(3000)) for n in range(20)}), path)
    ran = subprocess.run(
        [sys.executable, "-c", _READS, str(path)], env=environment(), capture_output=True, text=True, check=True
    )
    rows, before, ours, arrows = json.loads(ran.stdout)
    assert rows == 3000
    assert ours == before
    assert arrows > before  # what is counted can be seen
