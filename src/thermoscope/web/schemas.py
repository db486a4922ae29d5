"""What the API is asked and answers. Lengths are bounded here, rules of sampling by the library."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: A setting as ``SamplingParams`` takes it, ``order`` included; what is left out is off.
Setting = dict[str, Any]
Prompt = Annotated[str, Field(min_length=1, max_length=20_000, description="The prompt.")]
ModelName = Annotated[
    str, Field(default="", max_length=200, description="One of the models given at start; the first if left out.")
]
Seed = Annotated[int, Field(default=0, ge=0, lt=2**64)]


class Body(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Place(Body):
    """A place in a text: a prompt, and the tokens that follow it.

    ``tokens`` are ids that were drawn or chosen after the prompt, at most 1,000.
    """

    model: ModelName
    prompt: Prompt
    tokens: list[int] = Field(default=[], max_length=1_000)


class NextTokenRequest(Place):
    """The distribution of the next token; ``top`` is how many tokens are listed."""

    settings: Setting = {}
    seed: Seed
    top: int = Field(default=256, ge=1, le=1_000)


class DrawsRequest(Place):
    """How often each token is drawn in ``draws`` draws, with the seeds 0 to draws - 1."""

    settings: Setting = {}
    draws: int = Field(default=100, ge=1, le=10_000)


class TextRequest(Place):
    """One text, which goes on after ``tokens``."""

    settings: Setting = {}
    seed: Seed
    max_new_tokens: int = Field(default=100, ge=1, le=400)
    stop: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=4)


class CompareRequest(Body):
    """One prompt at up to six settings; without shared noise each setting has seeds of its own.

    ``earlier`` are the ``ids`` of a result of the same request with fewer tokens, whose texts are gone on with: only
    tokens that are new are told. It may be given where that result said that it ``goes_on``.
    """

    model: ModelName
    prompt: Prompt
    settings: dict[Annotated[str, Field(min_length=1, max_length=60)], Setting] = Field(min_length=1, max_length=6)
    seeds: int = Field(default=1, ge=1, le=8)
    first_seed: int = Field(default=0, ge=0, le=2**32)
    shared_noise: bool = True
    max_new_tokens: int = Field(default=100, ge=1, le=400)
    earlier: list[int] = Field(default=[], max_length=6)


class SpectrumRequest(Body):
    """Every text between two temperatures."""

    model: ModelName
    prompt: Prompt
    settings: Setting = {}
    low: float = Field(default=0.0, ge=0, le=100)
    high: float = Field(default=1.5, gt=0, le=100)
    seed: Seed
    max_new_tokens: int = Field(default=40, ge=1, le=200)
    max_leaves: int = Field(default=400, ge=1, le=2_000)


class TemperatureRequest(Body):
    """Texts of one setting, whose temperature is asked for; ``prompt`` is what they continue."""

    model: ModelName
    texts: list[Annotated[str, Field(max_length=50_000)]] = Field(min_length=1, max_length=20)
    prompt: str | None = Field(default=None, max_length=20_000)


class RecommendRequest(Body):
    """The setting for some prompts, or for a use case by name; ``vary`` is as in ``thermoscope.recommend``."""

    model: ModelName
    prompts: list[Annotated[str, Field(min_length=1, max_length=20_000)]] = Field(default=[], max_length=100)
    use_case: str = Field(default="", max_length=100)
    vary: dict[str, Any] = {"temperature": "0:1.5"}
    objective: str | None = Field(default=None, max_length=100)
    budget: int = Field(default=20_000, ge=1_000, le=500_000, description="Tokens.")
    max_new_tokens: int | None = Field(default=None, ge=1, le=400)


class AuditRequest(Body):
    """What an endpoint does with what it is sent: ``model`` is one of the endpoints given at start."""

    model: ModelName
    budget: int = Field(default=1_500, ge=100, le=10_000, description="Requests.")


class ExportRequest(Body):
    """A setting for other engines, as a command and as Python."""

    model: ModelName
    prompt: str = Field(default="", max_length=20_000)
    settings: Setting = {}


class ResumeRequest(Body):
    """Go on with a run."""

    model: ModelName


class DeleteRequest(Body):
    """Delete a run: ``confirm`` is what a first request without it was answered."""

    confirm: str = Field(default="", max_length=100)


class ModelAtHand(BaseModel):
    """A model given at start: ``endpoint`` where it runs on a server, ``loading``, then ``ready`` once used."""

    name: str
    endpoint: bool
    loading: bool
    ready: bool
    chat: bool
    error: str | None = None


class ParameterInfo(BaseModel):
    """A parameter, as ``docs/stages.md`` has it; ``default`` where it shapes a stage that another one switches on."""

    name: str
    help: str
    domain: str
    inert: float | None
    shapes: str | None
    is_list: bool
    default: Any


class StageInfo(BaseModel):
    """A stage of sampling with its parameters, the switch first."""

    name: str
    rule: str
    truncates: bool
    by_token: bool
    parameters: list[ParameterInfo]


class State(BaseModel):
    """What the page must know to begin."""

    version: str
    models: list[ModelAtHand]
    stages: list[StageInfo]
    order: list[str]
    orders: dict[str, list[str]]
    use_cases: list[str]
    engines: list[str]
    languages: list[str]


class TokenRow(BaseModel):
    """A token: its raw logit (natural-log units), its rank, and its probability after each entry of ``stages``."""

    id: int
    text: str
    logit: float
    rank: int
    probabilities: list[float]


class TailBin(BaseModel):
    """So many tokens that are not listed have logits near ``logit``: the mean of exp(logit), as a logarithm."""

    logit: float
    count: int


class StageRow(BaseModel):
    """The distribution after a stage ("model" before all), and the share of the one before that it removed."""

    name: str
    does: str
    survivors: int
    entropy_nats: float
    removed_mass: float
    tail: float = Field(description="The probability of all tokens that are not listed.")


class NextToken(BaseModel):
    """The distribution of a next token; ``pieces`` are the texts of the tokens after the prompt."""

    model: str
    pieces: list[str]
    context_tokens: int
    vocabulary: int
    tokens: list[TokenRow]
    tail: list[TailBin]
    stages: list[StageRow]
    drawn: int
    ends: list[int] = Field(description="Listed tokens that end a text.")


class Draws(BaseModel):
    """How often each token was drawn, the most frequent first."""

    counts: list[tuple[int, int]]


class SnippetInfo(BaseModel):
    """Something to paste."""

    title: str
    language: str
    text: str


class EngineExport(BaseModel):
    """A setting for one engine: what to paste, and what becomes of each parameter."""

    engine: str
    version: str
    exact: bool
    snippets: list[SnippetInfo]
    verdicts: list[dict[str, Any]]
    error: str | None = None


class ExportAnswer(BaseModel):
    """A setting for every engine, and the same as a command and as Python."""

    engines: list[EngineExport]
    command: str
    python: str


class RunInfo(BaseModel):
    """A run, or the folder of a recommendation, in the folder of runs."""

    run: str
    recommendation: bool = False
    name: str = ""
    model: str = ""
    prompts: int | str = 0
    settings: int | str = 0
    seeds: int | str = 0
    texts: int | str = 0
    done: int | str = 0
    state: str
    finished: str | None = None


class RunDetail(RunInfo):
    """A run with what was found, if it is complete, and the command that makes or completes it ("" where unknown)."""

    findings: list[str]
    command: str


class Deleted(BaseModel):
    """Whether a run was deleted; if not, what ``confirm`` must be for it to be."""

    deleted: bool
    confirm: str | None = None


class Fault(BaseModel):
    """What was wrong, in one line."""

    error: str


#: The names of the events of a stream. ``queued`` has {place}, ``progress`` {done, of, what}, ``result`` the whole
#: result with an ``id`` under which its report can be had, ``error`` {error}; ``stopped`` ends a stream that the
#: server broke off.
EventName = Literal["queued", "progress", "token", "text", "leaf", "note", "result", "error", "stopped"]
