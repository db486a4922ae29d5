"""How far a job has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come, reported after every step.

    Attributes
    ----------
    finished, samples
        Samples that are finished, and all.
    tokens, most_tokens
        Tokens drawn, and the most that there can be (texts may end earlier).
    forward_rows
        Rows that the model computed: fewer than tokens where samples shared a row.
    workers
        Processes on a cluster that are at work; 0 where this process is.
    """

    finished: int
    samples: int
    tokens: int
    most_tokens: int
    forward_rows: int
    workers: int = 0
