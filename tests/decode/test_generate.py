"""``generate``: limits, ends of texts, what it refuses, interrupts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import END, FakeModel
from thermoscope import InputError, SamplingParams, generate
from thermoscope.decode.request import DEFAULT_NEW_TOKENS
from thermoscope.errors import BadLogitsError, PromptError

GREEDY = SamplingParams(temperature=0)


class Script(FakeModel):
    """Says one thing, whatever the prompt, then ends the text (or goes on with dots)."""

    def __init__(self, says: str, *, ends: bool = True, prompt: str = ">", **how) -> None:
        super().__init__(**how)
        self.says = [*says.encode(), END] if ends else list(says.encode())
        self.prompt = len(prompt.encode())

    def next_logits(self, context):
        logits = torch.full((self.vocabulary,), -50.0)
        place = len(context) - self.prompt
        logits[self.says[place] if place < len(self.says) else ord(".")] = 50.0
        return logits


def say(says: str, *, prompt: str = ">", ends: bool = True, **how):
    return generate(Script(says, ends=ends, prompt=prompt), prompt, GREEDY, **how)[0]


# --- how a text ends ------------------------------------------------------------------------------------------


def test_end_of_text_is_a_token_but_no_text():
    sample = say("hello")
    assert sample.finish_reason == "end_of_text"
    assert sample.text == "hello"
    assert sample.token_ids == (*b"hello", END)
    assert sample.text_token_ids == tuple(b"hello")
    assert sample.text_ends == (1, 2, 3, 4, 5, 5)


def test_end_of_text_at_once():
    sample = say("")
    assert (sample.text, sample.token_ids, sample.finish_reason) == ("", (END,), "end_of_text")
    assert sample.text_ends == (0,)


def test_length():
    sample = say("hello", max_new_tokens=3)
    assert (sample.text, sample.finish_reason) == ("hel", "length")
    assert sample.token_ids == sample.text_token_ids == tuple(b"hel")


def test_end_of_text_on_the_last_token_is_end_of_text():
    assert say("hello", max_new_tokens=6).finish_reason == "end_of_text"
    assert say("hello", max_new_tokens=5).finish_reason == "length"


def test_max_length_counts_the_prompt():
    sample = say("hello", prompt="abc", max_length=7)
    assert sample.prompt_tokens == 3
    assert sample.text == "hell"
    assert len(say("x", ends=False, prompt="abc", max_length=4).token_ids) == 1


def test_the_default_is_200_new_tokens_or_what_the_context_leaves():
    assert len(say("x", ends=False).token_ids) == DEFAULT_NEW_TOKENS == 200
    short = Script("x", ends=False, prompt="abc", context_length=50)
    assert len(generate(short, "abc", GREEDY)[0].token_ids) == 47
    endless = Script("x", ends=False, context_length=None)
    assert len(generate(endless, ">", GREEDY)[0].token_ids) == 200


@pytest.mark.parametrize(
    ("says", "stop", "text"),
    [
        ("one. two", ".", "one"),
        ("one. two", [". two", "nothing"], "one"),
        ("one. two", ["two", "ne"], "o"),
        ("one", "o", ""),
        ("日本語", "本", "日"),
        ("a🚀b", ["🚀"], "a"),
        ("aaab", "aab", "a"),
        ("tab\there", "\t", "tab"),
    ],
)
def test_stop_strings(says, stop, text):
    sample = say(says, stop=stop)
    assert sample.finish_reason == "stop"
    assert sample.text == text
    assert sample.text_ends[-1] == len(text)
    assert bytes(sample.token_ids) == says.encode()[: len(sample.token_ids)]


def test_a_stop_string_ends_the_text_as_soon_as_it_is_whole():
    assert say("one. two. three", stop=". t").token_ids == tuple(b"one. t")


def test_a_stop_string_that_does_not_come():
    assert say("hello", stop=["x", "helloo"]).finish_reason == "end_of_text"
    assert say("hello", stop="lo", max_new_tokens=4).finish_reason == "length"
    assert say("hello", stop="lo", max_new_tokens=5).finish_reason == "stop"


def test_a_stop_string_is_looked_for_in_the_continuation_alone():
    assert say("bc", prompt="a. b", stop=["a. b", "bbc"]).text == "bc"


def test_a_text_cut_within_a_character_shows_that():
    sample = say("a🚀", max_new_tokens=3)
    assert sample.text == "a\ufffd"
    assert sample.text_ends == (1, 1, 2)


# --- arguments ------------------------------------------------------------------------------------------------


def test_one_or_several_of_each():
    fake = FakeModel()
    one = generate(fake, "a", max_new_tokens=2)
    assert len(one) == 1
    assert one[0].params == SamplingParams()
    assert one[0].seed == 0
    many = generate(fake, ("a", "b"), [GREEDY, SamplingParams()], seeds=np.arange(3), max_new_tokens=2)
    assert [(s.prompt, s.params, s.seed) for s in many] == [
        (prompt, params, seed) for prompt in "ab" for params in (GREEDY, SamplingParams()) for seed in range(3)
    ]
    assert generate(fake, "a", seeds=[3], max_new_tokens=2)[0].seed == 3
    assert generate(fake, "a", max_new_tokens=np.int64(2), max_rows=np.int32(1)) == generate(
        fake, "a", max_new_tokens=2
    )
    assert generate(fake, "a", seeds=[2**64 - 1], max_new_tokens=2)[0].seed == 2**64 - 1
    for three in (3, np.int64(3), np.array(3), range(3)):
        assert [sample.seed for sample in generate(fake, "a", seeds=three, max_new_tokens=2)] == [0, 1, 2]


def test_generators_and_arrays_are_as_good_as_lists():
    settings, how = [GREEDY, SamplingParams()], {"max_new_tokens": 4}
    want = generate(FakeModel(), ["a", "b"], settings, seeds=[0, 1], stop=["x", "y"], **how)
    assert want == generate(
        FakeModel(),
        (prompt for prompt in "ab"),
        (setting for setting in settings),
        seeds=(seed for seed in range(2)),
        stop=(text for text in "xy"),
        **how,
    )
    assert want == generate(
        FakeModel(), np.array(["a", "b"]), settings, seeds=np.arange(2, dtype=np.uint64), stop=("x", "y"), **how
    )


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"seeds": -1},
            "seeds must be how many seeds, 1 to 100,000, or a list of seeds; got -1; write seeds=1 for the seed 0",
        ),
        ({"seeds": 0}, "got 0; write seeds=[0] for the one seed 0"),
        ({"seeds": 100_001}, "write seeds=[100001] for the one seed 100001"),
        ({"seeds": [-1]}, "a seed must be from 0 to 2^64 - 1; got -1"),
        ({"seeds": [2**64]}, "a seed must be from 0"),
        ({"seeds": 1.5}, "a seed must be a whole number; got 1.5"),
        ({"seeds": True}, "a seed must be a whole number; got True"),
        ({"seeds": "12"}, "a seed must be a whole number; got '1'"),
        ({"seeds": [0, None]}, "a seed must be a whole number; got None"),
        ({"seeds": {1, 2}}, "seeds must be in an order"),
        ({"seeds": []}, "seeds must not be empty"),
        ({"seeds": [1, 2, 1]}, "each seed may be given once; got 1 twice; leave one out"),
        ({"seeds": [3, np.int64(3)]}, "each seed may be given once; got 3 twice"),
        ({"seeds": [[1]]}, "a seed must be a whole number; got [1]"),
        ({"seeds": np.array(1.5)}, "a seed must be a whole number; got 1.5"),
        ({"prompts": [["a"]]}, "a prompt must be a string; got list"),
        ({"prompts": np.array(5)}, "a prompt must be a string; got int"),
        ({"params": [[GREEDY]]}, "params must be SamplingParams; got [SamplingParams("),
        ({"stop": [["a"]]}, "a stop string must be a text that is not empty; got ['a']"),
        ({"prompts": []}, "prompts must not be empty"),
        ({"params": []}, "params must not be empty"),
        ({"params": 0.7}, "params must be SamplingParams; got 0.7"),
        ({"params": [0.7]}, "params must be SamplingParams; got 0.7"),
        ({"params": "abc"}, "params must be SamplingParams; got 'a'"),
        ({"prompts": 5}, "a prompt must be a string; got int"),
        ({"prompts": ["a", None]}, "a prompt must be a string; got NoneType"),
        ({"prompts": b"abc"}, "a prompt must be a string; got int"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number of at least 1; got 0"),
        ({"max_new_tokens": -5}, "max_new_tokens must be a whole number of at least 1; got -5"),
        ({"max_new_tokens": 2.0}, "max_new_tokens must be a whole number of at least 1; got 2.0"),
        ({"max_new_tokens": True}, "max_new_tokens must be a whole number of at least 1; got True"),
        ({"max_length": "9"}, "max_length must be a whole number of at least 1; got '9'"),
        ({"max_length": 5}, "max_length counts the prompt and must be above its 5 tokens; got 5; use at least 6"),
        ({"max_length": 1}, "must be above its 5 tokens; got 1"),
        ({"max_length": 9, "max_new_tokens": 9}, "give max_new_tokens or max_length, not both"),
        ({"max_length": 21}, "must fit the context of 20 tokens; got 5 + 16; use max_length of at most 20"),
        ({"max_new_tokens": 16}, "got 5 + 16; use max_new_tokens of at most 15"),
        ({"stop": ""}, "a stop string must be a text that is not empty"),
        ({"stop": ["a", ""]}, "a stop string must be a text that is not empty"),
        ({"stop": 5}, "a stop string must be a text that is not empty; got 5"),
        ({"stop": "\ud800"}, "a stop string must be Unicode text"),
        ({"max_rows": 0}, "max_rows must be a whole number of at least 1; got 0"),
        ({"max_rows": 2.5}, "max_rows must be a whole number of at least 1; got 2.5"),
    ],
)
def test_bad_arguments_are_one_line(how, said):
    how = {"prompts": "hello", "params": GREEDY, "max_new_tokens": None, **how}
    fake = FakeModel(context_length=20)
    with pytest.raises(InputError) as caught:
        generate(fake, how.pop("prompts"), how.pop("params"), **how)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert fake.added == []  # refused before any work


@pytest.mark.parametrize("prompts", ["", ["a", ""]])
def test_an_empty_prompt(prompts):
    with pytest.raises(PromptError, match="at least one token"):
        generate(FakeModel(), prompts)


def test_a_prompt_that_fills_the_context():
    fake = FakeModel(context_length=20)
    with pytest.raises(PromptError, match="context of 20 tokens; got 20; shorten it to 19"):
        generate(fake, "x" * 20)
    with pytest.raises(PromptError, match="got 1000"):
        generate(fake, ["ok", "x" * 1000])
    assert len(generate(fake, "x" * 19)[0].token_ids) == 1


def test_a_prompt_of_bytes_that_were_no_text():
    with pytest.raises(PromptError, match=r"must be Unicode text; got '\\udcff' at character 1"):
        generate(FakeModel(), "a\udcff")


def test_a_model_that_gives_nan():
    class Broken(FakeModel):
        def next_logits(self, context):
            logits = super().next_logits(context).clone()
            if len(context) > 3:
                logits[5] = float("nan")
            return logits

    with pytest.raises(BadLogitsError, match="NaN"):
        generate(Broken(end_bias=-100), "a", max_new_tokens=10)
    assert len(generate(Broken(end_bias=-100), "a", max_new_tokens=3)[0].token_ids) == 3


prompts = st.text(min_size=1, max_size=60)
params = st.builds(
    SamplingParams,
    temperature=st.floats(0, 5),
    top_k=st.none() | st.integers(1, 300),
    top_p=st.none() | st.floats(0.01, 1),
    min_p=st.none() | st.floats(0, 1),
    order=st.sampled_from(["transformers", "llama.cpp"]),
)


@pytest.mark.slow
@given(prompts, params, st.integers(0, 2**64 - 1), st.integers(1, 8))
def test_any_prompt_setting_and_seed(prompt, setting, seed, limit):
    sample = generate(FakeModel(end_bias=5), prompt, setting, seeds=[seed], max_new_tokens=limit)[0]
    assert sample.prompt == prompt
    assert sample.prompt_tokens == len(prompt.encode())
    assert 1 <= len(sample.token_ids) <= limit
    assert (sample.finish_reason == "end_of_text") is (sample.token_ids[-1] == END)
    assert sample.text == FakeModel().decode(sample.token_ids)
    assert all(logprob <= 0 for logprob in sample.logprobs + sample.drawn_logprobs)
    assert all(rank >= 1 for rank in sample.ranks)
    assert sample == generate(FakeModel(end_bias=5), prompt, setting, seeds=[seed], max_new_tokens=limit)[0]
    json.loads(json.dumps(sample.to_dict(), allow_nan=False))


@pytest.mark.parametrize("prompt", ["\x00", "\x1b[2J\x1b[H", "\r\n\t", " ", "a\u202eb", "\U0010ffff", "é" * 30])
def test_strange_prompts(prompt):
    sample = generate(FakeModel(), prompt, max_new_tokens=3)[0]
    assert sample.prompt == prompt


def test_to_dict_holds_everything():
    sample = generate(FakeModel(), "a", SamplingParams(temperature=0.5, top_k=3), seeds=[4], max_new_tokens=5)[0]
    record = json.loads(json.dumps(sample.to_dict()))
    assert set(record) == set(type(sample).__dataclass_fields__) - {"kept_logprobs"}  # adaptive-p alone has them
    assert record["params"]["id"] == sample.params.id
    assert record["params"]["temperature"] == 0.5
    assert tuple(record["token_ids"]) == sample.token_ids
    assert tuple(record["logprobs"]) == sample.logprobs


# --- while it runs --------------------------------------------------------------------------------------------


def test_on_sample_is_told_each_once_with_its_number():
    told = {}
    fake = FakeModel(end_bias=7)
    samples = generate(
        fake,
        ["a", "b"],
        seeds=range(6),
        max_new_tokens=40,
        on_sample=lambda n, s: told.setdefault(n, []).append(s),
    )
    assert {number: [sample] for number, sample in enumerate(samples)} == told
    assert list(told) != sorted(told)  # in the order in which they finish


def test_an_interrupt_keeps_what_was_told():
    told = {}

    def stop_after(progress) -> None:
        if progress.finished >= 5:
            raise KeyboardInterrupt

    fake = FakeModel(end_bias=7)
    with pytest.raises(KeyboardInterrupt):
        generate(fake, "a", seeds=range(40), max_new_tokens=60, on_sample=told.__setitem__, on_progress=stop_after)
    assert 5 <= len(told) < 40
    whole = generate(FakeModel(end_bias=7), "a", seeds=range(40), max_new_tokens=60)
    assert all(whole[number] == sample for number, sample in told.items())


def test_rows_come_from_the_free_memory():
    class Small(FakeModel):
        def free_bytes(self):
            return 2 * 5 * self.row_bytes(11)  # half of it holds five rows of 1 + 10 tokens

        def rows(self, *, capacity, length):
            made.append(capacity)
            return super().rows(capacity=capacity, length=length)

    made: list[int] = []
    few = generate(Small(), "a", seeds=range(12), max_new_tokens=10)
    assert made == [5]
    assert few == generate(FakeModel(), "a", seeds=range(12), max_new_tokens=10)

    class Tiny(Small):
        def free_bytes(self):
            return 1

    assert generate(Tiny(), "a", seeds=range(3), max_new_tokens=10) == few[:3]
    assert made[1:] == [1]
