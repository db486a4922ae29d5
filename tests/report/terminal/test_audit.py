"""An audit and the temperature of a text on a terminal: what can't be told is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from thermoscope.auditing.audit import Audit, AuditRow
from thermoscope.auditing.text_temperature import TextTemperature
from thermoscope.report.terminal.audit import print_audit
from thermoscope.report.terminal.text_temperature import print_text_temperature

DOUBTFUL = AuditRow("top_p", 0.5, None, None, None, "can't be told", "too few draws to tell it from none", 60)
HONOURED = AuditRow("temperature", 0.7, 0.71, 0.6, 0.8, "honoured", "100 draws", 100)
AUDIT = Audit(
    "vllm/m", "http://x/v1", "completions", "vLLM", "raw", (HONOURED, DOUBTFUL), ("top_k 40: few draws",), (), 160, 0
)
TEXT = TextTemperature(
    "bundled", 389, 0.32, 0.28, 0.37, "can't be told", None, (), {"top_k": 1260, "top_p": 0.992, "min_p": 0.005}, 3.1,
    0.8, "possible", 0.42, (), ("One note.",),
)  # fmt: skip


def lines(show: Callable[[Any, Console], None], found: object) -> list[str]:
    to = io.StringIO()
    show(found, Console(file=to, width=80))
    return [line.rstrip() for line in to.getvalue().splitlines()]


def test_an_audit_says_what_it_cannot_tell_and_why() -> None:
    shown = lines(print_audit, AUDIT)
    assert shown[0] == "What was sent is honoured, as far as this audit can see. It can't be told of:"
    assert shown[1] == "top_p."
    assert next(line for line in shown if line.startswith("top_p  ")).split() == ["top_p", "0.5", "-", "can't", "be",
                                                                                  "told", "60"]  # fmt: skip
    assert "  top_p 0.5: can't be told; too few draws to tell it from none" in shown[shown.index("Why") :]
    assert "  top_k 40: few draws" in shown[shown.index("Not seen") :]


def test_a_text_says_that_its_truncation_cannot_be_told() -> None:
    shown = " ".join(lines(print_text_temperature, TEXT))
    assert shown.startswith(
        "Most likely T = 0.32 (0.28 to 0.37); whether anything was truncated can't be told from 389 tokens."
    )
    assert "Truncation: can't be told (none has probability 0.8; 2 dlogL 3.1). 389 tokens." in shown
    assert "The tightest that keep every token: top_k 1,260, top_p 0.992, min_p 0.005." in shown
    assert shown.endswith("Note: One note.")
