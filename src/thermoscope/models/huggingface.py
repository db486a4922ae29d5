"""A causal language model of transformers with its tokenizer, as the rest of Thermoscope sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import psutil
import torch
from torch import Tensor

from thermoscope.errors import InputError, ModelError, ModelMemoryError, PromptError, TokenizerError
from thermoscope.models.base import Rows
from thermoscope.models.chat import PLACE, ChatStyle, ChatTemplate, as_messages, check_options, conversation
from thermoscope.models.faults import end_ids
from thermoscope.models.packing import packed_linears
from thermoscope.models.rows import CachedRows, Decoding, PlainRows, decoding_of, rotation_border
from thermoscope.words import joined

#: How many times the scores of attention that is written out are in memory at once: measured on Bloom and GPT-Neo.
_SCORE_COPIES = 4.5


class TransformersModel:
    """A loaded model; made by ``thermoscope.load_model``. Satisfies ``models.base.Model``.

    Attributes
    ----------
    network : transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
        Its pad token is the end-of-text token where it had none.
    """

    def __init__(self, network: Any, tokenizer: Any, *, name: str, revision: str | None) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.name = name
        self.revision = revision
        self.dtype = str(network.dtype).removeprefix("torch.")
        self.device = str(network.device)
        config = network.config.get_text_config()
        self.vocabulary = int(config.vocab_size)
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        self.end_of_text = self._end_of_text()
        #: What is to be said of how it was loaded, a sentence each.
        self.loading_notes: tuple[str, ...] = ()
        self.template = template_of(tokenizer)
        self.style = ChatStyle(chat=False)

    def __repr__(self) -> str:
        return f"<Model {self.name} {self.dtype} on {self.device}>"

    def use_chat(self, style: ChatStyle) -> None:
        """Say how prompts are given to the model from now on.

        Raises
        ------
        InputError
            A chat is asked of a model that has no template, or something of a template that is not used.
        """
        if style.chat and self.template is None:
            raise InputError(f"--chat needs a model with a chat template; {self.name} has none; leave it out")
        chat = self.template is not None if style.chat is None else style.chat
        asked = "--system" if style.system is not None else "--chat-option" if style.options else None
        if not chat and asked is not None:
            why = "--raw leaves the template out" if style.chat is False else f"{self.name} has none"
            raise InputError(f"{asked} is for a chat template; {why}; leave {asked} out")
        if self.template is not None and chat:
            check_options(self.template, style.options)
        self.style = replace(style, chat=chat)
        ends = self.ends
        if chat and "chat template" in ends:
            self.end_of_text |= ends["chat template"]

    @property
    def chat(self) -> bool:
        """Whether prompts are put into the chat template."""
        return bool(self.style.chat)

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options of the command line that give prompts to this model in the same way; none without a template."""
        if self.template is None:
            return ()
        options = (f"--chat-option={name}={json.dumps(value)}" for name, value in self.style.options.items())
        system = () if self.style.system is None else (f"--system={self.style.system}",)
        return ("--chat", *system, *options) if self.chat else ("--raw",)

    def _prompt_notes(self) -> list[str]:
        """How prompts are given to the model, and which tokens end a text where that is not plain."""
        said = []
        if self.template is not None and self.chat:
            try:
                first = self.seen(PLACE).strip().partition("\n")[0]
            except PromptError:  # a template that wants other messages
                first = ""
            begins = f", whose first line is {first!r}" if first else ""
            said.append(f"prompts are given in the model's chat template{begins}; --raw gives them as they are")
        elif self.template is not None:
            said.append("prompts are given as they are, without the model's chat template; --chat uses it")
        if len(set(self.ends.values())) > 1:
            named = [f"{self._tokens(ids)} ({who})" for who, ids in self.ends.items()]
            said.append(f"ends are named as {joined(named)}; a text ends at {self._tokens(self.end_of_text)}")
        return said

    def _tokens(self, ids: Iterable[int]) -> str:
        return joined(repr(self.tokenizer.decode([token])) for token in sorted(ids))

    @property
    def ends(self) -> dict[str, frozenset[int]]:
        """The tokens that end a text, by who names them."""
        found = {who: _ids(ids) for who, ids in self._named_ends().items()}
        if self.template is not None:
            behind = self._ids(self.template.turn_end(), special=False)[:1]
            special = set(getattr(self.tokenizer, "all_special_ids", ())) | set().union(*found.values())
            added = set(getattr(self.tokenizer, "added_tokens_decoder", {}))
            found["chat template"] = frozenset(behind) & (special | added)
        return {who: ids for who, ids in found.items() if ids}

    def _named_ends(self) -> dict[str, Any]:
        """The token ids that end a text as they are written, by who names them; the first that names any counts."""
        return {
            "generation config": getattr(getattr(self.network, "generation_config", None), "eos_token_id", None),
            "configuration": getattr(self.network.config, "eos_token_id", None),
            "tokenizer": getattr(self.tokenizer, "eos_token_id", None),
        }

    def _end_of_text(self) -> frozenset[int]:
        """The tokens that end a text."""
        for who, ids in self._named_ends().items():
            if ids is not None and who == "tokenizer":  # it may know more tokens than the model
                return _ids(ids)
            if ids is not None:
                return end_ids(ids, self.vocabulary, self.name)
        return frozenset()

    def seen(self, prompt: str) -> str:
        """The text that the model is given for a prompt.

        Raises
        ------
        PromptError
            The chat template refuses it, or it has special tokens that the template writes.
        """
        if not self.chat or self.template is None:
            return prompt
        messages = conversation(prompt, self.style.system)
        for message in messages:
            mark = next((mark for mark in self._marks if mark in message["content"]), None)
            if mark is not None:  # it would be read as the template's own
                raise PromptError(
                    f"the prompt has {mark!r}, a token of the model's chat template; if it is written in its form "
                    "already, add --raw, else leave that out"
                )
        return self.template.render(messages, self.style.options)

    @cached_property
    def _marks(self) -> tuple[str, ...]:
        """Special tokens that the chat template writes, as text."""
        if self.template is None:
            return ()
        try:
            shown = self.template.render(conversation(PLACE, None), self.style.options) + self.template.turn_end()
        except (PromptError, ModelError):
            return ()
        added = getattr(self.tokenizer, "added_tokens_decoder", {}).values()
        return tuple(str(token) for token in added if token.special and str(token) in shown)

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of what the model is given for a prompt: in its chat template, or as it is.

        Raises
        ------
        TokenizerError
            The tokenizer gives a token that the model does not have.
        PromptError
            The chat template refuses the prompt, or it is a list of messages and no template is used.
        """
        if not self.chat and as_messages(prompt) is not None:
            why = f"{self.name} has none; write one text" if self.template is None else "leave --raw out"
            raise PromptError(f"the prompt is a list of messages, which need a chat template; {why}")
        if not self.chat:
            return self.encode(prompt)
        return self._checked(self._ids(self.seen(prompt), special=False))

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the model expects; none that it begins with is doubled.

        Raises
        ------
        TokenizerError
            The tokenizer gives a token that the model does not have.
        """
        ids = self._checked(self._ids(text, special=True))
        first = getattr(self.tokenizer, "bos_token_id", None)
        if first is not None and ids[:2] == [first, first] and self._ids(text, special=False)[:2] != [first, first]:
            return ids[1:]
        return ids

    def _ids(self, text: str, *, special: bool) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"])

    def _checked(self, ids: list[int]) -> list[int]:
        if ids and max(ids) >= self.vocabulary:
            raise TokenizerError(
                f"the tokenizer of {self.name!r} gives token {max(ids)}, but the model has {self.vocabulary}; "
                "use the tokenizer that the model was made with"
            )
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of some token ids, special tokens left out."""
        text: str = self.tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def next_token_logits(self, prompt: str) -> Tensor:
        """The model's own float32 logits (V,) for the token after the prompt.

        Raises
        ------
        PromptError
            The prompt has no token, or more than the context holds.
        """
        ids = self.encode_prompt(prompt) if prompt else []
        if not ids:
            raise PromptError("a prompt must have at least one token; got an empty one; write a word")
        if self.context_length is not None and len(ids) > self.context_length:
            raise PromptError(
                f"a prompt must fit the context of {self.context_length} tokens; got {len(ids)}; shorten it"
            )
        return self.rows(capacity=1, length=len(ids)).add([ids])[0]

    def rows(self, *, capacity: int, length: int) -> Rows:
        """Room for up to ``capacity`` rows of up to ``length`` tokens each, empty.

        Raises
        ------
        ModelMemoryError
            Not even one row fits the free memory.
        """
        self.check_room(length)
        if self._caches(length):
            found = self._decoding
            return CachedRows(self.network, capacity, length, kernel=found.kernel, direct=found.direct)
        return PlainRows(self.network)

    def row_bytes(self, length: int) -> int:
        """Bytes that one row of ``length`` tokens takes while it is decoded: its keys, values and logits."""
        config = self.network.config.get_text_config()
        head = 64 * self.vocabulary  # a few float32 and float64 copies of its logits
        if not self._caches(length):  # the whole context at every step: states and logits of each token
            wide = getattr(config, "hidden_size", None) or 1024
            states = length * self.network.dtype.itemsize * (2 * self.vocabulary + 16 * wide)
            return int(head + states + self._score_bytes(length))
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        cache = 2 * config.num_hidden_layers * heads * head_size * length * self.network.dtype.itemsize
        return int(cache + head)

    def _score_bytes(self, length: int) -> float:
        """Bytes of the scores of every pair of tokens, which attention written out keeps in float32."""
        config = self.network.config.get_text_config()
        if getattr(config, "_attn_implementation", None) != "eager":
            return 0.0
        return _SCORE_COPIES * 4 * (getattr(config, "num_attention_heads", None) or 1) * float(length) ** 2

    def check_room(self, length: int) -> None:
        """Raise unless a row of this many tokens fits the free memory.

        Raises
        ------
        ModelMemoryError
            It does not.
        """
        need, free = self.row_bytes(length), self.free_bytes()
        if need > free:
            raise ModelMemoryError(
                f"a text of {length:,} tokens, with its prompt, needs about {need / 1e9:.1f} GB with {self.name}, but "
                f"{self.device} has {free / 1e9:.1f} GB free; shorten the prompt, ask for fewer tokens, or choose "
                "another model"
            )

    def free_bytes(self) -> int:
        """Bytes of memory at hand for rows."""
        device = self.network.device
        if device.type == "cuda":  # what torch keeps from earlier work and does not use is at hand as well
            kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            return int(torch.cuda.mem_get_info(device)[0] + kept)
        return int(psutil.virtual_memory().available)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be switched off or replaced for this model, a sentence each."""
        return (*self._prompt_notes(), *self.loading_notes, *self._decoding.notes)

    @property
    def decoded_by(self) -> str:
        """In a few words how it is decoded."""
        layers = len(packed_linears(self.network))
        found = self._decoding
        attention = "our one-token attention" if found.kernel else "torch's attention"
        steps = "our steps" if found.direct else "steps by transformers' modules"
        return f"{layers} packed linear layers; " + (
            f"cache in place, {attention}, {steps}" if found.cache else "no cache"
        )

    def _caches(self, length: int) -> bool:
        """Whether rows of this length may keep keys and values."""
        return self._decoding.cache and length <= rotation_border(self.network)

    @cached_property
    def _decoding(self) -> Decoding:
        return decoding_of(self.network, self.vocabulary)


def template_of(tokenizer: Any) -> ChatTemplate | None:
    """The chat template of a tokenizer of transformers, if it has one."""
    source = getattr(tokenizer, "chat_template", None)
    if isinstance(source, dict):  # several, by name
        source = source.get("default")
    if not source:
        return None
    names = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")
    tokens = {name: str(text) for name in names if (text := getattr(tokenizer, name, None)) is not None}
    return ChatTemplate(source, tokens)


def _ids(given: int | Sequence[int] | None) -> frozenset[int]:
    return frozenset() if given is None else frozenset([given] if isinstance(given, int) else given)
