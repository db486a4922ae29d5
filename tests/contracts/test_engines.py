"""What every engine keeps to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope import InputError, SamplingParams
from thermoscope.engines.export import export
from thermoscope.engines.formats import take_apart
from thermoscope.engines.reading import read
from thermoscope.engines.registry import ENGINES
from thermoscope.settings.stages import STAGE_OF, STAGES

VALUES = {"temperature": st.sampled_from([0.3, 0.7]), "top_k": st.sampled_from([1, 40]), "top_p": st.just(0.9)}


@pytest.mark.parametrize("name", ENGINES)
def test_an_entry_is_whole(name: str) -> None:
    engine = ENGINES[name]
    assert engine.name == name
    assert engine.version
    assert engine.source
    assert set(engine.order) <= set(STAGES)
    assert set(engine.names) <= set(STAGE_OF)
    assert all(STAGE_OF[parameter] in engine.order for parameter in engine.names)
    assert set(engine.ranges) | set(engine.defaults) <= set(engine.names)
    assert set(engine.names.values()) <= {*engine.neutral, *engine.extra, "logit_bias", "dry_sequence_breakers"}
    assert not engine.aside & {*engine.names.values(), *engine.neutral}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
@given(values=st.fixed_dictionaries({}, optional=VALUES))
def test_a_setting_comes_back_from_every_snippet(name: str, values: dict[str, float]) -> None:
    engine = ENGINES[name]
    params = SamplingParams(**{n: v for n, v in values.items() if n in engine.names})
    for snippet in export(params, name).snippets:
        assert read(snippet.text, name).params.given == params.given


@pytest.mark.parametrize("name", ENGINES)
def test_its_own_form_tells_the_engine(name: str) -> None:
    forms = [take_apart(snippet.text).engine for snippet in export(SamplingParams(temperature=0.5), name).snippets]
    assert set(forms) <= {name, None}
    assert name in forms or (ENGINES[name].form is None and not ENGINES[name].inside)


@pytest.mark.parametrize("name", ENGINES)
def test_an_unknown_field_is_named(name: str) -> None:
    with pytest.raises(InputError, match="no_such_field"):
        read('{"no_such_field": 1}', name)
