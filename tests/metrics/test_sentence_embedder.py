"""The embedding measures with the real library, on a sentence-embedding model that is made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import thermoscope
from tests.handmade import sample
from tests.tiny_cli import Ran
from thermoscope.errors import ModelError
from thermoscope.metrics import embedding
from thermoscope.metrics.embedding import SentenceEmbedder, Watched, coherences, default_embedder, dispersion, unit

there = pytest.mark.skipif(
    not embedding.available(), reason="sentence-transformers is an extra: pip install .[embeddings]"
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "once", "upon", "time"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers with random weights, a tokenizer of a few words and mean pooling, saved."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    made = tmp_path_factory.mktemp("embedder")
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}
    PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=64, **names).save_pretrained(made / "bert")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **sizes))
    network.save_pretrained(made / "bert")
    parts = [modules.Transformer(str(made / "bert")), modules.Pooling(16, pooling_mode="mean")]
    SentenceTransformer(modules=parts, device="cpu").save(str(made / "model"))
    return made / "model"


@there
def test_vectors_are_those_of_the_library(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["once upon a time", "a b c", "d"]
    ours = SentenceEmbedder(str(folder), device="cpu").encode(texts)
    assert ours.shape == (3, 16)
    assert ours == pytest.approx(np.asarray(SentenceTransformer(str(folder), device="cpu").encode(texts)), abs=1e-5)


@there
def test_measure_with_a_real_model(folder: Path) -> None:
    embedder = SentenceEmbedder(str(folder), device="cpu")
    texts = [["a", " b"], ["a", " b"], ["c", " d"], [" "]]
    samples = [sample(words, seed=i, prompt="once upon") for i, words in enumerate(texts)]
    vectors = unit(embedder.encode(["once upon", "a b", "a b", "c d"]))
    table = thermoscope.measure(samples, embedder=embedder, length=2)
    cosines = coherences(np.repeat(vectors[:1], 3, axis=0), vectors[1:])
    assert table["coherence"].to_pylist()[:3] == pytest.approx(cosines.tolist(), abs=1e-5)
    assert table["coherence"].to_pylist()[3] is None  # white space has no direction
    groups = thermoscope.measure(samples, per="group", embedder=embedder, length=2)
    expected = np.mean([0, *[1 - vectors[1] @ vectors[3]] * 2])
    assert groups["semantic_dispersion"].to_pylist() == pytest.approx([expected], abs=1e-5)
    assert dispersion(vectors[1:]) == pytest.approx(expected)


@there
def test_the_command_on_a_file(folder: Path, tmp_path: Path, cli: Callable[..., Ran]) -> None:
    rows = [{"text": text, "prompt": "once", "t": t} for t, text in ((1, "a b"), (1, "a b"), (2, "a b"), (2, "c d"))]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = cli("measure", str(tmp_path / "texts.jsonl"), "--prompt-column", "prompt", "--setting-column", "t", "--json",
              "--embedding-model", str(folder))  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    same, different = (group["semantic_dispersion"] for group in json.loads(ran.out)["groups"])
    assert same == pytest.approx(0, abs=1e-6)
    assert different > 1e-4


@there
def test_the_command_on_a_use_case(
    folder: Path,
    tmp_path: Path,
    cli: Callable[..., Ran],
    tiny_model: Path,
) -> None:
    case = tmp_path / "two.toml"
    case.write_text('title = "Two"\nobjective = "creative"\nmax_new_tokens = 6\n'
                    '[[prompts]]\ntext = "once"\n[[prompts]]\ntext = "upon"\n')  # fmt: skip
    arguments = ("measure", "--use-case", str(case), "--model", str(tiny_model), "-t", "0.5,1.5", "--seeds", "2",
                 "--run", str(tmp_path / "run"), "--json")  # fmt: skip
    without = json.loads(cli(*arguments).out)
    assert without["measuring"]["embedder"] is None
    ran = cli(*arguments, "--embedding-model", str(folder))
    assert (ran.code, ran.err) == (0, "")
    record = json.loads(ran.out)
    assert record["texts_made_last"] == 0  # measuring in another way makes no new texts
    assert record["measuring"]["embedder"] == str(folder)
    known = {row["measure"] for row in record["settings_measured"] if row["mean"] is not None}
    assert {"semantic_dispersion", "coherence"} <= known
    assert f"--embedding-model={folder}" in record["command"]


@there
def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be loaded") as caught:
        SentenceEmbedder(str(tmp_path / "none"))
    assert "\n" not in str(caught.value)


def test_without_the_library_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "available", lambda: False)
    with pytest.raises(ModelError, match=r"pip install 'thermoscope\[embeddings\]'"):
        SentenceEmbedder("some/model")
    assert default_embedder() is None
    assert embedding.how_to_get().startswith("pip install 'thermoscope[embeddings]', then --embedding-model")


def test_nothing_is_downloaded_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "available", lambda: True)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    assert default_embedder() is None
    assert "pip" not in embedding.how_to_get()


def test_progress_is_told_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lengths:
        name = "lengths"

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.array([[len(text)] for text in texts])

    monkeypatch.setattr(embedding, "_PIECE", 2)
    told: list[tuple[int, int]] = []
    vectors = Watched(Lengths(), lambda done, all_: told.append((done, all_))).encode(["a", "bb", "ccc"])
    assert vectors.tolist() == [[1], [2], [3]]
    assert told == [(0, 3), (2, 3), (3, 3)]
