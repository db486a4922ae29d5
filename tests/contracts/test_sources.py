"""What every provider of an endpoint must have: an entry that lacks a part fails here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.server import good, serving
from thermoscope.engines.registry import ENGINES
from thermoscope.errors import InputError
from thermoscope.models.names import ENDPOINTS, parse_name
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint
from thermoscope.sources.providers import PROVIDERS, Provider

every_provider = pytest.mark.parametrize("provider", list(PROVIDERS.values()), ids=list(PROVIDERS))


def test_names_and_providers_agree() -> None:
    assert set(PROVIDERS) == set(ENDPOINTS)


@every_provider
def test_it_has_every_part(provider: Provider) -> None:
    assert provider.engine in ENGINES
    assert provider.routes
    assert set(provider.routes) <= {"chat", "completions"}
    name = parse_name(f"{provider.name}/owner/model", "http://127.0.0.1:1/v1")
    assert (name.provider, name.model, name.base_url) == (provider.name, "owner/model", "http://127.0.0.1:1/v1")
    assert name.key_variable is not None
    assert name.key_variable.endswith("_API_KEY")
    address = ENDPOINTS[provider.name]
    assert address is None or address.endswith("/v1")


@every_provider
def test_texts_come_through_each_of_its_routes(provider: Provider) -> None:
    with serving(good) as server:
        for route in provider.routes:
            of = Endpoint(provider.name, "m", base_url=server.url, route=route, limits=Limits(2, 5.0))
            (sample,) = of.samples(["Once"], [SamplingParams(temperature=0.5)], [3], max_new_tokens=4)
            assert sample.text == f" Once 0.5 {3 if provider.seeds else None}"
            assert of.can.logits is False
            assert of.can.shared_noise is False
            assert bool(sample.logprobs) == (provider.logprobs == "raw")


@every_provider
def test_what_its_engine_lacks_is_refused(provider: Provider) -> None:
    lacking: dict[str, Any] = {"top_a": 0.2} if provider.engine == "llama.cpp" else {"mirostat_tau": 3.0}
    with serving(good) as server:
        of = Endpoint(provider.name, "m", base_url=server.url)
        with pytest.raises(InputError, match=f"{provider.name} does not have {next(iter(lacking))}"):
            of.samples(["x"], [SamplingParams(**lacking)], [0], max_new_tokens=3)
        assert not server.asked
