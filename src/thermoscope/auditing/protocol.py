"""The audit: what is asked, in which order, and what is concluded.

One error rate for the whole: an honest server is called honest in at least 99 of 100 audits. Each test has an equal
share of what is left (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thermoscope.auditing.arms import screen, slope
from thermoscope.auditing.audit import Audit
from thermoscope.auditing.engine import Said, recognise
from thermoscope.auditing.job import KEEP, Job, OnProgress
from thermoscope.auditing.one_setting import one_setting
from thermoscope.auditing.penalties import penalties
from thermoscope.auditing.probes import TOP, Probe, Prober
from thermoscope.auditing.promises import logprobs_row, promises
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.auditing.reference import reference_places, weights_row
from thermoscope.auditing.routes import other_routes
from thermoscope.auditing.seeds import seed_row
from thermoscope.auditing.temperatures import alone, empty, temperatures
from thermoscope.auditing.truncations import order, truncations
from thermoscope.auditing.unlisted import unlisted
from thermoscope.errors import EndpointError, InputError
from thermoscope.models.base import Model
from thermoscope.models.names import parse_name
from thermoscope.sources.cache import default_path
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint
from thermoscope.sources.providers import Route

BUDGET = 2000
LEAST_BUDGET = 200


def audit(
    model: str | Endpoint,
    *,
    base_url: str | None = None,
    budget: int = BUDGET,
    send: Mapping[str, Any] | None = None,
    prompts: Sequence[str] | None = None,
    route: Route | None = None,
    at_once: int = 8,
    cache: Path | None = None,
    keep: bool = True,
    reference: Model | str | None = None,
    on_progress: OnProgress | None = None,
) -> Audit:
    """Find out what an endpoint does with the sampling parameters that it is sent.

    Parameters
    ----------
    model
        ``provider/model`` of an endpoint, or an ``Endpoint``.
    base_url
        Its address up to and including ``/v1``; by default the provider's.
    budget
        About how many one-token requests.
    send
        Audit only these fields, sent as they are: ``{"temperature": 0.7}``.
    prompts
        Prompts instead of the built-in ones.
    route
        "chat" or "completions"; without one the completion route where there is one, else the chat route.
    at_once
        The most requests under way.
    cache
        Where answers are kept, so that an audit that was stopped goes on; by default in the user's cache.
    keep
        Whether answers are kept at all. Kept answers are used again: an audit of a server that may have changed since
        needs ``keep=False``, or another ``cache``.
    reference
        The model's weights, or their name: distributions are then known in full, log-probabilities of the server's are
        not needed, and the audit says whether the server has this model at all.
    on_progress
        Called with what is under way, how many experiments are done, and how many there are.

    Raises
    ------
    InputError
        The model is no endpoint, or the budget is too small.
    EndpointError
        The server cannot be reached, or fails.
    """
    if budget < LEAST_BUDGET:
        raise InputError(f"a budget must be at least {LEAST_BUDGET} requests; got {budget}; raise it")
    endpoint = model if isinstance(model, Endpoint) else _endpoint(model, base_url, at_once)
    where = (cache or default_path()) if keep else None
    used = route or _route(endpoint, where)
    loaded = _loaded(reference)
    return _run(Job(endpoint, used, budget, prompts, where, on_progress, reference=loaded), dict(send or {}))


def _loaded(reference: Model | str | None) -> Model | None:
    if not isinstance(reference, str):
        return reference
    from thermoscope.models.load import load_model

    return load_model(reference)


def _endpoint(model: str, base_url: str | None, at_once: int) -> Endpoint:
    name = parse_name(model, base_url)
    if not name.is_endpoint:
        raise InputError(
            f"an audit is of an endpoint; got {model!r}, which runs here; write openai-api/{model} --base-url URL"
        )
    return Endpoint(name.provider, name.model, base_url=name.base_url, limits=Limits(at_once=at_once))


def _route(endpoint: Endpoint, cache: Path | None) -> Route:
    """The completion route where the provider has one and the server answers on it."""
    if "completions" not in endpoint.provider.routes:
        return "chat"
    refusal = Prober(endpoint, "completions", cache).refuses(Probe(BEGINNINGS[0], {"temperature": 1.0}), top=1)
    return "completions" if refusal is None or "chat" not in endpoint.provider.routes else "chat"


def _run(job: Job, send: Mapping[str, Any]) -> Audit:
    """All steps."""
    job.say("engine")
    said = recognise(job.endpoint.client, job.endpoint.model)
    job.engine, job.last = said.engine, said.engine == "llama.cpp"
    if said.defaults:
        named = ", ".join(f"{name} {value:.3g}" for name, value in said.defaults.items())
        job.notes.append(f"The server names as its defaults: {named}.")
    if said.precision:
        job.notes.append(f"The server names as the precision of its weights: {said.precision}.")
    job.say("screening")
    kind = _places(job)
    if not job.places:
        _without_logprobs(job)
    elif send:
        one_setting(job, send)
    else:
        _listed(job, said)
    if not send:
        _all_servers(job, given=kind != "none")
    job.say("done")
    return Audit(
        job.endpoint.name, job.endpoint.client.base_url, job.route, said.engine, kind,
        tuple(job.rows), tuple(job.blind), tuple(job.notes), job.prober.requests, job.prober.cached,
    )  # fmt: skip


def _places(job: Job) -> str:
    """Choose the places of the draws; what the server's log-probabilities are."""
    top = job.endpoint.provider.top_logprobs and TOP
    job.places = screen(job.prober, job.prompts, job.fields(1.0), keep=KEEP, top=top) if top else []
    kind = _kind(job) if job.places else "none"
    if job.reference is not None:
        chat = job.route == "chat"
        listed = {place.prompt: place for place in job.places}
        job.places = reference_places(job.reference, job.prompts, KEEP, chat=chat)
        if kind == "raw":
            job.rows += weights_row(job.reference.name, listed, job.places, len(job.prompts))
    return kind


def _listed(job: Job, said: Said) -> None:
    """The experiments that need log-probabilities."""
    if not temperatures(job):
        return
    truncations(job)
    order(job)
    alone(job)
    found = empty(job, said.defaults.get("temperature"))
    penalties(job, found)
    other_routes(job)


def _all_servers(job: Job, *, given: bool) -> None:
    """What can be counted on any server."""
    row = logprobs_row(job, given=given)
    job.rows += [row] if row else []
    promises(job)
    job.say("seeds")
    job.rows.append(seed_row(job.prober, job.prompts, job.fields(1.0)))


def _kind(job: Job) -> str:
    """Whether log-probabilities are the model's own or follow the temperature."""
    try:
        found = slope(job.prober, job.places[:3], job.fields(0.5), top=TOP)
    except EndpointError:
        found = None
    if found is not None and abs(found - 1) < 0.15:
        return "raw"
    if found is not None and abs(found - 2) < 0.3:
        job.notes.append(
            "The log-probabilities follow the temperature: those at T=1 are used, and effective temperatures are "
            "relative to what the server does at T=1."
        )
        return "tempered"
    job.blind.append("Whether the log-probabilities are the model's own: they changed with T in another way.")
    return "unknown"


def _without_logprobs(job: Job) -> None:
    job.blind.append("Effective values and truncations: the server gives no log-probabilities.")
    unlisted(job)
    penalties(job)
