"""The audit: what is asked, in which order, and what is concluded.

One error rate for the whole: an honest server is called honest in at least 99 of 100 audits. Each test has an equal
share of what is left (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thermoscope.auditing.arms import Arm, Place, sample, screen, slope
from thermoscope.auditing.audit import Audit, AuditRow, Verdict
from thermoscope.auditing.engine import recognise
from thermoscope.auditing.likelihood import sent_fit
from thermoscope.auditing.probes import Probe, Prober
from thermoscope.auditing.prompts import BEGINNINGS, QUESTIONS
from thermoscope.auditing.reading import Reading, read, with_family
from thermoscope.auditing.seeds import seed_row
from thermoscope.auditing.unlisted import unlisted_rows
from thermoscope.auditing.verdicts import temperature_holds, temperature_map
from thermoscope.errors import EndpointError, InputError
from thermoscope.models.names import parse_name
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.cache import default_path
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint
from thermoscope.sources.providers import Route
from thermoscope.words import count

#: Audits of an honest server in which something is wrongly called.
ERROR_RATE = 0.01
#: Tests of a whole audit that share it: 5 temperatures, 10 truncations, 3 sent truncations, seed, cache.
TESTS = 20
BUDGET = 1500
LEAST_BUDGET = 200
TEMPERATURES = (0.3, 0.7, 1.0, 1.5, 2.0)
#: Truncations that are sent, one at a time.
_SENT = {"top_k": 3, "top_p": 0.5, "min_p": 0.2}
_KEEP = 20
_TOP = 20
#: Shares of the budget: T=1, each other temperature, T=1 alone, an empty body, each sent truncation.
_SHARES = {"reference": 0.22, "temperature": 0.07, "alone": 0.13, "empty": 0.13, "truncation": 0.08}

OnProgress = Callable[[str, int, int], None]


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
    return _Job(endpoint, used, budget, dict(send or {}), prompts, where, on_progress).run()


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


class _Job:
    """One audit under way."""

    def __init__(
        self,
        endpoint: Endpoint,
        route: Route,
        budget: int,
        send: dict[str, Any],
        prompts: Sequence[str] | None,
        cache: Path | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.endpoint, self.route, self.budget, self.send = endpoint, route, budget, send
        self.prober = Prober(endpoint, route, cache)
        self.prompts = prompts or (QUESTIONS if route == "chat" else BEGINNINGS)
        self.alpha = ERROR_RATE / TESTS
        self.engine = "unknown"
        self.hidden = "none"
        self.rows: list[AuditRow] = []
        self.blind: list[str] = []
        self.notes: list[str] = []
        self._tell, self._done = on_progress, 0
        self._first = 1
        self.places: list[Place] = []

    def run(self) -> Audit:
        """All steps."""
        self._say("engine")
        said = recognise(self.endpoint.client)
        self.engine = said.engine
        if said.defaults:
            named = ", ".join(f"{name} {value:.3g}" for name, value in said.defaults.items())
            self.notes.append(f"The server names as its defaults: {named}.")
        self._say("screening")
        neutral = self.fields(1.0)
        top = self.endpoint.provider.top_logprobs and _TOP
        self.places = screen(self.prober, self.prompts, neutral, keep=_KEEP, top=top) if top else []
        kind = self._kind() if self.places else "none"
        if not self.places:
            self._without_logprobs()
        elif self.send:
            self._sent()
        else:
            self._temperatures()
            self._alone()
            self._empty()
            self._truncations()
        if not self.send:
            self._say("seeds")
            self.rows.append(seed_row(self.prober, self.prompts, neutral))
        self._say("done")
        return Audit(
            self.endpoint.name, self.endpoint.client.base_url, self.route, said.engine, kind,
            tuple(self.rows), tuple(self.blind), tuple(self.notes), self.prober.requests, self.prober.cached,
        )  # fmt: skip

    def fields(self, temperature: float, **more: Any) -> dict[str, Any]:
        """A setting in the engine's words, everything else switched off where the provider has a word for it."""
        return self.endpoint.fields(SamplingParams(temperature=temperature, **more))

    def _say(self, what: str) -> None:
        if self._tell is not None:
            self._tell(what, min(self._done, 12), 12)
        self._done += 1

    def _each(self, share: float) -> int:
        return max(3, round(share * self.budget / max(len(self.places), 1)))

    def _arm(self, fields: Mapping[str, Any], share: float, *, seeded: bool = True) -> Arm | str:
        """The draws of an experiment, or the server's words where it refuses."""
        refusal = self.prober.refuses(Probe(self.places[0].prompt, fields, self._first, seeded), top=1)
        if refusal is not None:
            return refusal
        each = self._each(share)
        arm = sample(self.prober, self.places, fields, each, seeded=seeded, first=self._first)
        self._first += each * len(self.places)
        return arm

    def _read(self, arm: Arm, fields: Mapping[str, Any]) -> Reading:
        """llama.cpp's own order, which stands unless another is sent, has the temperature last."""
        assert arm.draws is not None
        last = self.engine == "llama.cpp" and "samplers" not in fields
        return read(arm.draws, alpha=self.alpha, last=last)

    def _kind(self) -> str:
        """Whether log-probabilities are the model's own or follow the temperature."""
        try:
            found = slope(self.prober, self.places[:3], self.fields(0.5), top=_TOP)
        except EndpointError:
            found = None
        if found is not None and abs(found - 1) < 0.15:
            return "raw"
        if found is not None and abs(found - 2) < 0.3:
            self.notes.append(
                "The log-probabilities follow the temperature: those at T=1 are used, and effective temperatures are "
                "relative to what the server does at T=1."
            )
            return "tempered"
        self.blind.append("Whether the log-probabilities are the model's own: they changed with T in another way.")
        return "unknown"

    def _temperatures(self) -> None:
        sent, readings, arms = [], [], []
        for temperature in TEMPERATURES:
            self._say(f"T={temperature:g}")
            share = _SHARES["reference" if temperature == 1 else "temperature"]
            arm = self._arm(self.fields(temperature), share)
            if isinstance(arm, str):
                self.rows.append(AuditRow("temperature", temperature, None, None, None, "refused", arm, 1))
                continue
            if temperature > 0.5 and arm.repeats:
                self._cached(arm, f"{count(arm.requests, 'request')} with seeds of their own at T={temperature:g}")
                return
            sent.append(temperature)
            readings.append(self._read(arm, self.fields(temperature)))
            arms.append(arm)
        if not sent:
            return
        shown = max(readings, key=lambda one: one.evidence - one.threshold)
        self.hidden = shown.called
        found = temperature_map(sent, [with_family(one, shown.called) for one in readings], self.alpha)
        for temperature, reading, arm, verdict in zip(sent, readings, arms, found.verdicts, strict=True):
            evidence = found.rule if verdict != "honoured" else _fit_words(reading, temperature)
            read_as = with_family(reading, shown.called)
            self.rows.append(_temperature_row(temperature, read_as, arm.requests, verdict, evidence))
        self._off_rows(sent, readings, arms)

    def _off_rows(self, sent: Sequence[float], readings: Sequence[Reading], arms: Sequence[Arm]) -> None:
        """Truncations that show though all of them are switched off, or have no word at this provider."""
        seen = [(t, r, a) for t, r, a in zip(sent, readings, arms, strict=True) if r.called != "none"]
        if not seen:
            return
        temperature, reading, arm = max(seen, key=lambda one: one[1].evidence - one[1].threshold)
        has = reading.called in self.fields(1.0)
        verdict: Verdict = "changed" if has else "default added"
        self.rows.append(
            _truncation_row(reading, "off" if has else "nothing", arm.requests, verdict, f" at T={temperature:g}")
        )

    def _alone(self) -> None:
        """Only the temperature is sent; what comes with it."""
        self._say("temperature alone")
        arm = self._arm({"temperature": 1.0}, _SHARES["alone"])
        if isinstance(arm, str):
            return
        reading = with_family(self._read(arm, {"temperature": 1.0}), self.hidden)
        fine = {row.sent for row in self.rows if row.parameter == "temperature" and row.verdict == "honoured"}
        if reading.called == "none" and 1.0 in fine and not temperature_holds(reading, 1.0, self.alpha):
            words = (
                f"with only temperature=1 sent the draws are as at T={reading.best.temperature:.2f}, with the other "
                "parameters sent as off as at T=1"
            )
            self.rows.append(
                AuditRow("some truncation", "nothing", "not named", None, None, "default added", words, arm.requests)
            )
        self.hidden = reading.called
        if reading.called != "none":
            self.rows.append(
                _truncation_row(reading, "nothing", arm.requests, "default added", ", only temperature=1 sent")
            )

    def _empty(self) -> None:
        """Nothing is sent, not even a seed: the defaults, and whether answers are repeated."""
        self._say("empty body")
        arm = self._arm({}, _SHARES["empty"], seeded=False)
        if isinstance(arm, str):
            return
        if arm.repeats:
            self._cached(arm, f"{count(arm.requests, 'request')} without a seed")
            return
        reading = self._read(arm, {})
        read_as = with_family(reading, self.hidden)
        words = "as T=1" if temperature_holds(read_as, 1.0, self.alpha) else _fit_words(read_as, None)
        self.rows.append(_temperature_row("nothing", read_as, arm.requests, "default", words))
        if reading.called != "none":
            self.rows.append(_truncation_row(reading, "nothing", arm.requests, "default added", ", empty body"))

    def _truncations(self) -> None:
        neutral = self.fields(1.0)
        for name, value in _SENT.items():
            if name not in neutral:
                self.blind.append(f"{name}: {self.endpoint.provider.name} has no word for it, so it was not sent.")
                continue
            self._say(f"{name}={value:g}")
            arm = self._arm(self.fields(1.0, **{name: value}), _SHARES["truncation"])
            if isinstance(arm, str):
                self.rows.append(AuditRow(name, value, None, None, None, "refused", arm, 1))
            else:
                self.rows.append(self._sent_truncation(name, value, arm))

    def _sent_truncation(self, name: str, value: float, arm: Arm) -> AuditRow:
        """Whether the draws are what a truncation that was sent would give."""
        assert arm.draws is not None
        reading = self._read(arm, self.send or self.fields(1.0))
        sent, outside = sent_fit(arm.draws, name, value)  # type: ignore[arg-type]
        number = outside * (arm.draws.number + float(arm.draws.beyond.sum()))
        if number >= 2:
            words = f"{number:.0f} of {arm.requests} draws are of tokens that it would remove"
            if reading.called == "none":
                return AuditRow(name, value, "off", None, None, "ignored", words, arm.requests)
            found = f"{reading.called} {reading.best.value:.3g}"
            return AuditRow(name, value, found, None, None, "changed", words, arm.requests)
        tighter = 2 * (reading.best.log_likelihood - sent.log_likelihood) if reading.called != "none" else 0.0
        if tighter > reading.threshold:
            found = f"{reading.called} {reading.best.value:.3g}"
            words = f"tighter fits better (2 dlogL {tighter:.0f}, threshold {reading.threshold:.0f})"
            return AuditRow(name, value, found, None, None, "changed", words, arm.requests)
        gain = 2 * (sent.log_likelihood - reading.fits["none"].log_likelihood)
        if gain < reading.threshold:
            words = f"too few draws to tell it from none (2 dlogL {gain:.1f}, threshold {reading.threshold:.0f})"
            return AuditRow(name, value, None, None, None, "can't be told", words, arm.requests)
        best = reading.fits[name].value
        return AuditRow(name, value, best, None, None, "honoured", f"2 dlogL {gain:.0f} against none", arm.requests)

    def _sent(self) -> None:
        """Only what the user sends."""
        self._say("what was sent")
        arm = self._arm(self.send, 0.9)
        shown = ", ".join(f"{name}={value}" for name, value in self.send.items())
        if isinstance(arm, str):
            self.rows.append(AuditRow(shown, "as given", None, None, None, "refused", arm, 1))
            return
        if arm.repeats:
            self._cached(arm, f"{count(arm.requests, 'request')} with seeds of their own")
            return
        reading = self._read(arm, self.send)
        sent = self.send.get("temperature", "nothing")
        verdict: Verdict = "default"
        if isinstance(sent, int | float):
            verdict = temperature_map([float(sent)], [reading], self.alpha).verdicts[0]
        self.rows.append(_temperature_row(sent, reading, arm.requests, verdict, _fit_words(reading, None)))
        for name in ("top_k", "top_p", "min_p"):
            if name in self.send:
                self.rows.append(self._sent_truncation(name, float(self.send[name]), arm))
        if reading.called != "none" and not any(name in self.send for name in _SENT):
            self.rows.append(_truncation_row(reading, "nothing", arm.requests, "default added", ""))

    def _cached(self, arm: Arm, how: str) -> None:
        words = f"{how}: each prompt gave one and the same token, not always the most probable one"
        self.rows.append(AuditRow("fresh draws", "yes", "repeated", None, None, "cached", words, arm.requests))

    def _without_logprobs(self) -> None:
        self.blind.append("Effective values and truncations: the server gives no log-probabilities.")
        self.rows += unlisted_rows(self.prober, self.prompts[:10], self.fields, self.budget, self.alpha)


def _fit_words(reading: Reading, sent: float | None) -> str:
    numbers = f"{reading.draws.number} draws"
    if sent is None:
        return numbers
    return f"{numbers}, 2 dlogL {reading.temperature_evidence(sent):.1f} from what was sent"


def _temperature_row(sent: float | str, reading: Reading, requests: int, verdict: Verdict, evidence: str) -> AuditRow:
    best = reading.best
    if reading.greedy and verdict == "honoured":
        return AuditRow("temperature", sent, f"at most {best.high:.2f}", None, None, verdict, evidence, requests)
    if reading.greedy:
        return AuditRow("temperature", sent, 0.0, None, None, verdict, evidence, requests)
    return AuditRow("temperature", sent, best.temperature, best.low, best.high, verdict, evidence, requests)


def _truncation_row(reading: Reading, sent: str, requests: int, verdict: Verdict, where: str) -> AuditRow:
    rivals = f", or {' or '.join(reading.rivals)}" if reading.rivals else ""
    words = f"2 dlogL {reading.evidence:.0f}, threshold {reading.threshold:.0f}{where}{rivals}"
    return AuditRow(reading.called, sent, reading.best.value, None, None, verdict, words, requests)
