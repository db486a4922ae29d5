"""Write docs/model_attribution.md from the lists that stand beside the texts.

SOURCES.md has one table row per file (file, documents, MB, million words, million tokens,
repository@commit, licence, what) and a list of full commits; ATTRIBUTION_storybooks.md lists
"- title: author" under a heading per repository.
"""

import argparse
import re
from pathlib import Path

from training.common import need, run_step, write_text

HEAD = """# Attribution of the bundled model's training text

The bundled model's weights were made from the texts below; they are licensed under CC BY-SA 4.0. The
texts were cleaned (markup, code and boilerplate removed, accents and typographic characters folded),
cut into documents and mixed. None of their authors endorses the result. The repositories are on GitHub
under the names given here.

"""
_ELSEWHERE = "; attribution per story in the repository"  # replaced by the list of storybooks below


def sources_table(text: str) -> str:
    """Turn the table of SOURCES.md into file, repository at commit, licence and content."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rows = [row for row in rows if len(row) == 8 and row[0].endswith(".txt")]
    lines = ["| file | repository@commit | licence | what |", "| --- | --- | --- | --- |"]
    lines += [f"| {row[0]} | {row[5]} | {row[6].replace(_ELSEWHERE, '')} | {row[7]} |" for row in rows]
    return "\n".join(lines)


def storybooks(text: str) -> str:
    """Turn the list of storybooks into one compact paragraph per repository."""
    parts = []
    for section in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        books = [line[2:].strip() for line in body.splitlines() if line.startswith("- ")]
        named = [book.rpartition(": ") for book in books]
        paragraph = "; ".join(f"*{name}* ({by})" if name else f"*{by}*" for name, _, by in named)
        parts.append(f"### {title.strip()}\n\nTitle (author), {len(books)} books.\n\n{paragraph}.")
    return "\n\n".join(parts)


def main() -> None:
    """Read the command line and write the attribution."""
    parser = argparse.ArgumentParser(prog="python -m training.attribution", description=__doc__)
    parser.add_argument("--text", type=Path, default=Path("../shared/corpus"), help="folder of the texts")
    parser.add_argument("--to", type=Path, default=Path("docs/model_attribution.md"))
    args = parser.parse_args()
    sources = need(args.text / "SOURCES.md", "prepare").read_text(encoding="utf-8")
    books = need(args.text / "ATTRIBUTION_storybooks.md", "prepare").read_text(encoding="utf-8")
    commits = [line for line in sources.partition("Full commits:")[2].splitlines() if line.startswith("- ")]
    text = (
        f"{HEAD}## Sources\n\n{sources_table(sources)}\n\nFull commits:\n\n"
        + "\n".join(commits)
        + f"\n\n## Storybooks (CC BY)\n\n{storybooks(books)}\n"
    )
    write_text(args.to, text)
    print(f"{args.to}: {len(text):,} characters")


if __name__ == "__main__":
    run_step(main)
