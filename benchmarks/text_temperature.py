"""The temperature of a text: how often its interval holds, what is called, and who is said not to be the author.

Run ``python benchmarks/text_temperature.py`` (hours; what is done is kept in ``--folder``, and it goes on where it
was), with ``--tables`` for the tables of what is there, or ``--quick`` (seconds). Read are texts of each model at
temperatures 0.3 to 1.5, untruncated and with top_k 40, top_p 0.95 and min_p 0.05; passages that people wrote; and the
other model's texts at T=0.7 and 1. Passages are of Python's manual and of the licences and descriptions of installed
packages, or with ``--texts FOLDER`` of the text files there.

``held``     how often the true temperature is in the interval of 95 %
``anew``     the same where tokens are drawn anew from the setting at the places of these texts: as many more intervals
``right``    how often the truncation that ran is called, or is a rival of what is called, or "can't be told" is said
``told``     how often the truncation that ran is called by name
``not its``  how often a text is said not to be the model's

Below each table are the sums with exact intervals of 95 % (Clopper and Pearson 1934), which take texts as independent.
They are not quite: the settings of a prompt share their noise, and cold texts may be the same word for word.
``distinct`` counts equal ones at one temperature once. ``later`` are texts of prompts from the eleventh on: the
probabilities of tokens that were not drawn were chosen with texts of the first ten.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from known import LENGTHS, SETTINGS, Setting, other_texts, own_texts
from thermoscope import SamplingParams, load_model, probabilities
from thermoscope.auditing.averaged import averaged
from thermoscope.auditing.text_places import TextPlaces
from thermoscope.auditing.text_temperature import of_places
from thermoscope.models.base import Model

MODELS = ("bundled", "smollm2")
#: Settings at which another model's texts are read: T=0.7 and 1 without truncation.
OTHER = (4, 8)
#: Texts of the first so many prompts were seen when the probabilities of tokens that were not drawn were chosen.
_CHOSEN = 10

Row = dict[str, Any]


def main() -> None:
    """Read what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tables", action="store_true", help="print the tables of what is there")
    parser.add_argument("--folder", type=Path, default=Path("runs/text_temperature"))
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--prompts", type=int, default=10, help="texts of each setting")
    parser.add_argument("--passages", type=int, default=40, help="passages that people wrote")
    parser.add_argument("--anew", type=int, default=5, help="how often the tokens of each text are drawn anew")
    parser.add_argument("--tokens", nargs="+", type=int, default=LENGTHS, choices=LENGTHS)
    parser.add_argument("--texts", type=Path)
    asked = parser.parse_args()
    if asked.quick:
        with tempfile.TemporaryDirectory() as folder:
            asked.folder, asked.models, asked.prompts, asked.passages, asked.tokens = (
                Path(folder),
                ["bundled"],
                1,
                2,
                [60],
            )
            _read_all(asked, SETTINGS[8:12:3], [60])
            tables(asked.folder, asked.models, [60])
        return
    if not asked.tables:
        _read_all(asked, SETTINGS, LENGTHS)
    tables(asked.folder, asked.models, asked.tokens)


def _read_all(asked: argparse.Namespace, settings: Sequence[Setting], made: Sequence[int]) -> None:
    for name in asked.models:
        model = load_model(name, chat=None if name == "bundled" else False)
        file = asked.folder / name / "found.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        done = {tuple(row["key"]) for row in _rows(file)}
        for key, texts, prompt, setting in _cases(model, name, asked, settings, made):
            if key in done:
                continue
            read = [TextPlaces.of(model, text, prompt) for text in texts]
            row: Row = {"key": key, **_reading(read, name)}
            if setting is not None:
                row["anew"] = _anew(read, setting, zlib.crc32(f"{setting}{texts[0]}".encode()), asked.anew)
            with file.open("a") as to:
                to.write(json.dumps(row) + "\n")


def _cases(
    model: Model, name: str, asked: argparse.Namespace, settings: Sequence[Setting], made: Sequence[int]
) -> Iterator[tuple[tuple[str, str, int, int], list[str], str | None, SamplingParams | None]]:
    """Everything that is read: (kind, setting or source, number, tokens), the texts, their prompt and their setting."""
    counts: dict[str, int] = defaultdict(int)
    for own in own_texts(model, asked.folder / name, asked.prompts, settings, made):
        shown = str(own.setting)
        counts[shown] += 1
        for tokens in asked.tokens:
            yield ("own", shown, counts[shown], tokens), own.cut[tokens], own.prompt, own.setting
    passages = list(other_texts(asked.texts))
    for number in np.random.default_rng(0).permutation(len(passages))[: asked.passages]:
        for tokens in asked.tokens:
            text = model.decode(model.encode(passages[number][1])[: tokens + 1])
            yield ("people", passages[number][0], int(number), tokens), [text], None, None
    for other in (one for one in asked.models if one != name):
        for file in sorted((asked.folder / other).glob("own-*.json")):
            for which in OTHER:
                prompt, cuts = json.loads(file.read_text())
                for tokens in asked.tokens:
                    key = ("other", f"{other}'s", 100 * int(file.stem[4:]) + which, tokens)
                    yield key, cuts[which][str(tokens)], prompt, None


def _reading(read: Sequence[TextPlaces], name: str) -> Row:
    found = of_places(read, name, along=False)
    return {
        "low": found.low,
        "temperature": found.temperature,
        "high": found.high,
        "called": found.truncation,
        "rivals": found.rivals,
        "author": found.author,
        "p": found.author_p,
        "tokens": found.tokens,
    }


def _anew(read: Sequence[TextPlaces], setting: SamplingParams, seed: int, number: int) -> list[list[float]]:
    """The intervals of tokens that are drawn anew at the places of some texts."""
    import torch

    rng, found = np.random.default_rng(seed), []
    sums = [probabilities(torch.from_numpy(one.logprobs), setting).double().numpy().cumsum(axis=1) for one in read]
    for _ in range(number):
        drawn = []
        for one, rows in zip(read, sums, strict=True):
            shares = rng.random(len(rows)) * rows[:, -1]
            ranks = np.array([np.searchsorted(row, u, side="right") for row, u in zip(rows, shares, strict=True)])
            drawn.append(TextPlaces(one.logprobs, ranks, one.known, one.history))
        over = averaged(drawn, last=False)
        found.append([over.low, over.high])
    return found


def _rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def tables(folder: Path, models: Sequence[str], lengths: Sequence[int]) -> None:
    """A table of each model at each length."""
    for name in models:
        for tokens in lengths:
            groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
            for row in _rows(folder / name / "found.jsonl"):
                kind, what, _, number = row["key"]
                if number == tokens:
                    groups[kind, what].append(row)
            write(f"\n{name}, {tokens} tokens")
            write(f"{'text':34}{'held':>10}{'anew':>12}{'median T':>10}{'right':>9}{'told':>9}{'not its':>9}")
            for (kind, what), rows in groups.items():
                write(_line(what, rows) if kind == "own" else f"{kind + ': ' + what:75}{_not_its(rows):>18}")
            for kind in ("own", "people", "other"):
                every = [row for (of, _), rows in groups.items() if of == kind for row in rows]
                if kind == "own":
                    _sums("own", every)
                    _sums("own, later", [row for row in every if row["key"][2] > _CHOSEN])
                elif every:
                    write(f"all {kind}: not its {_share([row['author'] == 'unlikely' for row in every])}")


def _line(what: str, rows: Sequence[Row]) -> str:
    """A line of a model's own texts at one setting."""
    true, anew = _temperature(what), [ends for row in rows for ends in row["anew"]]
    held = sum(row["low"] <= true <= row["high"] for row in rows)
    drawn = sum(low <= true <= high for low, high in anew)
    told = sum(row["called"] == _family(what) for row in rows)
    right = sum(map(_right, rows))
    middle = float(np.median([row["temperature"] for row in rows]))
    counts = (f"{held}/{len(rows)}", f"{drawn}/{len(anew)}")
    return f"{what:34}{counts[0]:>10}{counts[1]:>12}{middle:10.2f}{right:9}{told:9}{_not_its(rows):>9}"


def _sums(what: str, rows: Sequence[Row]) -> None:
    """Sums over a model's own texts."""
    if not rows:
        return
    held = [_holds(row, row["low"], row["high"]) for row in rows]
    found = {
        (_temperature(row["key"][1]), row["key"][2], row["temperature"]): one
        for row, one in zip(rows, held, strict=True)
    }
    anew = [_holds(row, low, high) for row in rows for low, high in row["anew"]]
    write(f"all {what}: held {_share(held)}, distinct {_share(list(found.values()))}, anew {_share(anew)}")
    names = [sum(row["called"] == _family(row["key"][1]) for row in rows)]
    names.append(sum(row["called"] == "can't be told" for row in rows))
    right = _share([_right(row) for row in rows])
    write(f"    right {right}: {names[0]} called, {names[1]} can't be told, the others among the rivals")
    write(f"    not its {_share([row['author'] == 'unlikely' for row in rows])}")


def _share(held: Sequence[bool]) -> str:
    """How many of how many, with the exact interval in percent."""
    from scipy.stats import binomtest

    if not held:
        return "-"
    ends = binomtest(sum(held), len(held)).proportion_ci(0.95, "exact")
    return f"{sum(held)}/{len(held)} ({100 * ends.low:.1f} to {100 * ends.high:.1f} %)"


def _holds(row: Row, low: float, high: float) -> bool:
    return low <= _temperature(row["key"][1]) <= high


def _right(row: Row) -> bool:
    family = _family(row["key"][1])
    return row["called"] in (family, "can't be told") or family in row["rivals"]


def _family(what: str) -> str:
    """The truncation of a setting in words."""
    return next((name for name in ("top_k", "top_p", "min_p") if name in what), "none")


def _temperature(what: str) -> float:
    """The temperature of a setting in words."""
    return next((float(part.split("=")[1]) for part in what.split() if part.startswith("temperature=")), 1.0)


def _not_its(rows: Sequence[Row]) -> str:
    return f"{sum(row['author'] == 'unlikely' for row in rows)}/{len(rows)}"


def write(line: str) -> None:
    """A line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
