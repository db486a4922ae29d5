"""Requests of all kinds, made from the schema by schemathesis: none is a fault of the server's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from thermoscope.web.app import make_app
from thermoscope.web.models import Models

schemathesis = pytest.importorskip("schemathesis")
#: Streams are told of faults in events: they have tests of their own.
SHORT = ("/api/state", "/api/next-token", "/api/draws", "/api/export", "/api/runs", "/api/runs/{name}")


@pytest.mark.slow
def test_no_request_is_a_fault_of_the_servers(tmp_path: Any) -> None:
    app = make_app(Models(["bundled"]), tmp_path, hosts=None)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    short = [one for one in operations if one.path in SHORT]
    assert {one.path for one in short} == set(SHORT)
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]

    @given(st.data())
    @settings(max_examples=20, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    def ask(data: st.DataObject) -> None:
        for operation in short:
            case = data.draw(operation.as_strategy(generation_mode=data.draw(st.sampled_from(modes))))
            answer = case.call()
            assert answer.status_code < 500, (case.body, answer.text)

    ask()
