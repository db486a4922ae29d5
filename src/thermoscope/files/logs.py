"""Logs of other tools, recognised by their fields: where the text, the prompt, the setting and the answer stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from thermoscope.errors import InputError
from thermoscope.files.paths import MISSING, found_at
from thermoscope.files.table import Table
from thermoscope.files.values import is_messages


@dataclass(frozen=True, slots=True)
class Log:
    """A kind of log.

    Attributes
    ----------
    name
        Whose it is.
    fields
        Top-level fields that all its rows have.
    text, prompt, answer, seed
        Where these stand in a row; "" where there are none.
    context
        Where the words that the model saw stand, if the prompt is only named.
    settings
        Name of a setting and where it stands, in pairs.
    within
        Where parameters stand under their own names.
    prompt_is_name
        Whether the prompt is a name and not the words that the model saw.
    note
        What is to be known of it.
    """

    name: str
    fields: frozenset[str]
    text: str
    prompt: str = ""
    answer: str = ""
    seed: str = ""
    context: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    within: str = ""
    prompt_is_name: bool = False
    note: str = ""


def _log(name: str, fields: str, text: str, **where: Any) -> Log:
    return Log(name, frozenset(fields.split()), text, **where)


_MODEL = (("model", "model"),)
#: Lists of objects that are parts of one row.
_PARTS = frozenset({"choices", "messages", "outputs", "completions"})
#: The kinds of logs; the first whose fields are all there is taken.
LOGS = (
    _log("lm-evaluation-harness", "doc_id doc resps", "resps", prompt="doc_id", answer="target",
         context="arguments[0][0]", within="arguments[0][1]", prompt_is_name=True),
    _log("OpenAI batch", "custom_id response", "response.body.choices[].message.content", prompt="custom_id",
         settings=(("model", "response.body.model"),), prompt_is_name=True,
         note="requests are told apart by custom_id: the file does not hold their prompts or settings"),
    _log("promptfoo", "prompt provider response", "response.output", prompt="prompt.raw",
         settings=(("provider", "provider.label"), ("provider id", "provider.id"))),
    _log("promptfoo", "output test provider", "output", prompt="test", context="prompt",
         settings=(("provider", "provider"), ("prompt", "prompt template")), prompt_is_name=True),
    _log("inspect_ai", "input output epoch", "output.choices[0].message", prompt="id", context="input",
         answer="target", seed="epoch", settings=(("model", "output.model"),), within="inspect settings",
         prompt_is_name=True),
    _log("vLLM", "prompt_token_ids outputs", "outputs[].text", prompt="prompt"),
    _log("vLLM", "choices object usage", "choices[].message.content", settings=_MODEL),
)  # fmt: skip


def unpacked(table: Table) -> Table:
    """The rows of a log that is one object: promptfoo's results, inspect_ai's samples, vLLM's benchmark."""
    if len(table.rows) != 1:
        return table
    top = table.rows[0]
    results = top.get("results")
    inner = results.get("results") if isinstance(results, Mapping) else results
    if _objects(inner) and "response" in inner[0]:
        return _of(table, inner)
    if _objects(samples := top.get("samples")) and "eval" in top:
        return _of(table, [{**_inspect_settings(top), **row} for row in samples], table.form)
    generated = top.get("generated_texts")
    if isinstance(generated, list) and "input_lens" in top:
        return _of(table, [{"generated_text": text} for text in generated], "vLLM's benchmark")
    lists = {name: value for name, value in top.items() if _objects(value) and name not in _PARTS}
    if len(lists) == 1:
        ((name, rows),) = lists.items()
        return _of(table, rows, f"JSON, rows in {name!r}")
    return table


def log_of(table: Table) -> Log | None:
    """The kind of log that a table is; None for any other table.

    Raises
    ------
    InputError
        It is a log of lm-evaluation-harness that holds log-likelihoods in place of texts.
    """
    if not table.rows or not (table.typed or table.log):
        return None
    row = table.rows[0]
    if table.log:
        return next(log for log in LOGS if log.name == table.log and log.fields <= row.keys())
    log = next((log for log in LOGS if log.fields <= row.keys() and _holds(log, row)), None)
    if log is None:
        return None
    if log.name == "lm-evaluation-harness":
        _keep_one_filter(table)
        if isinstance(found_at(row, "resps[0][0]"), list):
            raise InputError(
                f"{table.source}: this log of {log.name} holds log-likelihoods of choices, no texts; "
                "measure a task that generates"
            )
    return _fitting(log, row)


def _keep_one_filter(table: Table) -> None:
    """lm-evaluation-harness writes the same texts once for each filter of answers: keep those of the first."""
    filters = list(dict.fromkeys(name for row in table.rows if isinstance(name := row.get("filter"), str)))
    if len(filters) < 2:
        return
    kept = [(row, line) for row, line in zip(table.rows, table.lines, strict=True) if row.get("filter") == filters[0]]
    table.notes.append(
        f"{table.source}: the same texts stand there once for each of {len(filters)} filters; "
        f"those of {filters[0]!r} are taken."
    )
    table.rows, table.lines = [row for row, _ in kept], [line for _, line in kept]


def chats_of(table: Table) -> bool:
    """Whether every row is a chat that ends with the assistant, in ``messages``."""
    return bool(table.rows) and all(
        is_messages(messages := row.get("messages")) and [m["role"] for m in messages][1:][-1:] == ["assistant"]
        for row in table.rows
    )


def split_chats(table: Table) -> None:
    """The assistant's last message of every chat in ``text``, what precedes it in ``prompt``."""
    for row in table.rows:
        row["text"], row["prompt"] = row["messages"][-1], row["messages"][:-1]


def _fitting(log: Log, row: Mapping[str, Any]) -> Log:
    """The log as this version or use of its tool writes it."""
    if log.name == "lm-evaluation-harness" and isinstance(row.get("arguments"), Mapping):
        return replace(log, context="arguments.gen_args_0.arg_0", within="arguments.gen_args_0.arg_1")
    if log.name == "OpenAI batch":
        for text in ("response.body.choices[].text", "response.body.output[].content[].text"):
            if found_at(row, log.text) is MISSING and found_at(row, text) is not MISSING:
                return replace(log, text=text)
    if log.name == "vLLM" and log.text.startswith("choices") and found_at(row, log.text) is MISSING:
        return replace(log, text="choices[].text")
    return log


def _holds(log: Log, row: Mapping[str, Any]) -> bool:
    """Whether the fields that names alone do not tell are of the log's kind."""
    if log.name == "OpenAI batch":
        return isinstance(row["response"], Mapping) or row["response"] is None
    if log.name == "promptfoo":
        return isinstance(row["prompt"], Mapping)
    if log.name == "inspect_ai":
        return isinstance(row["output"], Mapping)
    return isinstance(row.get(log.text.split("[")[0].split(".")[0]), list | Mapping)


def _inspect_settings(top: Mapping[str, Any]) -> dict[str, Any]:
    """What a whole log of inspect_ai was generated with, as a field of each sample."""
    found: dict[str, Any] = {}
    for path in (("plan", "config"), ("eval", "model_generate_config")):
        value: Any = top
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            found |= {name: item for name, item in value.items() if not isinstance(item, Mapping | list | type(None))}
    return {"inspect settings": found} if found else {}


def _objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _of(table: Table, rows: Sequence[dict[str, Any]], form: str = "JSON") -> Table:
    return Table(table.source, form, list(rows), list(range(1, len(rows) + 1)), notes=table.notes)
