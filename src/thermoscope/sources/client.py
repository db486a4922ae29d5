"""Requests to an endpoint: many at once, repeated where that helps, and stopped where it does not.

How many are under way adapts: it starts at what is allowed, halves when the server says that it is busy (429 or 503)
and grows again with every answer, as TCP does (additive increase, multiplicative decrease; Chiu and Jain 1989).
``Retry-After`` is honoured.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from thermoscope.errors import EndpointError
from thermoscope.words import count

if TYPE_CHECKING:
    import ssl

#: Attempts at one request, the first counted; a request that is turned away as one too many has more.
ATTEMPTS, BUSY_ATTEMPTS = 4, 12
#: Seconds before the second attempt; each further wait is twice as long, up to the longest.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
#: After so many requests in a row that failed for good, the server is given up.
GIVEN_UP = 5
#: Characters of a server's own words that are quoted.
QUOTED = 200
#: The largest answer that is read, in bytes.
LARGEST_ANSWER = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes
    ----------
    number
        Its place among those that are asked together.
    path
        Where it is sent: below the base address, or, with a "/", below the server's root.
    body
        What is sent.
    sample
        Which of several equal requests it is: answers to each are kept apart.
    """

    number: int
    path: str
    body: Mapping[str, Any]
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How a server is treated.

    Attributes
    ----------
    at_once
        The most requests under way.
    timeout_s
        Seconds that one answer may take.
    """

    at_once: int = 20
    timeout_s: float = 120.0


class BadAnswerError(Exception):
    """An answer that is not what the protocol says; the message says what is wrong with it."""


class _Fatal(Exception):  # noqa: N818 - never leaves this module
    """What no repetition mends; the message is for the user."""


class Client:
    """A server, asked many times.

    Parameters
    ----------
    base_url
        The address up to and including ``/v1``.
    key
        Sent as a bearer token; never shown.
    key_name
        The environment variable that holds the key, for messages.
    limits
        How many requests at once, and how long each may take.
    """

    def __init__(
        self, base_url: str, *, key: str | None = None, key_name: str | None = None, limits: Limits | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.limits = limits or Limits()
        self.retries = 0
        self._key, self._key_name = key, key_name

    def ask_all(self, asks: Iterable[Ask], take: Callable[[Ask, Mapping[str, Any]], None]) -> None:
        """Send every request; hand each answer to ``take`` as it comes.

        ``take`` may raise ``BadAnswerError``: the request is then repeated.

        Raises
        ------
        EndpointError
            The server cannot be reached, refuses, or some requests failed for good. Everything that was answered has
            been handed over.
        """
        _run(lambda: self._ask_all(iter(asks), take))

    def get(self, path: str) -> Mapping[str, Any]:
        """One GET request below the server's root (not below ``/v1``).

        Raises
        ------
        EndpointError
            There is no such route, or no answer.
        """
        import httpx2

        root = self.base_url.removesuffix("/v1")
        try:
            with httpx2.Client(
                headers=self._headers, timeout=self._timeout(), follow_redirects=False, verify=_certificates()
            ) as client:
                return self._read(client.get(root + path))
        except (_Fatal, BadAnswerError) as error:
            raise EndpointError(str(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise EndpointError(self._unreachable(error)) from None

    async def _ask_all(self, asks: Iterator[Ask], take: Callable[[Ask, Mapping[str, Any]], None]) -> None:
        import httpx2

        state = _State(self.limits.at_once)
        limits = httpx2.Limits(max_connections=self.limits.at_once, max_keepalive_connections=self.limits.at_once)
        async with httpx2.AsyncClient(
            headers=self._headers,
            timeout=self._timeout(),
            limits=limits,
            follow_redirects=False,
            verify=_certificates(),
        ) as client:

            async def work() -> None:
                for ask in asks:  # one iterator for all workers: each request is taken once
                    if state.stopped:
                        return
                    await self._settle(client, ask, take, state)

            workers = [asyncio.ensure_future(work()) for _ in range(self.limits.at_once)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        if state.failures:
            raise EndpointError(self._summary(state))

    async def _settle(
        self, client: Any, ask: Ask, take: Callable[[Ask, Mapping[str, Any]], None], state: _State
    ) -> None:
        """Ask until there is an answer or no hope."""
        import httpx2

        attempt = busy = 0
        while not state.stopped:
            wait: float | None = None
            async with state.gate:
                try:
                    response = await client.post(self._address(ask.path), json=dict(ask.body))
                    if response.status_code in (429, 503):
                        busy += 1
                        wait = _retry_after(response.headers.get("retry-after"))
                        problem = f"the server at {self.base_url} is busy (status {response.status_code})"
                    else:
                        take(ask, self._read(response))
                        state.answered()
                        return
                except _Fatal as error:
                    state.stop(str(error))
                    return
                except BadAnswerError as error:
                    attempt, problem = attempt + 1, str(error)
                except httpx2.TimeoutException:
                    attempt += 2  # each has cost the whole time-out already
                    problem = f"the server at {self.base_url} did not answer within {self.limits.timeout_s:g} s"
                except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
                    attempt, problem = attempt + 1, self._unreachable(error)
                    if not state.answers and isinstance(error, httpx2.ConnectError | httpx2.InvalidURL):
                        state.stop(problem)
                        return
            if attempt >= ATTEMPTS or busy >= BUSY_ATTEMPTS:
                state.fail(problem)
                return
            self.retries += 1
            if busy and not attempt:
                state.gate.shrink()
            await asyncio.sleep(_wait_s(attempt + busy) if wait is None else wait)

    def _read(self, response: Any) -> Mapping[str, Any]:
        """The JSON object of an answer; what is wrong with any other."""
        status = response.status_code
        if 300 <= status < 400:
            where = response.headers.get("location", "elsewhere")
            raise _Fatal(
                f"the server at {self.base_url} redirects to {where[:QUOTED]!r}; redirects are not followed, because "
                "they could send your prompts and key elsewhere; give the final address with --base-url"
            )
        if len(response.content) > LARGEST_ANSWER:
            raise _Fatal(f"the server at {self.base_url} sent more than {LARGEST_ANSWER // 2**20} MiB; ask for less")
        try:
            found = json.loads(response.content)
        except (ValueError, RecursionError):
            found = None
        said = _words_of(found) or " ".join(response.text.split())[:QUOTED]
        if status in (401, 403):
            how = f"set {self._key_name}" if self._key_name else "check the key"
            raise _Fatal(f"the server at {self.base_url} refuses the key (status {status}: {said}); {how}")
        if status >= 500 or status == 408:
            raise BadAnswerError(f"the server at {self.base_url} fails (status {status}: {said})")
        if status >= 400:
            raise _Fatal(f"the server at {self.base_url} refuses the request (status {status}: {said})")
        if not isinstance(found, dict):
            raise BadAnswerError(f"the server at {self.base_url} does not answer with a JSON object, but {said!r}")
        return found

    def _address(self, path: str) -> str:
        return self.base_url.removesuffix("/v1") + path if path.startswith("/") else f"{self.base_url}/{path}"

    @property
    def _headers(self) -> dict[str, str]:
        return {} if self._key is None else {"Authorization": f"Bearer {self._key}"}

    def _timeout(self) -> Any:
        import httpx2

        return httpx2.Timeout(self.limits.timeout_s, connect=min(5.0, self.limits.timeout_s), pool=None)

    def _unreachable(self, error: Exception) -> str:
        why = " ".join(str(error).split())[:QUOTED] or type(error).__name__
        return f"no answer from {self.base_url} ({why}); start the server, or give its address with --base-url"

    @staticmethod
    def _summary(state: _State) -> str:
        first, number = state.failures[0], len(state.failures)
        if state.fatal and not state.answers:
            return first
        return (
            f"{first} ({count(number, 'request')} failed, {state.answers:,} answered and kept; "
            "the same command goes on from there)"
        )


class _State:
    """How the requests of one job stand."""

    def __init__(self, at_once: int) -> None:
        self.gate = Gate(at_once)
        self.answers = 0
        self.failures: list[str] = []
        self.stopped = self.fatal = False
        self._in_a_row = 0

    def answered(self) -> None:
        self.answers += 1
        self._in_a_row = 0
        self.gate.grow()

    def fail(self, problem: str) -> None:
        self.failures.append(problem)
        self._in_a_row += 1
        self.stopped = self.stopped or self._in_a_row >= GIVEN_UP

    def stop(self, problem: str) -> None:
        self.failures.insert(0, problem)
        self.stopped = self.fatal = True


class Gate:
    """Lets at most so many through at once; how many adapts.

    Parameters
    ----------
    most
        The most that may ever be let through.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = float(most)
        self._inside = 0
        self._changed = asyncio.Condition()

    def grow(self) -> None:
        """One more once about as many answers as the limit have come."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit)

    def shrink(self) -> None:
        """Half as many, one at least."""
        self.limit = max(1.0, self.limit / 2)

    async def __aenter__(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._inside < int(self.limit))
            self._inside += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self._inside -= 1
            self._changed.notify_all()


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that servers are held against, read once: it takes a tenth of a second each time."""
    import httpx2

    return httpx2.create_ssl_context()


def _run(job: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine to its end, also where an event loop runs already (a notebook's)."""

    async def all_requests() -> None:
        await job()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(all_requests())
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, all_requests()).result()


def _wait_s(attempt: int) -> float:
    """How long to wait before the next attempt: doubling, with a random part so that requests spread."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt - 1, 20))
    return float(longest * random.uniform(0.5, 1.0))


def _retry_after(value: str | None) -> float | None:
    """Seconds that the header ``Retry-After`` asks for (a number or a date), at most the longest wait."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if seconds == seconds else None


def _words_of(found: Any) -> str:
    """The server's own words on an error, on one line; "" if there are none."""
    error = found.get("error", found.get("detail", found.get("message"))) if isinstance(found, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return " ".join(str(error).split())[:QUOTED] if error else ""
