"""The tokenizer of a GGUF file as a ``tokenizers.Tokenizer``: byte-level BPE, or SentencePiece with byte fallback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from thermoscope.errors import TokenizerError

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST
_QWEN2 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = r"[^\r\n\p{L}\p{N}]?%s*%s+%s|[^\r\n\p{L}\p{N}]?%s+%s*%s"
_SLASH = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_TEKKEN = _CASED % (_UPPER, _LOWER, "", _UPPER, _LOWER, "") + r"|\p{N}" + _SLASH
_GPT4O = _CASED % (_UPPER, _LOWER, f"{_CONTRACTIONS}?", _UPPER, _LOWER, f"{_CONTRACTIONS}?") + r"|\p{N}{1,3}" + _SLASH
_DIGITS = r"\p{N}"

#: Expressions that a text is cut by, one after the other, by ``tokenizer.ggml.pre`` (llama.cpp, llama-vocab.cpp).
_CUTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("gpt-2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais"), (_GPT2,)),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3", "smaug-bpe", "dbrx"), (_LLAMA3,)),
    **dict.fromkeys(("qwen2", "stablelm2", "deepseek-r1-qwen", "megrez"), (_QWEN2,)),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"), (_DIGITS, _GPT2)),
    **dict.fromkeys(("tekken",), (_TEKKEN,)),
    **dict.fromkeys(("gpt-4o", "llama4"), (_GPT4O,)),
}
#: Where a piece that is a token as it stands is never put together from parts.
_WHOLE_FIRST = ("llama3", "llama-v3", "llama-bpe", "falcon3", "tekken", "gpt-4o", "llama4")
#: Where a text is brought into Unicode's composed form first, as the original tokenizers do.
_COMPOSED = ("qwen2", "deepseek-r1-qwen", "megrez")
#: Where a text begins with the token for it unless the file says otherwise, as with SentencePiece.
_BEGINS = ("llama3", "llama-v3", "llama-bpe", "falcon3")
_CONTROL, _USER_DEFINED = 3, 4
_SPACE = "▁"


@dataclass(frozen=True, slots=True)
class Special:
    """What a file says of special tokens.

    Attributes
    ----------
    bos, eos
        Begin and end of a text, where they are named.
    add_bos, add_eos
        Whether a prompt begins and ends with them.
    ends
        Every token that ends a text: end of text, end of turn, end of message.
    """

    bos: int | None
    eos: int | None
    add_bos: bool
    add_eos: bool
    ends: Mapping[str, int]


def special_of(metadata: Mapping[str, Any]) -> Special:
    """The special tokens of a file's metadata, with llama.cpp's defaults where it says nothing."""
    ids: dict[str, Any] = {
        name: metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos", "eot", "eom")
    }
    sentencepiece = metadata.get("tokenizer.ggml.model") == "llama"
    begins = sentencepiece or metadata.get("tokenizer.ggml.pre") in _BEGINS
    return Special(
        bos=ids["bos"],
        eos=ids["eos"],
        add_bos=bool(metadata.get("tokenizer.ggml.add_bos_token", begins)) and ids["bos"] is not None,
        add_eos=bool(metadata.get("tokenizer.ggml.add_eos_token", False)) and ids["eos"] is not None,
        ends={name: int(ids[name]) for name in ("eos", "eot", "eom") if ids[name] is not None},
    )


def tokenizer_of(metadata: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer of a file's metadata; it adds no special tokens of itself (``special_of`` says which belong).

    Raises
    ------
    TokenizerError
        There is none, or it is of a kind that is not known.
    """
    kind, tokens = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.tokens")
    if kind is None or not tokens:
        raise TokenizerError("the GGUF file has no tokenizer; convert the model again with its tokenizer beside it")
    if kind == "gpt2":
        tokenizer = _byte_level(metadata, tokens)
    elif kind == "llama":
        tokenizer = _sentencepiece(metadata, tokens)
    else:
        raise TokenizerError(
            f"the GGUF file's tokenizer is of the kind {kind!r}; known are gpt2 and llama; use the Hugging Face form"
        )
    kinds = metadata.get("tokenizer.ggml.token_type") or []
    control = [AddedToken(tokens[n], special=True, normalized=False) for n, k in enumerate(kinds) if k == _CONTROL]
    own = [AddedToken(tokens[n], special=False, normalized=False) for n, k in enumerate(kinds) if k == _USER_DEFINED]
    tokenizer.add_special_tokens(control)
    tokenizer.add_tokens(own)
    return tokenizer


def _byte_level(metadata: Mapping[str, Any], tokens: list[str]) -> Tokenizer:
    pre, merges = metadata.get("tokenizer.ggml.pre", "default"), metadata.get("tokenizer.ggml.merges")
    if pre not in _CUTS:
        raise TokenizerError(
            f"the GGUF file cuts texts by the rule {pre!r}, which is not known here; known are "
            f"{', '.join(sorted(_CUTS))}; use the Hugging Face form"
        )
    if merges is None:
        raise TokenizerError("the GGUF file's tokenizer has no merges; convert the model again")
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer = Tokenizer(models.BPE(_numbered(tokens), pairs, ignore_merges=pre in _WHOLE_FIRST))
    if pre in _COMPOSED:
        tokenizer.normalizer = normalizers.NFC()
    cuts = [pre_tokenizers.Split(Regex(rule), "isolated") for rule in _CUTS[pre]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentencepiece(metadata: Mapping[str, Any], tokens: list[str]) -> Tokenizer:
    scores = metadata.get("tokenizer.ggml.scores")
    if scores is None:
        raise TokenizerError("the GGUF file's tokenizer has no scores; convert the model again")
    numbered = _numbered(tokens)
    unknown = metadata.get("tokenizer.ggml.unknown_token_id", 0)
    tokenizer = Tokenizer(
        models.BPE(numbered, _merges(tokens, scores), unk_token=tokens[unknown], fuse_unk=True, byte_fallback=True)
    )
    prefix = metadata.get("tokenizer.ggml.add_space_prefix", True)
    first = [normalizers.Prepend(_SPACE)] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*first, normalizers.Replace(" ", _SPACE)])
    last = [decoders.Strip(content=" ", left=1)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *last]
    )
    return tokenizer


def _numbered(tokens: list[str]) -> dict[str, int]:
    """Tokens with their numbers; of several alike the first counts."""
    numbered = dict(zip(reversed(tokens), range(len(tokens) - 1, -1, -1), strict=True))
    if len(numbered) < len(
        tokens
    ):  # places for tokens that are not used may share a text: each keeps a name of its own
        numbered |= {f"{text}\0{n}": n for n, text in enumerate(tokens) if numbered[text] != n}
    return numbered


def _merges(tokens: list[str], scores: list[float]) -> list[tuple[str, str]]:
    """Every way to put a token together from two others, those of the highest score first."""
    place = {text: n for n, text in enumerate(tokens)}
    found: list[tuple[float, int, int, str, str]] = []
    for text, score in zip(tokens, scores, strict=True):
        for cut in range(1, len(text)):
            left = place.get(text[:cut])
            if left is not None and (right := place.get(text[cut:])) is not None:
                found.append((-score, left, right, text[:cut], text[cut:]))
    return [(left, right) for *_, left, right in sorted(found)]
