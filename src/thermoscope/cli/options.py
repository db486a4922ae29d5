"""Options that several commands have, each declared once; a command says which of them it takes.

What a command takes unless it is given is told by the command: ``Annotated[str | None, max_new_tokens("60")]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.errors import InputError
from thermoscope.language.saying import languages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from thermoscope.sources.cluster import Cluster

#: What to decode.
Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="The prompt; - reads it from standard input, without its last line end. Put -- before a prompt that "
        "begins with a dash.",
    ),
]
#: One temperature.
Temperature = Annotated[str | None, typer.Option("-t", "--temperature", metavar="T", help="The temperature (1).")]
#: Values of other parameters, for ``settings.varied_settings``.
Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUES",
        help="Values of any parameter, as those of -t: top_p=0.8:1:0.05, top_k=off,50. Given twice, or with several "
        "temperatures: every combination.",
    ),
]
#: Seeds one by one, for ``values.seed_numbers``.
Seed = Annotated[list[str] | None, typer.Option(metavar="N", help="A seed; may be given again. Without one: 0.")]
MaxLength = Annotated[str | None, typer.Option(metavar="N", help="The most tokens with the prompt counted.")]
Stop = Annotated[
    list[str] | None, typer.Option(metavar="TEXT", help="A text ends where this begins; may be given again.")
]

#: The model, for ``load_model``.
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A Hugging Face name, a local folder, a .gguf file, smollm2, or (where endpoints are taken) vllm/NAME, "
        "llama-cpp/NAME, ollama/NAME, openrouter/NAME, openai-api/NAME. [default: bundled]",
    ),
]
Revision = Annotated[str | None, typer.Option(metavar="NAME", help="Branch, tag or commit of the model.")]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1. Without one: cuda if there is one.")
]
Dtype = Annotated[str | None, typer.Option(metavar="TYPE", help="float32 (the default), bfloat16, float16 or auto.")]
#: How prompts are given to the model, for ``loading``.
Chat = Annotated[
    bool | None,
    typer.Option(
        "--chat/--raw",
        help="Put prompts into the model's chat template, or give them as they are. Without either: the template, if "
        "there is one.",
    ),
]
System = Annotated[str | None, typer.Option(metavar="TEXT", help="The system message of the chat.")]
ChatOption = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="What else the template is given, such as enable_thinking=false."),
]
#: What is done with the thinking of reasoning models.
Thinking = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="Thinking (<think>...</think>) in texts: apart measures the answers, and the thinking for itself; drop "
        "measures the answers alone; keep measures each text as a whole.",
    ),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("-M", metavar="KEY=VALUE", help="An argument of the model, such as dtype=bfloat16, or of vLLM."),
]
#: Where an endpoint is, for ``source_options``.
BaseUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Address of an endpoint, up to and including /v1. [default: its provider's]"),
]
MaxRows = Annotated[str | None, typer.Option(metavar="N", help="The most rows in flight (from the memory at hand).")]
#: What a run keeps of tokens.
KeptTokens = Annotated[
    str,
    typer.Option(
        "--keep-tokens",
        metavar="WHAT",
        help="What is kept of tokens: records is all that is known of each; ids the tokens alone (no perplexity, no "
        "entropy); none the texts alone (no measure that reads tokens).",
    ),
]
#: Where texts are made, for ``cluster``.
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="CLUSTER",
        help="Make the texts on a Ray cluster: ray (this machine's, or one that is started here) or ray://HEAD:10001. "
        "[default: this process]",
    ),
]
WorkerCount = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="With --on: how many workers hold the model. [default: one a machine, or as many as the GPUs allow]",
    ),
]
GpusPerWorker = Annotated[
    str | None, typer.Option(metavar="N", help="With --on: GPUs of each worker; 0.5 lets two share one. [default: 0]")
]

#: Where the result goes, for ``console.give``.
Json = Annotated[bool, typer.Option("--json", help="Print JSON with every record.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page instead of printing.")
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="CODE",
        help=f"Language of the page or Markdown: {' or '.join(languages())}. [default: en]",
    ),
]
#: Which measures are shown.
AllMeasures = Annotated[bool, typer.Option("--all", help="Show every measure.")]


def loading(
    model: str | None,
    revision: str | None,
    device: str | None,
    dtype: str | None,
    *,
    chat: bool | None = None,
    system: str | None = None,
    chat_option: list[str] | None = None,
    model_option: list[str] | None = None,
    engine: bool = False,
) -> dict[str, Any]:
    """What ``load_model`` is given for the options of a command; an ``engine`` takes arguments of its own, ``options``.

    Raises
    ------
    InputError
        A ``-M`` or ``--chat-option`` is not ``key=value``, is unknown, or repeats an option.
    """
    from thermoscope.models.names import arguments

    given: dict[str, Any] = {"name_or_path": model, "revision": revision, "device": device, "dtype": dtype}
    own: dict[str, Any] = {}
    for key, value in arguments(model_option or []).items():
        if key not in ("revision", "device", "dtype"):
            if engine:
                own[key] = value
                continue
            raise InputError(f"-M knows revision, device and dtype for a model that runs here; got {key}; leave it out")
        if given[key] is not None:
            raise InputError(f"give --{key} or -M {key}, not both; got {given[key]} and {value}")
        given[key] = str(value)
    options = arguments(chat_option or [])
    found = {**given, "chat": chat, "system": system, "chat_options": options}
    return found | ({"options": own} if engine else {})


def source_options(
    model: str | None,
    base_url: str | None,
    *,
    revision: str | None,
    device: str | None,
    dtype: str | None,
    chat: bool | None,
    system: str | None,
    chat_option: list[str] | None,
    model_option: list[str] | None,
    needs_logits: Mapping[str, bool] | None = None,
    **of_models_here: str | None,
) -> dict[str, Any]:
    """What ``open_source`` is given for the options of a command that takes models and endpoints.

    ``needs_logits`` says which other options were given that need the model in this process.

    Raises
    ------
    InputError
        The name, the address or an option breaks its rule, or an option is for models that run here.
    """
    from thermoscope.models.names import arguments, not_here, parse_name, runs_in_process

    name = parse_name(model, base_url)
    here = {"revision": revision, "device": device, "dtype": dtype}
    said: dict[str, Any] = {"chat": chat, "system": system, "chat_option": chat_option, "model_option": model_option}
    in_process = runs_in_process(name, base_url)
    for option, given in (needs_logits or {}).items():
        if given and name.is_endpoint:
            raise not_here(option, name.given, in_vllm=in_process)
    if not name.is_endpoint or in_process:
        found = loading(model, revision, device, dtype, **said, engine=in_process)
        if in_process:
            from thermoscope.sources.vllm_arguments import check_in_vllm

            check_in_vllm(name, found["device"], found["options"])
        return {"name": found.pop("name_or_path"), **found}
    for option, value in (here | of_models_here).items():
        if value is not None:
            raise not_here(f"--{option.replace('_', '-')}", name.given)
    return {
        "name": model,
        "base_url": base_url,
        "chat": chat,
        "system": system,
        "chat_options": arguments(chat_option or []),
        "options": arguments(model_option or []),
    }


def cluster(on: str | None, workers: str | None, gpus_per_worker: str | None) -> Cluster | None:
    """Where the options of a command say that texts are made; None is this process.

    Raises
    ------
    InputError
        A value breaks its rule, or is given without a cluster.
    """
    from thermoscope.cli.values import finite, whole_number
    from thermoscope.sources.cluster import Cluster

    if on is None:
        for flag, value in (("--workers", workers), ("--gpus-per-worker", gpus_per_worker)):
            if value is not None:
                raise InputError(f"{flag} is for a run on a cluster; add --on ray, or leave it out")
        return None
    gpus = 0.0 if gpus_per_worker is None else finite(gpus_per_worker, "--gpus-per-worker", "1")
    return Cluster(on, whole_number(workers, "--workers", least=1), gpus)


def temperatures(usual: str) -> Any:
    """Temperatures, for ``settings.varied_settings``; ``usual`` are those that are taken without any."""
    return typer.Option(
        "-t",
        "--temperature",
        metavar="T",
        help="A temperature, a list 0.3,0.9 or a range 0.1:1.5:0.2 (end included); may be given again. Without one and "
        f"without --vary or --params: {usual}.",
    )


def seeds(usual: str) -> Any:
    """How many seeds, for ``values.seed_numbers``."""
    return typer.Option(metavar="N", help=f"Number of seeds, counting up from --seed. [default: {usual}]")


def max_new_tokens(usual: str) -> Any:
    """The most new tokens of a text."""
    return typer.Option(metavar="N", help=f"Maximum new tokens. [default: {usual}]")
