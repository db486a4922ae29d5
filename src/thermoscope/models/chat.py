"""Chats: messages, the template that makes one text of them, and what of it a user is told.

Templates come with models and are not trusted: they run in jinja2's sandbox, with the few names that transformers
gives them, and see nothing but plain data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from thermoscope.errors import InputError, ModelError, PromptError

#: Who may speak.
ROLES = ("system", "user", "assistant", "tool")
#: What stands in the place of the prompt where what a model sees is shown in short.
PLACE = "…"


@dataclass(frozen=True, slots=True)
class ChatStyle:
    """How prompts are given to a model.

    Attributes
    ----------
    chat
        True: in its chat template; False: as they are; None: in the template if there is one.
    system
        The system message of every chat.
    options
        What else the template is given.
    """

    chat: bool | None = None
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A model's chat template.

    Attributes
    ----------
    source
        The template, in jinja2's language.
    tokens
        Special tokens by their names there (``bos_token``, ``eos_token``), as text.
    """

    source: str
    tokens: Mapping[str, str] = field(default_factory=dict)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any] | None = None,
        *,
        add_generation_prompt: bool = True,
    ) -> str:
        """The text of a chat, up to where the assistant speaks next.

        Raises
        ------
        PromptError
            The template refuses the messages.
        ModelError
            The template is faulty.
        """
        from jinja2 import TemplateError, TemplateSyntaxError

        given = {
            **self.tokens, **(options or {}), "messages": _plain(list(messages)), "tools": None, "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }  # fmt: skip
        try:
            return str(_compiled(self.source).render(**given))
        except TemplateSyntaxError as error:
            raise ModelError(f"the model's chat template is faulty: {_one_line(error)}; use --raw") from None
        except TemplateError as error:
            raise PromptError(
                f"the model's chat template refuses these messages: {_one_line(error)}; change them, or use --raw"
            ) from None
        except Exception as error:  # whatever a template's code raises, on types that it does not expect, say
            raise ModelError(
                f"the model's chat template fails ({type(error).__name__}: {_one_line(error)}); use --raw"
            ) from None

    def uses(self, name: str) -> bool:
        """Whether the template knows an option of this name."""
        from jinja2 import TemplateSyntaxError, meta

        try:
            template = _compiled(self.source)
            return name in meta.find_undeclared_variables(template.environment.parse(self.source))
        except TemplateSyntaxError:
            return True  # rendering says what is wrong

    def turn_end(self) -> str:
        """What the template puts behind what the assistant said; empty if that can't be told."""
        said = "Xq7said"
        try:
            text = self.render(
                [{"role": "user", "content": "a"}, {"role": "assistant", "content": said}], add_generation_prompt=False
            )
        except (PromptError, ModelError):
            return ""
        return text.rpartition(said)[2] if said in text else ""


def as_messages(prompt: str) -> list[dict[str, Any]] | None:
    """The messages of a prompt that is written as a JSON list of them; None for any other text.

    Raises
    ------
    PromptError
        It is such a list, but a message breaks the rules.
    """
    if not prompt.lstrip().startswith("["):
        return None
    try:
        found = json.loads(prompt)
    except (ValueError, RecursionError):  # of brackets alone no list of messages is made
        return None
    if not (isinstance(found, list) and found and all(isinstance(one, dict) and "role" in one for one in found)):
        return None
    check_messages(found)
    return found


def written(messages: Iterable[Mapping[str, Any]]) -> str:
    """Messages as a prompt: the JSON that ``as_messages`` reads, which fits wherever a prompt is a text.

    Raises
    ------
    PromptError
        A message breaks the rules.
    """
    listed = [dict(message) for message in messages]
    check_messages(listed)
    return json.dumps(listed, ensure_ascii=False)


def check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raise PromptError unless there is a message, each has a known role and a text, and the last is not a system's."""
    if not messages:
        raise PromptError("a chat must have at least one message; got none; write what the user says")
    for message in messages:
        if message.get("role") not in ROLES:
            raise PromptError(f"a message's role must be one of {', '.join(ROLES)}; got {message.get('role')!r}")
        if not isinstance(message.get("content"), str):
            raise PromptError(
                f"a message's content must be a text; got {type(message.get('content')).__name__} from the "
                f"{message['role']}; write it as a string"
            )
    if messages[-1]["role"] == "system":
        raise PromptError("a chat must end with what the user says; got a system message last; add a user's")


def conversation(prompt: str, system: str | None) -> list[dict[str, Any]]:
    """The messages that a prompt stands for: its own, or one of the user's, after the system message.

    Raises
    ------
    PromptError
        The prompt's messages have a system message, and another one is given.
    """
    messages = as_messages(prompt) or [{"role": "user", "content": prompt}]
    if system is None:
        return messages
    if messages[0]["role"] == "system":
        raise PromptError("the prompt's messages have a system message; got another with --system; leave one out")
    return [{"role": "system", "content": system}, *messages]


def check_options(template: ChatTemplate, options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that the template does not know: it would do nothing."""
    for name in options:
        if not template.uses(name):
            raise InputError(
                f"the model's chat template has no option {name}; got {name}={options[name]!r}; leave it out"
            )


@lru_cache(maxsize=16)
def _compiled(source: str) -> Any:
    from thermoscope.models.chat_sandbox import compile_template

    return compile_template(source)


def _plain(value: Any) -> Any:
    """The same in plain types, which have no methods that a template must not reach."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value if value is None or isinstance(value, bool | int | float) else f"<{type(value).__name__}>"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
