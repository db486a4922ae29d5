"""The command at the end of a report, in lines to copy."""

from __future__ import annotations

import shlex

import pytest

from thermoscope.report.terminal.ran import command_lines

COMMAND = "thermoscope export -t 0.7 --top-nsigma -1 --strict --from='a file' --to vllm -- 'Once upon'"


@pytest.mark.parametrize("width", [200, 60, 40, 24, 12, 5])
def test_lines_are_the_same_command_for_a_shell(width: int) -> None:
    lines = command_lines(COMMAND, width)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert shlex.split("\n".join(lines).replace("\\\n", " ")) == shlex.split(COMMAND)


def test_a_flag_and_its_value_stay_together() -> None:
    assert command_lines(COMMAND, 24) == [
        "thermoscope export \\",
        "-t 0.7 --top-nsigma -1 \\",
        "--strict \\",
        "--from='a file' \\",
        "--to vllm -- \\",
        "'Once upon'",
    ]
    assert command_lines("run --name longer-than-the-line --to x", 16) == [
        "run \\",
        "--name longer-than-the-line \\",
        "--to x",
    ]
