"""What an OpenAI-style answer says: the text, how it ended, and its tokens where they are given.

Both routes and three forms of log-probabilities are understood: those of the chat route (``logprobs.content``), which
llama.cpp gives on the completion route too, and the older form of the completion route (``logprobs.tokens``).
"""

from __future__ import annotations

import codecs
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from thermoscope.decode.sample import FinishReason
from thermoscope.metrics.thinking import CLOSE, OPEN, find_block
from thermoscope.sources.client import BadAnswerError

#: How a server's reasons for ending a text are called here. What is not listed is an answer that cannot be used.
_REASONS: Mapping[str, FinishReason] = {
    "stop": "end_of_text", "eos": "end_of_text", "eos_token": "end_of_text", "end_turn": "end_of_text",
    "stop_sequence": "stop", "length": "length", "max_tokens": "length",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnswerToken:
    """One token of an answer.

    Attributes
    ----------
    id
        The server's token id; where it gives none, 62 bits of a hash of the token's bytes.
    text
        Its bytes.
    logprob
        Log-probability, nats, of the kind that the server gives; NaN where it gives none.
    top
        The most probable tokens at its place, (bytes, log-probability), as far as they are given.
    """

    id: int
    text: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One text from a server.

    Attributes
    ----------
    text
        The text. Where thinking comes apart from it, it stands in front, between ``<think>`` and ``</think>``.
    finish_reason
        How it ended.
    tokens
        Its tokens; None where the server does not give them, or gives others than the text's.
    prompt_tokens, completion_tokens
        As the server counts them; None where it does not say.
    lead
        How many characters stand before the first token: a mark that is in the prompt.
    """

    text: str
    finish_reason: FinishReason
    tokens: tuple[AnswerToken, ...] | None
    prompt_tokens: int | None
    completion_tokens: int | None
    lead: int = 0

    @property
    def ends(self) -> tuple[int, ...]:
        """For each token how many characters of the text are complete once it is there; none without tokens."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        ends, length = [], self.lead
        for token in self.tokens or ():
            length += len(decoder.decode(token.text))
            ends.append(min(length, len(self.text)))
        return tuple(ends)


def read_answer(found: Mapping[str, Any], url: str) -> Answer:
    """The first choice of an answer.

    Raises
    ------
    BadAnswerError
        The answer lacks what the protocol asks for.
    """
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadAnswerError(f"the server at {url} answers without choices")
    choice = choices[0]
    message = choice.get("message")
    if isinstance(message, dict):
        text, reasoning = message.get("content"), message.get("reasoning_content") or message.get("reasoning")
        text = "" if text is None and "content" in message else text
    else:
        text, reasoning = choice.get("text"), None
    if not isinstance(text, str):
        raise BadAnswerError(f"the server at {url} answers without a text")
    usage = found.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    reason, lead = _reason(choice, url), 0
    if isinstance(reasoning, str) and reasoning:
        text, tokens, lead = _with_thinking(text, reasoning, choice.get("logprobs"), cut=reason == "length")
    else:
        tokens = _tokens(choice.get("logprobs"), text)
    return Answer(
        text=text,
        finish_reason=reason,
        tokens=tokens,
        lead=lead,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def cut_at(answer: Answer, stops: Sequence[str]) -> Answer:
    """The answer up to the first stop string in it: some servers end a text there and leave the string in."""
    places = [place for stop in stops if (place := answer.text.find(stop)) >= 0]
    return replace(answer, text=answer.text[: min(places)], finish_reason="stop") if places else answer


def _reason(choice: Mapping[str, Any], url: str) -> FinishReason:
    said = choice.get("finish_reason")
    if not isinstance(said, str) or said not in _REASONS:
        raise BadAnswerError(f"the server at {url} ended a text for the reason {said!r}, which is none of a text's own")
    reason = _REASONS[said]
    if reason == "end_of_text" and isinstance(choice.get("stop_reason"), str):  # vLLM: the stop string that came
        return "stop"
    return reason


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _with_thinking(
    text: str, thinking: str, given: Any, *, cut: bool
) -> tuple[str, tuple[AnswerToken, ...] | None, int]:
    """A text behind the thinking that came apart from it, the tokens of both if they are given, and the lead.

    The tokens are those of the text before the server took it apart, marks included.
    """
    tokens = _listed(given)
    joined = "" if tokens is None else b"".join(token.text for token in tokens).decode(errors="replace")
    block, wanted = find_block(joined), text.strip()
    if block is not None and joined[block.start : block.stop].strip() == thinking.strip():
        if joined.startswith(wanted, block.answer):
            return joined[: block.answer + len(wanted)], tokens, 0
    elif not wanted and joined.startswith(thinking.strip(), len(joined) - len(joined.lstrip())):
        return OPEN + joined, tokens, len(OPEN)
    closing = "" if cut and not wanted else CLOSE
    return f"{OPEN}{thinking}{closing}{text}", None, 0


def _tokens(given: Any, text: str) -> tuple[AnswerToken, ...] | None:
    """The tokens of a text; None unless, joined, they begin with it."""
    tokens = _listed(given)
    if tokens is None:
        return None
    joined = b"".join(token.text for token in tokens).decode(errors="replace")
    return tokens if joined.startswith(text) or text.startswith(joined.rstrip("\ufffd")) else None


def _listed(given: Any) -> tuple[AnswerToken, ...] | None:
    """The tokens that an answer lists; None if it lists none that can be read."""
    if not isinstance(given, dict):
        return None
    try:
        if isinstance(given.get("content"), list):
            return tuple(_of_content(entry) for entry in given["content"])
        if isinstance(given.get("tokens"), list):
            return _of_lists(given)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return None


def _of_content(entry: Mapping[str, Any]) -> AnswerToken:
    data = _bytes(entry)
    number = entry.get("id")
    top = tuple((_bytes(one), float(one["logprob"])) for one in entry.get("top_logprobs") or ())
    return AnswerToken(number if isinstance(number, int) else token_hash(data), data, _number(entry["logprob"]), top)


def _of_lists(given: Mapping[str, Sequence[Any]]) -> tuple[AnswerToken, ...]:
    tops = given.get("top_logprobs") or [None] * len(given["tokens"])
    return tuple(
        AnswerToken(
            token_hash(word.encode()),
            word.encode(),
            _number(logprob),
            tuple((name.encode(), float(value)) for name, value in (top or {}).items()),
        )
        for word, logprob, top in zip(given["tokens"], given["token_logprobs"], tops, strict=True)
    )


def _bytes(entry: Mapping[str, Any]) -> bytes:
    given = entry.get("bytes")
    return bytes(given) if isinstance(given, list) else str(entry["token"]).encode()


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def token_hash(data: bytes) -> int:
    """A stand-in for a token's id: equal for equal bytes, 62 bits, so that no engine's ids come near it."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 2
