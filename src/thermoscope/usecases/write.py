"""A use case written as TOML, around prompts from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from thermoscope.errors import InputError
from thermoscope.files.reading import MOST_SETTINGS, shown
from thermoscope.models.chat import as_messages
from thermoscope.usecases.case import Prompt
from thermoscope.usecases.load import parse
from thermoscope.usecases.prompts import Prompts

_HEAD = """# A use case: what texts are generated and measured for. `thermoscope use-cases check FILE` checks it.
title = {title}
description = {description}
objective = "human-like"      # creative, technical, human-like or task
max_new_tokens = 100          # length of the texts, in tokens
"""


def use_case_of(prompts: Prompts, path: Path) -> str:
    """The text of a use case with these prompts, to be written to ``path``; it reads back to the same prompts.

    Raises
    ------
    InputError
        It would be larger than a use case may be, or all prompts are held out.
    """
    head = _HEAD.format(title=_quoted(path.stem), description=_quoted(f"Prompts from {Path(prompts.source).name}."))
    text = head + "".join(line for prompt in prompts.prompts for line in _lines(prompt))
    if len(text.encode()) > MOST_SETTINGS:
        raise InputError(
            f"{shown(prompts.source)}: a use case may have {MOST_SETTINGS / 2**20:.0f} MB; these prompts have more; "
            "take fewer"
        )
    parse(text, path)
    return text


def _lines(prompt: Prompt) -> Iterator[str]:
    yield "\n[[prompts]]\n"
    messages = as_messages(prompt.text)
    if messages is not None and all(message.keys() == {"role", "content"} for message in messages):
        listed = ", ".join(f"{{role = {_quoted(m['role'])}, content = {_quoted(m['content'])}}}" for m in messages)
        yield f"messages = [{listed}]\n"
    else:
        yield f"text = {_quoted(prompt.text)}\n"
    if prompt.answer is not None:
        yield f"answer = {_quoted(prompt.answer)}\n"
    if prompt.held_out:
        yield "held_out = true\n"


def _quoted(text: str) -> str:
    """A TOML string: as JSON writes it, and DEL, which TOML has only escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
