"""A tiny corpus, made on the spot, and the runs that are trained on it."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from training.prepare import prepare
from training.tokenizer import make

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana")
THINGS = ("a red ball", "an old boat", "the tall tree", "a small dog", "her blue hat", "some warm bread")


def story(number: int) -> str:
    """A little story, different for every number."""
    name, thing = NAMES[number % len(NAMES)], THINGS[number % len(THINGS)]
    return (
        f"Once upon a time, {name} found {thing} near house number {number}. {name} was very happy.\n\n"
        f"On day {number * 7} it was lost again, and {name} looked in {number + 3} places until dark."
    )


def explanation(number: int, heading: str) -> str:
    """An explanation under the given heading; the body depends on the number alone."""
    return (
        f"{heading}\n\nThing {number} is a machine with {number + 2} wheels. It turns each {number * 5} times"
        f" and then stops. People use machine {number} when machine {number + 1} would be too slow."
    )


def write_corpus(folder: Path) -> None:
    """Write stories, explanations, and copies of both in extra/."""
    texts = {
        "stories/tinystories_a.txt": [story(n) for n in range(300)],
        "stories/classic_scifi.txt": [story(n) for n in range(300, 400)],
        "explain/wheels.txt": [explanation(n, f"Machine {n}") for n in range(200)],
        "extra/explain_prompted_clean.txt": [explanation(n, f"Explain machine {n}.") for n in range(0, 200, 2)],
        "extra/space_stories_clean.txt": [story(n) for n in range(300, 330)],
    }
    for name, documents in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{d}\n<|endoftext|>\n" for d in documents), encoding="utf-8")


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    """Return a folder with the tiny corpus."""
    write_corpus(tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare and tokenise the tiny corpus once."""
    folder = tmp_path_factory.mktemp("prepared")
    write_corpus(folder / "corpus")
    prepare(folder / "corpus", folder / "run", share=0.05)
    make(folder / "run", 400)
    return folder / "run"


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    """Return a run of the test's own whose text is prepared and tokenised."""
    return Path(shutil.copytree(prepared, tmp_path / "run"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep these tiny models on one thread: more only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
