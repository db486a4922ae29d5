"""Which files of a folder are which source, in which group, seen how often."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from training.common import BadInputError

DECLARATION = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True)
class Source:
    """One file of texts: its name, its group in the evaluation, its weight in the mixture."""

    name: str
    path: Path
    group: str
    weight: int
    whole: bool = False


def find_sources(folder: Path, declaration: Path = DECLARATION) -> list[Source]:
    """List the .txt files of `folder` as sources, in order of precedence.

    Raises
    ------
    BadInputError
        If the folder has no .txt file, a weight is negative or no integer, or two files share a name.
    """
    rules = tomllib.loads(declaration.read_text(encoding="utf-8"))
    patterns = [*rules.get("source", []), {"files": "**/*.txt", **rules.get("rest", {})}]
    found: dict[Path, Source] = {}
    for rule in patterns:
        weight = rule.get("weight", 1)
        if not isinstance(weight, int) or weight < 0:
            raise BadInputError(
                f"weight must be a whole number >= 0: got {weight!r} for {rule['files']}; edit it in {declaration.name}"
            )
        for path in sorted(folder.glob(rule["files"])):
            if path not in found:
                found[path] = Source(path.stem, path, rule.get("group", "other"), weight, rule.get("whole", False))
    if not found:
        raise BadInputError(f"the folder must hold .txt files: {folder} has none; name another with --text")
    names = [source.name for source in found.values()]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"file names must differ: {name}.txt stands twice in {folder}; rename one")
    return list(found.values())
