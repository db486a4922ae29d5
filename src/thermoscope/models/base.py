"""Where logits come from: what the rest of Thermoscope asks of a model, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Rows(Protocol):
    """The rows that a model is decoding: contexts with whatever the model remembers of them.

    R is the number of rows now, V the vocabulary. Logits are float32 in natural-log units, for the next token.
    """

    def __len__(self) -> int:
        """R."""

    def add(self, contexts: Sequence[Sequence[int]]) -> Tensor:
        """Append one row per context (token ids, at least one); return their logits (N, V)."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token to every row, tokens (R,) int64; return the logits (R, V)."""

    def select(self, sources: Sequence[int]) -> None:
        """Make row j a copy of what row ``sources[j]`` was, for every j: drops, moves and forks rows."""


class Model(Protocol):
    """A causal language model with its tokenizer."""

    @property
    def name(self) -> str:
        """What it was loaded by: a name, a path, or "bundled"."""

    @property
    def revision(self) -> str | None:
        """The commit or content hash of its weights, if known."""

    @property
    def dtype(self) -> str:
        """Type of its weights and arithmetic, such as "float32"."""

    @property
    def device(self) -> str:
        """Where it runs, such as "cpu" or "cuda:0"."""

    @property
    def vocabulary(self) -> int:
        """V: the number of logits."""

    @property
    def context_length(self) -> int | None:
        """The most tokens that a row may hold, prompt counted; None if it has no limit."""

    @property
    def end_of_text(self) -> frozenset[int]:
        """The tokens that end a text."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be switched off or replaced for this model, a sentence each."""

    @property
    def chat(self) -> bool:
        """Whether prompts are put into its chat template."""

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options of the command line that give prompts to it in the same way; none without a chat template."""

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of what it is given for a prompt: in its chat template, or as it is."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the model expects."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of some token ids, special tokens left out."""

    def next_token_logits(self, prompt: str) -> Tensor:
        """The model's own float32 logits (V,) for the token after the prompt."""

    def rows(self, *, capacity: int, length: int) -> Rows:
        """Room for up to ``capacity`` rows of up to ``length`` tokens each, empty."""

    def row_bytes(self, length: int) -> int:
        """Bytes that one row of ``length`` tokens takes while it is decoded."""

    def free_bytes(self) -> int:
        """Bytes of memory at hand for rows."""
