"""What ran in words: each fact where it applies and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes import FakeModel
from thermoscope.ran.facts import facts
from thermoscope.ran.provenance import WhatRan, what_ran
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams

RAN = WhatRan(
    command="thermoscope compare -- x",
    versions={"thermoscope": "0.1.0", "python": "3.11"},
    settings=varied({"temperature": [0.2, 0.9]}, SamplingParams(top_k=50, top_p=1)),
    seeds=(0, 1, 2),
    max_new_tokens=60,
    stop=("\n",),
    model="gpt2",
    revision="abc",
    dtype="float32",
    device="cpu",
    notes=("a note",),
    model_settings="top_k=50",
    details={"resolution": "0.001"},
)


def test_every_fact_in_its_order() -> None:
    low, high = (setting.id for setting in RAN.settings)
    assert facts(RAN) == [
        ("settings", f"T=0.2 ({low}), T=0.9 ({high})"),
        ("same for all", "top_k=50, top_p=1 (keeps every token), all other parameters off"),
        ("order", "temperature > top_k > top_p"),
        ("seeds", "0 to 2; the same noise for every setting"),
        ("limit", "60 new tokens, stop at '\\n'"),
        ("resolution", "0.001"),
        ("model", "gpt2, revision abc, float32 on cpu"),
        ("model's own", "top_k=50 (not used unless asked for)"),
        ("versions", "thermoscope 0.1.0, python 3.11"),
        ("note", "a note"),
    ]


def test_what_does_not_apply_is_left_out() -> None:
    assert facts(WhatRan(command="x", versions={"python": "3"})) == [("versions", "python 3")]


def test_one_setting_is_told_with_its_other_parameters() -> None:
    setting = SamplingParams(temperature=1, min_p=0.1)
    told = facts(replace(RAN, settings=(setting,), seeds=(5,)))
    assert told[:4] == [
        ("setting", f"T=1 ({setting.id})"),
        ("with", "min_p=0.1, all other parameters off"),
        ("order", "temperature > min_p"),
        ("seeds", "5"),
    ]


def test_a_whole_range_of_temperatures() -> None:
    told = dict(facts(replace(RAN, settings=(SamplingParams(),), temperatures=(0.0, 1.5), seeds=(4, 2))))
    assert told["setting"] == "every T from 0 to 1.5"
    assert told["with"] == "all parameters off"
    assert told["seeds"] == "4, 2; the same noise for every setting"


def test_many_settings_are_told_by_their_values() -> None:
    settings = varied({"temperature": [0.1, 0.2, 0.3], "top_k": [None, 5, 9]})
    told = dict(facts(replace(RAN, settings=settings)))
    assert told["settings"] == "9: T=0.1, T=0.2, T=0.3 x top_k off, top_k=5, top_k=9"
    orders = varied({"order": ["transformers", "llama.cpp"]}, SamplingParams(temperature=0.7, top_p=0.9))
    assert "order" not in dict(facts(replace(RAN, settings=orders)))  # it is among what differs


def test_what_ran_is_taken_from_the_model() -> None:
    model = FakeModel()
    ran = what_ran(model, "thermoscope x", seeds=(1,), details={"a": "b"})
    assert (ran.model, ran.revision, ran.dtype, ran.device) == (model.name, model.revision, model.dtype, model.device)
    assert set(ran.versions) == {"thermoscope", "torch", "transformers", "tokenizers", "numpy", "python"}
    record = ran.to_dict()
    assert (record["seeds"], record["details"], record["max_new_tokens"]) == ((1,), {"a": "b"}, None)
    bare = what_ran(None, "thermoscope x")
    assert (bare.model, set(bare.versions)) == (None, {"thermoscope", "numpy", "python"})
