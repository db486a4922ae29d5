import json
from pathlib import Path

import pytest
from training.clean import clean_document, identity, normalise, shingles, split_documents
from training.common import BadInputError, read_jsonl
from training.prepare import prepare


def test_no_document_is_in_both_parts(corpus_folder: Path, tmp_path: Path) -> None:
    report = prepare(corpus_folder, tmp_path / "run", share=0.1)
    parts = [read_jsonl(tmp_path / "run" / "text" / f"{name}.jsonl") for name in ("train", "heldout")]
    train, heldout = ({name for d in part for name in identity(d["text"])} for part in parts)
    assert not train & heldout
    assert report["sources"]["wheels"]["kept elsewhere"] == 100
    assert report["sources"]["classic_scifi"]["kept elsewhere"] == 30
    assert {d["source"] for d in parts[1]} == {d["source"] for d in parts[0]}


def test_each_document_is_kept_once(corpus_folder: Path, tmp_path: Path) -> None:
    prepare(corpus_folder, tmp_path / "run", share=0.1)
    texts = [
        d["text"] for name in ("train", "heldout") for d in read_jsonl(tmp_path / "run" / "text" / f"{name}.jsonl")
    ]
    bodies = [normalise(text.partition("\n")[2]) for text in texts]
    assert len(set(bodies)) == len(bodies)


def test_a_near_copy_of_a_held_out_document_leaves_the_training_text(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    long = " ".join(f"word{n} and word{n * 3}" for n in range(100)) + "."
    copies = [f"Edition {n}. {long} The end of edition {n}." for n in range(10)]
    (folder / "a.txt").write_text("\n<|endoftext|>\n".join(copies), encoding="utf-8")
    report = prepare(folder, tmp_path / "run", share=0.1)
    assert report["heldout"]["documents"] == 1
    assert report["overlapping_dropped"] == 9


def test_the_split_stays_when_texts_are_added(corpus_folder: Path, tmp_path: Path) -> None:
    def heldout(run: str) -> set[str]:
        prepare(corpus_folder, tmp_path / run, share=0.1)
        documents = read_jsonl(tmp_path / run / "text" / "heldout.jsonl")
        return {d["text"] for d in documents if d["source"] != "more"}

    before = heldout("one")
    extra = "\n<|endoftext|>\n".join(f"A quite new text, number {n}: " + f"{n} sheep sleep. " * 9 for n in range(20))
    (corpus_folder / "more.txt").write_text(extra, encoding="utf-8")
    assert heldout("two") == before


def test_cleaning() -> None:
    assert split_documents("### A\none\n\n### B\ntwo\n<|endoftext|>\nthree") == ["one", "two", "three"]
    sentence = "The quick brown fox jumps over the lazy dog , and then it sleeps until the sun comes up again .  "
    cleaned = clean_document(sentence + "\n\n\\frac{a}{b} = \\sum_{i=1}^{n} x_i\n\nThe rest is as follows:")
    assert cleaned == sentence.strip().replace(" ,", ",").replace(" .", ".")
    assert clean_document("Too short.") == ""
    assert clean_document(cleaned[:-1], whole=True) == ""
    assert clean_document('She smiled "" it was done. ' * 4).startswith("She smiled - it was done.")


def test_shingles_overlap_where_texts_do() -> None:
    words = [f"w{n}" for n in range(40)]
    assert len(shingles(" ".join(words))) == 28
    assert shingles(" ".join(words[:20])) <= shingles(" ".join(words))
    assert not shingles(" ".join(words[:20])) & shingles(" ".join(words[20:]))


@pytest.mark.parametrize(("share", "text"), [(0.7, "corpus"), (0.01, "nowhere")])
def test_bad_input_is_one_line(corpus_folder: Path, tmp_path: Path, share: float, text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        prepare(tmp_path / text, tmp_path / "run", share=share)
    assert "\n" not in str(caught.value)


def test_the_report_is_json(run: Path) -> None:
    report = json.loads((run / "text" / "report.json").read_text(encoding="utf-8"))
    assert report["train"]["documents"] > report["heldout"]["documents"] > 0
