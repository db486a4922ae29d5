"""The server: where it listens, who may ask, and how it ends."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from thermoscope.errors import InputError
from thermoscope.web.app import make_app
from thermoscope.web.guard import LOOPBACK
from thermoscope.web.models import Models

#: Seconds that open streams get to end when the server is asked to.
_GRACE_S = 5


class _Server(uvicorn.Server):
    """uvicorn, whose streams end when it is asked to stop: it would wait for them."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None], ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._close, self._ready = close, ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the jobs, whose streams then end."""
        self._close()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where the page is once it can be had."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(
    models: Models, *, host: str = "127.0.0.1", port: int = 8017, runs: Path, on_ready: Callable[[str], None]
) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    models
        The models that may be asked for.
    host, port
        Where to listen; port 0 takes a free one. Anything but this machine itself needs a token, which the address has.
    runs
        The folder of runs.
    on_ready
        Called with the page's address.

    Raises
    ------
    InputError
        The port is taken, or the host is no address of this machine.
    """
    local = host in LOOPBACK
    token = None if local else secrets.token_urlsafe(24)
    hosts = LOOPBACK if local else None
    listening = _listening(host, port)
    number = listening.getsockname()[1]
    app = make_app(models, runs, hosts=hosts, token=token)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{number}/" + ("" if token is None else f"?token={token}")
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE_S, server_header=False
    )
    server = _Server(config, app.state.jobs.close, lambda: on_ready(address))
    server.run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"a port must be 0 to 65535; got {port}; leave it out for 8017")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(
            f"{host}:{port} cannot be listened on ({why}); give another --port, or 0 for a free one"
        ) from None
    return made
