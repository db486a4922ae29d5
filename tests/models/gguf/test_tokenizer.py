"""Tokenizers of GGUF files against the tokenizers that they describe."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tests.tiny import CORPUS
from thermoscope.errors import TokenizerError
from thermoscope.models.gguf.tokenizer import special_of, tokenizer_of

TEXTS = (
    "Hello world", " two  spaces\n\nand lines \t", "It's he'LL don'T", "1234567 12.5 3rd", "naïve café — 日本語 🚀",
    "a<|end|>b <tool> c", "", " ", "\r\n x\u00a0y", "e\u0301 é", "snake_case(x[3]) != {}", "ABCdef XMLHttpRequest'll",
)  # fmt: skip
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(*, kind: str) -> Tokenizer:
    """A tokenizer as Hugging Face's ``tokenizer.json`` of that family has it, trained here."""
    made = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = {
        "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "smollm": pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
        "llama-bpe": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), level]),
        "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), level]),
        "tekken": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(TEKKEN), "isolated"), level]),
    }[kind]
    if kind == "qwen2":
        made.normalizer = normalizers.NFC()
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [*CORPUS, *TEXTS] * 3,
        trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False),
    )
    made.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    made.add_tokens([AddedToken("<tool>", normalized=False)])
    return made


def metadata_of(made: Tokenizer, **more) -> dict:
    """What a GGUF file says of a byte-level tokenizer."""
    record = json.loads(made.to_str())
    vocabulary = made.get_vocab(with_added_tokens=True)
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    kinds = {token["content"]: 3 if token["special"] else 4 for token in record["added_tokens"]}
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [kinds.get(token, 1) for token in tokens],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in record["model"]["merges"]],
        **{f"tokenizer.ggml.{name}": value for name, value in more.items()},
    }


@pytest.fixture(scope="module", params=["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken"])
def pair(request) -> tuple[Tokenizer, Tokenizer]:
    original = byte_level(kind=request.param)
    return original, tokenizer_of(metadata_of(original, pre=request.param))


@pytest.mark.parametrize("text", TEXTS)
def test_byte_level_is_the_original(pair, text):
    original, ours = pair
    want, got = original.encode(text), ours.encode(text)
    assert got.ids == want.ids
    assert ours.decode(got.ids) == original.decode(want.ids)
    assert ours.decode(got.ids, skip_special_tokens=False) == original.decode(want.ids, skip_special_tokens=False)


@given(text=st.text(max_size=40))
def test_byte_level_is_the_original_for_any_text(pair, text):
    original, ours = pair
    assert ours.encode(text).ids == original.encode(text).ids


def test_a_rule_that_cuts_otherwise_gives_other_tokens():
    original = byte_level(kind="smollm")
    other = tokenizer_of(metadata_of(original, pre="gpt-2"))
    assert other.pre_tokenizer.pre_tokenize_str("x 1234") != original.pre_tokenizer.pre_tokenize_str("x 1234")


def sentencepiece(*, prefix: bool) -> tuple[Tokenizer, dict]:
    """A tokenizer as ``tokenizer.json`` of Llama 2 has it, and what a GGUF file says of it."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words = [
        "▁t",
        "▁th",
        "he",
        "▁the",
        "in",
        "ll",
        "lo",
        "▁w",
        "or",
        "▁wor",
        "ld",
        "▁world",
        "▁H",
        "el",
        "llo",
        "▁Hello",
    ]
    letters = [*"▁abcdefghijklmnopqrstuvwxyzHé"]
    tokens = [*pieces, *words, *letters]
    scores = [0.0] * len(pieces) + [-float(n) for n in range(len(words))] + [-100.0 - n for n in range(len(letters))]
    kinds = [2, 3, 3, *[6] * 256, *[1] * (len(words) + len(letters))]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = []
    for word, _ in sorted(zip(words, scores[len(pieces) :], strict=False), key=lambda pair: -pair[1]):
        merges += [(word[:n], word[n:]) for n in range(1, len(word)) if {word[:n], word[n:]} <= set(tokens)]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    first = [normalizers.Prepend("▁")] if prefix else []
    made.normalizer = normalizers.Sequence([*first, normalizers.Replace(" ", "▁")])
    last = [decoders.Strip(" ", left=1)] if prefix else []
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *last])
    made.add_special_tokens(["<s>", "</s>"])
    return made, {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_space_prefix": prefix,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("text", ["Hello world", "the  llo", "日本 é", "<s>the</s>", "", "x\ny"])
def test_sentencepiece_is_the_original(prefix, text):
    original, metadata = sentencepiece(prefix=prefix)
    ours = tokenizer_of(metadata)
    assert ours.encode(text).ids == original.encode(text).ids
    assert ours.decode(ours.encode(text).ids) == original.decode(original.encode(text).ids)


def test_bytes_without_a_piece_come_back():
    ours = tokenizer_of(sentencepiece(prefix=True)[1])
    assert ours.encode("日").tokens == ["▁", "<0xE6>", "<0x97>", "<0xA5>"]
    assert ours.decode(ours.encode("日").ids) == "日"


def test_tokens_that_share_a_text_keep_their_numbers():
    metadata = metadata_of(byte_level(kind="gpt-2"), pre="gpt-2")
    metadata["tokenizer.ggml.tokens"] += ["[unused]", "[unused]"]
    metadata["tokenizer.ggml.token_type"] += [5, 5]
    ours = tokenizer_of(metadata)
    assert ours.get_vocab_size() == len(metadata["tokenizer.ggml.tokens"])
    assert ours.encode("Hello").ids == byte_level(kind="gpt-2").encode("Hello").ids


def test_special_tokens_and_their_defaults():
    bpe = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.bos_token_id": 1}
    assert not special_of(bpe).add_bos
    assert special_of({**bpe, "tokenizer.ggml.pre": "llama-bpe"}).add_bos
    assert not special_of({**bpe, "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": False}).add_bos
    spm = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2}
    assert special_of(spm).add_bos
    assert not special_of(spm).add_eos
    assert special_of({**spm, "tokenizer.ggml.add_eos_token": True}).add_eos
    assert not special_of({"tokenizer.ggml.model": "llama"}).add_bos  # no such token
    ends = {"tokenizer.ggml.eot_token_id": 5, "tokenizer.ggml.eom_token_id": 6}
    assert special_of({**spm, **ends}).ends == {"eos": 2, "eot": 5, "eom": 6}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokenizer.ggml.model": None}, "has no tokenizer"),
        ({"tokenizer.ggml.tokens": []}, "has no tokenizer"),
        ({"tokenizer.ggml.model": "rwkv"}, "of the kind 'rwkv'; known are gpt2 and llama"),
        ({"tokenizer.ggml.pre": "spiral"}, "rule 'spiral', which is not known here"),
        ({"tokenizer.ggml.merges": None}, "no merges"),
        ({"tokenizer.ggml.model": "llama"}, "no scores"),
    ],
)
def test_what_is_missing_or_unknown(change, said):
    metadata = {**metadata_of(byte_level(kind="gpt-2"), pre="gpt-2"), **change}
    with pytest.raises(TokenizerError, match=said):
        tokenizer_of(metadata)
