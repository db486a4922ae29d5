"""A causal language model of transformers with its tokenizer, as the rest of Thermoscope sees it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import psutil
import torch
from torch import Tensor

from thermoscope.errors import PromptError, TokenizerError
from thermoscope.models.base import Rows
from thermoscope.models.packing import packed_linears
from thermoscope.models.rows import CachedRows, PlainRows, Way, rotation_border, way


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
        self.end_of_text = _end_of_text(network, tokenizer)

    def __repr__(self) -> str:
        return f"<Model {self.name} {self.dtype} on {self.device}>"

    def encode(self, text: str) -> list[int]:
        """Token ids of a prompt, with the special tokens that the model expects.

        Raises
        ------
        TokenizerError
            The tokenizer gives a token that the model does not have.
        """
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
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
        ids = self.encode(prompt)
        if not ids:
            raise PromptError("a prompt must have at least one token; got an empty one; write a word")
        if self.context_length is not None and len(ids) > self.context_length:
            raise PromptError(
                f"a prompt must fit the context of {self.context_length} tokens; got {len(ids)}; shorten it"
            )
        return self.rows(capacity=1, length=len(ids)).add([ids])[0]

    def rows(self, *, capacity: int, length: int) -> Rows:
        """Room for up to ``capacity`` rows of up to ``length`` tokens each, empty."""
        if self._caches(length):
            way = self._way
            return CachedRows(
                self.network, capacity, length, kernel=way.kernel, direct=way.direct, capture_after=way.capture_after
            )
        return PlainRows(self.network)

    def row_bytes(self, length: int) -> int:
        """Bytes that one row of ``length`` tokens takes while it is decoded: its keys, values and logits."""
        config = self.network.config.get_text_config()
        head = 64 * self.vocabulary  # a few float32 and float64 copies of its logits
        if not self._caches(length):  # the whole context at every step: states and logits of each token
            wide = getattr(config, "hidden_size", None) or 1024
            return int(head + length * self.network.dtype.itemsize * (2 * self.vocabulary + 16 * wide))
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        cache = 2 * config.num_hidden_layers * heads * head_size * length * self.network.dtype.itemsize
        return int(cache + head)

    def free_bytes(self) -> int:
        """Bytes of memory at hand for rows."""
        device = self.network.device
        if device.type == "cuda":  # what torch keeps from earlier work and does not use is at hand as well
            kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            return int(torch.cuda.mem_get_info(device)[0] + kept)
        return int(psutil.virtual_memory().available)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be switched off for this architecture, a sentence each."""
        return self._way.notes

    @property
    def how(self) -> str:
        """In a few words how it is decoded."""
        layers = len(packed_linears(self.network))
        way = self._way
        attention = "our one-token attention" if way.kernel else "torch's attention"
        steps = "our steps" if way.direct else "steps by transformers' modules"
        steps += ", recorded" if way.capture_after is not None else ""
        return f"{layers} packed linear layers; " + (
            f"cache in place, {attention}, {steps}" if way.cache else "no cache"
        )

    def _caches(self, length: int) -> bool:
        """Whether rows of this length may keep keys and values."""
        return self._way.cache and length <= rotation_border(self.network)

    @cached_property
    def _way(self) -> Way:
        return way(self.network, self.vocabulary)


def _end_of_text(network: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a text: those of the generation config, else of the config, else of the tokenizer."""
    for source in (getattr(network, "generation_config", None), network.config, tokenizer):
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            return frozenset([ids] if isinstance(ids, int) else ids)
    return frozenset()
