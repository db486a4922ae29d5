"""Print the oldest version of each dependency that pyproject.toml admits, as constraints for pip."""

import re
import sys
import tomllib
from pathlib import Path

declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["dependencies"]
for requirement in declared:
    found = re.fullmatch(r"([\w-]+)>=([\w.]+),<[\w.]+", requirement)
    if found is None:
        sys.exit(f"a dependency must have a lower bound and a cap, as in name>=1.2,<2; got {requirement!r}")
    sys.stdout.write("{}=={}\n".format(*found.groups()))
