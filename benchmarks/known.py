"""Texts of known settings for ``text_temperature.py``: a model's own, kept in a folder, and other people's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from thermoscope import SamplingParams, generate
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.models.base import Model

Setting = SamplingParams
#: Temperatures, each untruncated and with every truncation.
SETTINGS: tuple[Setting, ...] = tuple(
    SamplingParams(temperature=temperature).replace(**cut)
    for temperature in (0.3, 0.7, 1.0, 1.5)
    for cut in ({}, {"top_k": 40}, {"top_p": 0.95}, {"min_p": 0.05})
)
LENGTHS = (200, 400)
#: The most texts of one setting, which are short where the model ends them early.
_MOST = 12
#: Passages of a file, where that of a page begins, and how many characters hold the longest length in tokens.
_PASSAGES, _SKIPPED, _LONG = 12, 2000, 3200


@dataclass(frozen=True)
class Own:
    """Texts that a model wrote at one setting from one prompt, cut to each number of tokens in all."""

    setting: Setting
    prompt: str
    cut: dict[int, list[str]]


def own_texts(
    model: Model, folder: Path, number: int, settings: Sequence[Setting], lengths: Sequence[int]
) -> Iterator[Own]:
    """The texts of one model at every setting, one prompt after the other; made ones are kept in the folder."""
    for which in range(number):
        file = folder / f"own-{which}.json"
        if not file.exists():
            prompt = BEGINNINGS[which % len(BEGINNINGS)]
            made = _made(model, prompt, settings, lengths, 100 * which)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".part").write_text(json.dumps([prompt, made]))
            file.with_suffix(".part").replace(file)
        prompt, cuts = json.loads(file.read_text())
        for setting, cut in zip(settings, cuts, strict=True):
            yield Own(setting, prompt, {int(n): texts for n, texts in cut.items()})


def _made(
    model: Model, prompt: str, settings: Sequence[Setting], lengths: Sequence[int], first: int
) -> list[dict[int, list[str]]]:
    """Texts of each setting, one seed after the other, until there are as many tokens as the longest length."""
    found: list[list[list[int]]] = [[] for _ in settings]
    longest = max(lengths)
    for seed in range(first, first + _MOST):
        short = [n for n, texts in enumerate(found) if sum(map(len, texts)) < longest]
        if not short:
            break
        samples = generate(model, prompt, [settings[n] for n in short], seeds=[seed], max_new_tokens=longest)
        for n, sample in zip(short, samples, strict=True):
            found[n].append([int(token) for token in sample.token_ids])
    begun = model.encode_prompt(prompt)
    return [{n: _cut(model, begun, texts, n) for n in lengths} for texts in found]


def _cut(model: Model, begun: Sequence[int], texts: Sequence[Sequence[int]], tokens: int) -> list[str]:
    """The texts of the first so many tokens of all."""
    before, cut = len(model.decode(list(begun))), []
    for text in texts:
        if tokens > 0:
            cut.append(model.decode([*begun, *text[:tokens]])[before:])
        tokens -= len(text)
    return [text for text in cut if text]


def other_texts(folder: Path | None = None) -> Iterator[tuple[str, str]]:
    """Passages that people wrote, and where each is from: of Python's manual, licences and descriptions of packages.

    With a folder, of its text files instead, evenly along each.
    """
    if folder is not None:
        for file in sorted(folder.rglob("*.txt")):
            whole = file.read_text(errors="replace")
            for n in range(_PASSAGES):
                yield file.stem, _passage(whole, (n + 1) * len(whole) // (_PASSAGES + 1))
        return
    found = set()
    for kind, text in _at_hand():
        passage = _passage(text, min(_SKIPPED, len(text) // 4))
        if len(text) > _LONG + _SKIPPED and passage not in found:
            found.add(passage)
            yield kind, passage


def _at_hand() -> Iterator[tuple[str, str]]:
    from importlib.metadata import distributions
    from pydoc_data.topics import topics

    yield from (("manual", text) for text in topics.values())
    for package in sorted(distributions(), key=lambda one: one.metadata["Name"].lower()):
        yield "description", str(package.metadata.json.get("description", ""))
        for file in package.files or []:
            if file.name.upper().startswith("LICENSE") and Path(str(file.locate())).is_file():
                yield "licence", Path(str(file.locate())).read_text(errors="replace")


def _passage(text: str, start: int) -> str:
    """A passage that holds the longest length in tokens, from the beginning of a line or word on."""
    cut = text[start : start + _LONG]
    return cut[cut.find("\n") + 1 if "\n" in cut[:400] else cut.find(" ") + 1 :]
