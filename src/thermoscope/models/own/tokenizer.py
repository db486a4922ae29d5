"""A tokenizer as ``tokenizer.json`` and ``tokenizer_config.json`` describe it, read without transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

#: Classes of transformers that take ``tokenizer.json`` as it is; others build a tokenizer of their own from it.
_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
#: Tokens with a role.
_ROLES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")
#: What else a configuration may say without changing token ids or texts.
_HARMLESS = ("model_max_length", "tokenizer_class", "added_tokens_decoder", "backend", "is_local", "chat_template",
             "clean_up_tokenization_spaces", "model_input_names", "name_or_path")  # fmt: skip
#: Files of older tokenizers, which change what ``tokenizer.json`` says.
_OLDER = ("added_tokens.json", "special_tokens_map.json")


class OwnTokenizer:
    """What Thermoscope asks of a tokenizer of transformers, by the ``tokenizers`` library alone.

    Attributes
    ----------
    bos_token, eos_token, unk_token, pad_token, ... : str or None
    chat_template
        The template, if there is one.
    """

    bos_token: str | None = None
    eos_token: str | None = None
    pad_token: str | None = None

    def __init__(self, backend: Tokenizer, roles: dict[str, str], chat_template: str | None) -> None:
        self.backend = backend
        for name in _ROLES:
            setattr(self, name, roles.get(name))
        self.chat_template = chat_template
        self.all_special_ids = sorted(
            number for token in set(roles.values()) if (number := backend.token_to_id(token)) is not None
        )

    def __len__(self) -> int:
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Tokens that were added to the vocabulary, by their ids."""
        return dict(self.backend.get_added_tokens_decoder())

    @property
    def bos_token_id(self) -> int | None:
        """The token that begins a text."""
        return None if self.bos_token is None else self.backend.token_to_id(self.bos_token)

    @property
    def eos_token_id(self) -> int | None:
        """The token that ends a text."""
        return None if self.eos_token is None else self.backend.token_to_id(self.eos_token)

    def __call__(self, text: str, *, add_special_tokens: bool = True, verbose: bool = False) -> dict[str, list[int]]:
        """Token ids of a text as ``input_ids``."""
        return {"input_ids": self.backend.encode(text, add_special_tokens=add_special_tokens).ids}

    def decode(
        self, ids: Sequence[int], *, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """Text of some token ids."""
        return str(self.backend.decode(list(ids), skip_special_tokens=skip_special_tokens))


def read_tokenizer(folder: Path) -> OwnTokenizer | None:
    """The tokenizer in a folder; None if transformers has to read it."""
    if any((folder / name).exists() for name in _OLDER):
        return None
    try:
        given = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # tokenizers raises no narrower type; transformers says what is wrong
        return None
    if given.get("tokenizer_class") not in _CLASSES or given.get("clean_up_tokenization_spaces"):
        return None
    filled = {name for name, value in given.items() if value not in (None, [], {})}
    if filled - {*_ROLES, *_HARMLESS}:
        return None
    roles = {name: _text(given[name]) for name in _ROLES if given.get(name) is not None}
    added = backend.get_added_tokens_decoder()
    special = {token.content for token in added.values() if token.special}
    stated = {int(number): token for number, token in given.get("added_tokens_decoder", {}).items()}
    if set(roles.values()) - special or any(
        number not in added
        or added[number].content != token.get("content")
        or added[number].special != token["special"]
        for number, token in stated.items()
    ):
        return None
    backend.no_truncation()
    backend.no_padding()
    template, written = given.get("chat_template"), folder / "chat_template.jinja"
    if written.exists():
        template = written.read_text(encoding="utf-8")
    if template is not None and not isinstance(template, str):  # several, by name
        return None
    tokenizer = OwnTokenizer(backend, roles, template)
    if not len(tokenizer) or not tokenizer("a")["input_ids"]:
        return None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _text(token: Any) -> str:
    return token if isinstance(token, str) else str(token["content"])
