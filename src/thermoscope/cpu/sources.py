"""What the compiled loops that numba keeps on disk were compiled from."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

#: Where loops are written, and what goes into them.
SOURCES = ("compiled.py", "*_loops.py", "vectors.py", "plain_texts.py")


@cache
def state_of_sources() -> str:
    """Eight hexadecimal digits of what ``SOURCES`` say.

    numba looks at a loop's own file to see whether what it has kept still holds, and not at what the loop calls.
    """
    here = Path(__file__).parent
    files = sorted(path for pattern in SOURCES for path in here.glob(pattern))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in files), digest_size=4).hexdigest()
