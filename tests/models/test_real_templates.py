"""Templates of real models, rendered as transformers renders them.

They are other people's work and not part of this repository: ``THERMOSCOPE_TEMPLATES`` names a folder of ``.jinja``
files, at any depth (``make test-engines`` fetches some seventy, of llama.cpp's own tests).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from tests.tiny import END, tokenizer
from thermoscope.errors import ModelError, PromptError
from thermoscope.models.chat import ChatTemplate

FOLDER = os.environ.get("THERMOSCOPE_TEMPLATES")
FILES = sorted(Path(FOLDER).rglob("*.jinja")) if FOLDER else []

USER = {"role": "user", "content": 'Why? <b>é</b> "日本" {{ x }}\n'}
SYSTEM = {"role": "system", "content": " Be brief. "}
THOUGHT = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello!"}
MORE = {"role": "user", "content": "More\n\nlines"}
CHATS = {
    "alone": [USER],
    "system": [SYSTEM, USER],
    "turns": [USER, {"role": "assistant", "content": " Because. "}, MORE],
    "thought": [SYSTEM, USER, THOUGHT, MORE],
    "answered": [USER, THOUGHT],
}
OPTIONS = [{}, {"enable_thinking": False}, {"enable_thinking": True}, {"reasoning_effort": "low"}, {"thinking": True}]


def theirs(source, messages, options, *, prompted):
    """What transformers makes of the messages; None if the template, or its own checks, refuse them."""
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer().backend_tokenizer, bos_token=END, eos_token=END)
    try:
        return made.apply_chat_template(
            messages, chat_template=source, tokenize=False, add_generation_prompt=prompted, **options
        )
    except (TemplateError, TypeError, ValueError, AttributeError, KeyError, IndexError):
        return None


def ours(source, messages, options, *, prompted):
    try:
        template = ChatTemplate(source, {"bos_token": END, "eos_token": END})
        return template.render(messages, options, add_generation_prompt=prompted)
    except (PromptError, ModelError):
        return None


@pytest.mark.skipif(not FILES, reason="THERMOSCOPE_TEMPLATES names no folder with .jinja files")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_real_templates_render_as_transformers_does(path):
    source = path.read_text(encoding="utf-8")
    rendered = 0
    for messages in CHATS.values():
        for options in OPTIONS:
            for prompted in (True, False):
                want = theirs(source, messages, options, prompted=prompted)
                assert ours(source, messages, options, prompted=prompted) == want
                rendered += want is not None
    if not rendered:
        pytest.skip("the template refuses a chat without tools, here as there")
