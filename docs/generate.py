"""Write the documents that are made from the code: ``cli.md``, ``measures.md``, ``stages.md``, ``reference/python.md``.

``--check`` writes nothing and fails if one of them is not what the code says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from math import isinf
from pathlib import Path

import typer

from thermoscope.cli.app import app

DOCS = Path(__file__).parent
NOTE = "<!-- made by docs/generate.py; don't edit -->\n"
#: Prints the help of many commands in one process, a zero byte after each.
HELP = """
import json, sys
from thermoscope.cli.app import main
for words in json.loads(sys.argv[1]):
    sys.argv[:] = ["thermoscope", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    print(end="\\0")
"""


def commands(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it."""
    yield before
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*before, name))


def cli() -> str:
    """The help of the command and of each of its commands."""
    pages = [NOTE, "# The command line\n"]
    asked = [[*command, "--help"] for command in commands(typer.main.get_command(app))]
    env = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    shown = subprocess.run(
        [sys.executable, "-c", HELP, json.dumps(asked)], env=env, check=True, capture_output=True, text=True
    )
    for words, page in zip(asked, shown.stdout.split("\0")[:-1], strict=True):
        lines = "\n".join(line.rstrip() for line in page.strip().splitlines())
        pages.append(f"## `thermoscope {' '.join(words)}`\n\n```\n{lines}\n```\n")
    return "\n".join(pages)


def between(least: float, most: float) -> str:
    """A range in words."""
    if isinf(least):
        return "any"
    return f"{least:g} or more" if isinf(most) else f"{least:g} to {most:g}"


def measures() -> str:
    """The registry as a table."""
    from thermoscope.metrics.registry import MEASURES

    rows = [
        f"| `{m.name}` | {m.level} | {m.unit or '-'} | {between(*m.bounds)} | {m.direction} | {m.minimum_tokens} "
        f"| {m.meaning} | {m.source} |"
        for m in MEASURES.values()
    ]
    head = [
        "| measure | of a | unit | range | larger means | fewest tokens | meaning | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(
        [
            NOTE,
            "# Measures",
            "",
            "A measure is of one text, of a group (the samples of one prompt and setting) or of a setting (all its",
            "texts). Measures are taken on token ids of the continuation, cut to one common length. Likelihood and",
            "entropy are the model's own (T=1, untruncated), not those of the distribution that a token was drawn",
            "from; `tempered_entropy` alone is taken at the setting's temperature. A measure that can't be known (no",
            "4-gram in three tokens) is unknown, never zero.",
            "",
            "`tests/metrics/test_published.py` holds measures against published code on 54 texts, degenerate ones",
            "among them, to 1e-12: self-BLEU against sacrebleu, Zipf's slope against scipy, self-repetition",
            "against the package `diversity` of Shaib et al. That package also differs. Its compression ratio",
            "compresses twice by gzip at level 9 and rounds: it is smaller for short texts and up to 7 % larger for",
            "long ones. Its n-gram diversity is the sum of `distinct_1` to `distinct_4` of all texts joined to one.",
            "Its self-repetition is 0 where ours is unknown (no two texts with a 4-gram).",
            "",
            *head,
            *rows,
            "",
        ]
    )


def stages() -> str:
    """The table of stages."""
    from thermoscope.settings.stages import OPAQUE, STAGES

    def cell(text: object) -> str:
        return str(text).replace("|", "\\|")

    rows = []
    for stage in STAGES.values():
        names = ", ".join(f"`{p.name}` ({cell(p.domain)})" for p in stage.parameters)
        off = ", ".join(f"{p.inert:g}" for p in stage.parameters[:1] if p.inert is not None) or "-"
        spectrum = {"lines": "yes", "half-lines": "yes", "refused": "no"}
        exact = f"{spectrum[stage.before]} / {spectrum[stage.after]}" if stage.name != "temperature" else "-"
        rows.append(f"| `{stage.name}` | {names} | {cell(stage.rule)} | {off} | {exact} |")
    head = [
        "| stage | parameters | rule | does nothing at | spectrum, before / after temperature |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(
        [
            NOTE,
            "# Stages",
            "",
            "In the default order, that of transformers' `generate`. A stage is off unless its parameter is set; l is",
            "a logit, p a probability among the tokens that are left, H their entropy in nats.",
            "",
            *head,
            *rows,
            "",
            "## Parameters of no stage",
            "",
            "How much a reasoning model thinks is passed on to an endpoint as it is, and exported; what comes of it is",
            "the affair of the engine and the model. A model that runs here refuses them.",
            "",
            "| parameter | values | meaning |",
            "|---|---|---|",
            *(f"| `{p.name}` | {p.domain} | {p.help} |" for p in OPAQUE.values()),
            "",
        ]
    )


def python() -> str:
    """The public names, for mkdocstrings to fill in: functions first, then what they take and return, then errors."""
    import thermoscope

    public = {name: getattr(thermoscope, name) for name in thermoscope.__all__ if not name.startswith("__")}
    groups: dict[str, list[str]] = {"Functions": [], "What they take and return": [], "Errors": []}
    for name, value in public.items():
        error = isinstance(value, type) and issubclass(value, Exception)
        kind = "Errors" if error else "What they take and return" if name[0].isupper() else "Functions"
        groups[kind].append(name)
    lines = [NOTE, "# Python\n", "Everything public stands in `thermoscope` itself; all else may change.\n"]
    for title, names in groups.items():
        lines += [f"## {title}\n", *(f"::: thermoscope.{name}\n" for name in names)]
    return "\n".join(lines)


#: Every document that is made here, by its place in ``docs/``.
MADE = {"cli.md": cli, "measures.md": measures, "stages.md": stages, "reference/python.md": python}


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail if a document is stale")
    check = parser.parse_args().check
    stale = []
    for name, make in MADE.items():
        path, text = DOCS / name, make()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python docs/generate.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
