"""Who may ask: this machine alone, unless another host was named, and then only with the token; no other site ever."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes that a request may have.
MOST_BYTES = 512 * 1024
#: Names of this machine.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_COOKIE = "thermoscope"
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::[0-9]*)?")
#: Scripts, styles and pictures come from here, and nothing is loaded from elsewhere, framed or sent elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Middleware that refuses what does not come from this page.

    Parameters
    ----------
    app
        What is guarded.
    hosts
        Names that the Host header may have, without a port; None for any, where a token is needed.
    token
        What every request must carry, as a cookie or as ``Authorization: Bearer``; None for none.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, token: str | None) -> None:
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers that every answer has."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._login(scope, headers) or self._refusal(headers)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        await self._app(scope, _bounded(receive), _with_headers(send))

    def _login(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """An address with the right token sets the cookie and leads to the address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if self._token is None or given is None or not secrets.compare_digest(given.encode(), self._token.encode()):
            return None
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        answer = RedirectResponse(scope["path"].split("//")[0] + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(_COOKIE, self._token, httponly=True, samesite="strict")
        return answer

    def _refusal(self, headers: Mapping[str, str]) -> Response | None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return _refused(
                421, f"this server answers to {', '.join(sorted(self._hosts))}; the request was for another"
            )
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and urlsplit(origin).netloc != host) or site not in ("same-origin", "none"):
            return _refused(403, "requests from other sites are refused")
        if self._token is not None and not self._knows(headers):
            return _refused(401, "this server needs its token; open the address that it printed when it started")
        if int(headers.get("content-length") or 0) > MOST_BYTES:
            return _refused(413, f"a request may have {MOST_BYTES // 1024} KB; shorten the texts")
        return None

    def _knows(self, headers: Mapping[str, str]) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            cookie = None
        given = headers.get("authorization", "").removeprefix("Bearer ") or (cookie.value if cookie else "")
        return secrets.compare_digest(given.encode(), (self._token or "").encode())


def _name(host: str) -> str:
    """The host of a Host header, without its port; "" if it is neither a name nor an address in brackets."""
    found = _HOST.fullmatch(host)
    return found[1] if found else ""


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


def _bounded(receive: Receive) -> Receive:
    """The request's body, cut off where it is longer than it may be and did not say so."""
    got = 0

    async def take() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        return {"type": "http.disconnect"} if got > MOST_BYTES else message

    return take


def _with_headers(send: Send) -> Send:
    async def give(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return give
