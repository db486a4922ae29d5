"""The columns that a run keeps: a row per text and a row per token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from thermoscope.decode.sample import Sample
from thermoscope.metrics.table import setting_columns
from thermoscope.runs.plan import Chunk, Plan
from thermoscope.settings.grid import label, varying

if TYPE_CHECKING:
    import pyarrow


def text_rows(samples: Sequence[Sample], chunk: Chunk) -> pyarrow.Table:
    """One row per text of a chunk."""
    import pyarrow as pa

    setting = setting_columns([s.params for s in samples])
    return pa.table(
        {
            "text_id": pa.array(range(chunk.first_text, chunk.first_text + len(samples)), pa.int64()),
            "prompt_id": pa.array([chunk.prompt] * len(samples), pa.int32()),
            "prompt": pa.array([s.prompt for s in samples], pa.string()),
            **{name: setting[name] for name in ("setting_id", "setting", "temperature")},
            "seed": pa.array([s.seed for s in samples], pa.uint64()),
            "text": pa.array([s.text for s in samples], pa.string()),
            "finish_reason": pa.array([s.finish_reason for s in samples], pa.string()),
            "prompt_tokens": pa.array([s.prompt_tokens for s in samples], pa.int32()),
            "tokens": pa.array([len(s.token_ids) for s in samples], pa.int32()),
            "text_tokens": pa.array([len(s.text_token_ids) for s in samples], pa.int32()),
        }
    )


def labelled(table: pyarrow.Table, plan: Plan) -> pyarrow.Table:
    """A table of a run with its prompts' texts, and the labels of settings as they are printed.

    ``label`` is beside ``setting_id`` (``label_a`` and ``label_b`` beside those of pairs), ``prompt`` beside
    ``prompt_id``.
    """
    import pyarrow as pa

    names = varying(plan.settings)
    labels = {setting.id: label(setting, names) for setting in plan.settings}
    for end in ("", "_a", "_b"):
        if f"setting_id{end}" in table.column_names:
            there = pa.array([labels.get(name) for name in table[f"setting_id{end}"].to_pylist()], pa.string())
            table = table.append_column(f"label{end}", there)
    if "prompt_id" in table.column_names and "prompt" not in table.column_names:
        texts = pa.array([plan.prompts[number] for number in table["prompt_id"].to_pylist()], pa.string())
        table = table.add_column(table.column_names.index("prompt_id") + 1, "prompt", texts)
    return table


def token_rows(samples: Sequence[Sample], chunk: Chunk) -> pyarrow.Table:
    """One row per token of the texts of a chunk, with its records if they are kept; null where there is none."""
    import pyarrow as pa

    def column(name: str, kind: pa.DataType) -> pa.Array:
        # an endpoint may give tokens without some of their records
        values = (getattr(s, name) or [None] * len(s.token_ids) for s in samples)
        return pa.array([value for of_text in values for value in of_text], kind)

    records = {
        "logprob": ("logprobs", pa.float32()),
        "drawn_logprob": ("drawn_logprobs", pa.float32()),
        "entropy": ("entropies", pa.float32()),
        "tempered_entropy": ("tempered_entropies", pa.float32()),
        "rank": ("ranks", pa.int32()),
    }
    kept = records if chunk.tokens == "records" else {}
    return pa.table(
        {
            "text_id": pa.array([chunk.first_text + i for i, s in enumerate(samples) for _ in s.token_ids], pa.int64()),
            "position": pa.array([at for s in samples for at in range(len(s.token_ids))], pa.int32()),
            "token_id": column("token_ids", pa.int64()),  # 62 bits of a hash where a server gives no ids
            **{name: column(*of) for name, of in kept.items()},
            "text_end": column("text_ends", pa.int32()),
        }
    )
