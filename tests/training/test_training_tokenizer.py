from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training.stream import Corpus
from transformers import AutoTokenizer


def test_opens_as_a_fast_tokenizer(run: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    assert tokenizer.is_fast
    assert tokenizer.bos_token == tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.eos_token_id == 0
    assert len(tokenizer) == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(text=st.text())
def test_any_text_comes_back(run: Path, text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_every_byte_has_a_token(run: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    text = bytes(range(256)).decode("latin-1") + "\U0001f680"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_encoded_documents_end_with_end_of_text(run: Path) -> None:
    corpus = Corpus(run, "train")
    assert corpus.starts[-1] == len(corpus.ids)
    assert (corpus.ids[corpus.starts[1:] - 1] == 0).all()
    assert int((corpus.ids == 0).sum()) == len(corpus.weight)
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    text = tokenizer.decode(corpus.document(0)[:-1])
    assert len(text.encode()) == corpus.bytes[0]
    assert np.issubdtype(corpus.ids.dtype, np.unsignedinteger)
