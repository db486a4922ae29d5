"""300 files as the makers' documentation has them, of ten families and more, read without an unknown field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engines.families import FAMILIES, FORMS, Recommended
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.reading import read


def meant(of: Recommended, form: str) -> dict[str, Any]:
    """The values that a file of this form can say, without those that do nothing."""
    given = {
        n: v
        for n, v in of.values.items()
        if v not in (0.0, None) and (n, v) not in (("temperature", 1.0), ("top_p", 1.0))
    }
    lacks = {
        "generation_config.json": {"presence_penalty"}, "dump of every field": {"presence_penalty"},
        "arguments of generate": {"presence_penalty"}, "request to TGI": {"min_p", "presence_penalty"},
        "mlx_lm.generate": {"repetition_penalty", "presence_penalty"},
        "request to OpenAI's API": {"top_k", "min_p", "repetition_penalty"},
        "request to Gemini": {"top_k", "min_p", "repetition_penalty", "presence_penalty"},
    }.get(form, set())  # fmt: skip
    thinking = {
        "request to OpenAI's API": {"reasoning_effort": "low"},
        "request to Gemini": {"thinking_budget": 0},
    }.get(form, {})
    return {name: value for name, value in given.items() if name not in lacks} | thinking


def test_there_are_300_files_of_ten_families() -> None:
    assert len(FAMILIES) * len(FORMS) >= 300
    assert len({of.family for of in FAMILIES}) >= 10


@pytest.mark.parametrize("form", FORMS)
def test_a_file_says_what_its_maker_recommends_and_nothing_is_unknown(form: str) -> None:
    for of in FAMILIES:
        engine, name, text = FORMS[form](of)
        back = read(text, engine, file_name=name)
        assert not back.unknown, (of.model, back.unknown)
        found = {n: v for n, v in meaningful(back.params).given.items() if n not in back.added}
        assert {n: v for n, v in found.items() if not n.endswith("_last_n")} == meant(of, form), of.model
