"""Requests whose answers are kept: what was answered once is found, and only what is missing is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from thermoscope.sources.cache import AnswerCache
from thermoscope.sources.client import Ask, BadAnswerError, Client

#: What an answer is read as.
Read = TypeVar("Read")


def find_or_ask(
    client: Client,
    path: Path | None,
    number: int,
    ask: Callable[[int], Ask],
    read: Callable[[Mapping[str, Any]], Read],
    take: Callable[[int, Read, bool], None],
) -> None:
    """Hand over an answer to each of several requests: the one that is kept, or the server's, which is kept then.

    Parameters
    ----------
    client
        The server.
    path
        Where answers are kept; None keeps none.
    number
        How many requests there are.
    ask
        Makes one by its place, 0 to ``number - 1``; called again when it is sent, so that few are held at once.
    read
        Reads an answer, or raises ``BadAnswerError``: it is then asked for again, and not kept.
    take
        Called with the place, what was read, and whether it had been kept; kept answers come first.

    Raises
    ------
    EndpointError
        The server cannot be reached, refuses, or failed for some requests; what was answered is kept.
    """
    with AnswerCache(path) as cache:
        missing: dict[int, bytes] = {}  # where the answer is to be kept
        for place in range(number):
            one = ask(place)
            key = cache.key(f"{client.base_url}/{one.path}", one.body, one.sample)
            kept = cache.find(key)
            try:
                found = None if kept is None else read(kept)
            except BadAnswerError:
                found = None
            if found is None:
                missing[place] = key
            else:
                take(place, found, True)

        def asks() -> Iterator[Ask]:
            for place in missing:
                yield ask(place)

        def keep(one: Ask, answer: Mapping[str, Any]) -> None:
            found = read(answer)
            cache.keep(missing[one.number], answer)
            take(one.number, found, False)

        if missing:
            client.ask_all(asks(), keep)
