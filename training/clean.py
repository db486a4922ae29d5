"""Text of a source file -> clean documents; and what makes two documents the same."""

import re

from training.common import END_OF_TEXT

_HEADED = re.compile(r"^#{2,}[^\n]*\n", re.MULTILINE)
_LOST_DASH = re.compile(r'(?<=[\w,.]) ""(?= )')
_SPACE_BEFORE_STOP = re.compile(r"(?<=\w) +(?=[,.!?](?:\s|$))")
_BLANK_LINES = re.compile(r"\n{3,}")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_MARKS = re.compile(r"[\\{}_^=<>|$]")
_SENTENCE_END = (".", "!", "?", '"', "'", ")")


def split_documents(text: str) -> list[str]:
    """Cut a file at its end-of-text lines; a document of several headed texts becomes several."""
    documents = []
    for document in text.split(END_OF_TEXT):
        # collections of mini-stories under ### headings are stories of their own
        documents += _HEADED.split(document)
    return [document.strip() for document in documents if document.strip()]


def clean_document(text: str, *, whole: bool = False) -> str:
    """Return the cleaned document, or "" if it isn't worth keeping.

    Dropped: paragraphs that are mostly formulas or code, a last line that announces what was cut
    off (it ends with a colon), documents under 80 characters and, where `whole` is asked for,
    documents that break off in mid-sentence.
    """
    text = _LOST_DASH.sub(" -", text.replace("\r", ""))
    text = _SPACE_BEFORE_STOP.sub("", _TRAILING.sub("", text))
    paragraphs = [p for p in text.split("\n\n") if len(_MARKS.findall(p)) <= 0.04 * len(p)]
    lines = "\n\n".join(paragraphs).strip().split("\n")
    while lines and (lines[-1].endswith((":", ",")) or not lines[-1].strip()):
        lines.pop()
    text = _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
    if len(text) < 80 or (whole and not text.endswith(_SENTENCE_END)):
        return ""
    return text


def normalise(text: str) -> str:
    """Lower-case words separated by single spaces: what is left when layout is taken away."""
    return " ".join(re.findall(r"\w+", text.lower()))


def identity(text: str) -> set[str]:
    """Return the normalised forms by which a document is recognised elsewhere.

    The whole text, and the text without its first line, because a heading turned into a prompt
    leaves the rest as it was. The latter counts only if it is long enough to be no accident.
    """
    body = normalise(text.partition("\n")[2])
    return {normalise(text), body} if len(body) >= 80 else {normalise(text)}


def shingles(text: str, words: int = 13) -> set[int]:
    """Return the hashes of all runs of `words` words (equal within one process only)."""
    tokens = normalise(text).split(" ")
    return {hash(tuple(tokens[i : i + words])) for i in range(len(tokens) - words + 1)}
