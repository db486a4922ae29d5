"""Settings of megabytes: long, deep, wide or repeated, in every form that is read. One line each, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermoscope import InputError, read_settings
from thermoscope.engines.reading import read
from thermoscope.errors import ThermoscopeError

SIZE = 10 * 2**20
#: What is still read: a file of settings may have 4 MB.
MOST = 3_900_000
NESTED = "values may be nested 100 levels deep"
TWICE = "is there more than once|more than once"
LONG = "characters; this has more"


@pytest.mark.parametrize("suffix", [".json", ".toml", ".yaml", ".py", ".sh", ""])
def test_ten_megabytes_are_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"settings{suffix}"
    path.write_text('{"temperature": 0.5}' + " " * SIZE)
    with pytest.raises(InputError, match="a setting may have 4 MB, unpacked; this has more") as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "start", "part", "end", "said"),
    [
        ("json", "", "[", "", "settings must be a JSON object"),
        ("json", "", '{"a":', "", NESTED),
        ("json", "{", '"top_k":1,', '"top_k":1}', TWICE),
        ("json", '{"temperature": ', "9", "}", "a number may have 400 digits"),
        ("json", '{"temperature": "', "x", '"}', "the format is ambiguous"),
        ("json", '{"', "t", '": 1}', "no engine's file has the field"),
        ("json", '{"mirostat_mode": 0, "custom_token_bans": "', "1,", '1"}', "a list of tokens may have 524,288"),
        ("yaml", "", "top_k: 1\n", "", LONG),
        ("yaml", "a: ", "[", "", LONG),
        ("toml", "", "a = 1\n", "", LONG),
        ("toml", "a = ", "[", "", LONG),
        ("py", "SamplingParams(", "temperature=0.5,", ")", LONG),
        ("py", "SamplingParams", "(", "", LONG),
        ("sh", "llama-cli ", "--temp 0.5 ", "", LONG),
        ("sh", "mlx_lm.generate ", "--temp 0.5 ", "", LONG),
        ("sh", "vllm serve m --override-generation-config '", '{"a":', "'", LONG),
        ("", "FROM x\n", "PARAMETER top_k 5\n", "", LONG),
        ("", 'FROM x\nSYSTEM """', "a\n", "", LONG),
    ],
)  # fmt: skip
def test_megabytes_of_one_thing_are_one_line(suffix: str, start: str, part: str, end: str, said: str) -> None:
    text = start + part * ((MOST - len(start) - len(end)) // len(part)) + end
    with pytest.raises(ThermoscopeError, match=said) as caught:
        read(text, file_name=f"settings.{suffix}" if suffix else "")
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500


def test_many_fields_are_one_line() -> None:
    text = "{" + ",".join(f'"k{n}":1' for n in range(280_000)) + "}"
    with pytest.raises(InputError, match="no engine's file has the field 'k0'"):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["SamplingParams(temperature=0.7)", "llama-cli --temp 0.7", "FROM x\nPARAMETER temperature 0.7",
     "vllm serve m --override-generation-config.temperature 0.7", "mlx_lm.generate --temp 0.7",
     '{"model": "gpt-4o", "messages": [], "store": false, "temperature": 0.7}'],
)  # fmt: skip
def test_white_space_around_a_setting_does_not_count(text: str) -> None:
    assert read("\n" * 100 + text + " \n" * 900_000).params.temperature == 0.7
