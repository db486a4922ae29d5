"""A small question on a fake model, and its answer, made once: what several tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes import FakeModel
from thermoscope.recommending.recommend import recommend
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.sources.base import Source
from thermoscope.usecases.case import UseCase
from thermoscope.usecases.load import parse

PROMPTS = ("One day", "The fox", "A king", "Snow", "Why?", "The end", "Two boats", "Rain", "<b>&amp;|*", "café 日本")


def case(prompts: tuple[str, ...] = PROMPTS, objective: str = "creative", held_out: int = 3, more: str = "") -> UseCase:
    """A use case of some prompts, the last ones held out."""
    tables = "".join(
        f'[[prompts]]\ntext = "{text}"\nanswer = "e"\nheld_out = {str(i >= len(prompts) - held_out).lower()}\n'
        for i, text in enumerate(prompts)
    )
    return parse(f'title = "A <small> story"\nobjective = "{objective}"\n{tables}{more}', Path("small.toml"))


def answer(folder: Path, model: FakeModel | Source | None = None, **how: Any) -> Recommendation:
    """The answer to a small question; all of its bounds are wide, unless given."""
    wide = {"loop_rate": 1.0, "rep_4": 0.5, "surprise": 5.0, "drift": 5.0, "perplexity": 2000.0}
    given: dict[str, Any] = {
        "use_case": case(), "folder": folder, "budget": 2_600, "max_new_tokens": 8, "bounds": wide,
    } | how  # fmt: skip
    return recommend(FakeModel() if model is None else model, given.pop("use_case"), **given)
