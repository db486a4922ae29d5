"""Pages: one environment of templates that escapes everything; what it makes loads nothing from anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from thermoscope._version import __version__
from thermoscope.language.saying import say, spoken, worded

#: What a script of a page says: ``say("...")``.
_IN_SCRIPTS = re.compile(r'\bsay\(("(?:[^"\\]|\\.)*")')


def render(template: str, **values: Any) -> str:
    """A page from a template of ``report/templates`` and its values, self-contained.

    Everything is escaped; data for scripts goes through ``tojson``, which escapes what could end a script element. What
    a template says, ``t("...")``, and ``worded`` of a table's, is in the language that is spoken.
    """
    environment = Environment(
        loader=PackageLoader("thermoscope.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {"t": say, "worded": worded}
    language = spoken()
    return environment.get_template(template).render(
        version=__version__, language=language, words=_words_of_scripts(language), **values
    )


@cache
def _words_of_scripts(language: str) -> Mapping[str, str]:
    """What the scripts of pages say, in a language, where that is not English."""
    return {sentence: words for sentence in said_in_scripts() if (words := str(worded(sentence))) != sentence}


@cache
def said_in_scripts() -> tuple[str, ...]:
    """The sentences in the scripts of pages."""
    places = files("thermoscope.report.page").joinpath("templates").iterdir()
    scripts = [place.read_text("utf-8") for place in places if place.name.endswith(".js")]
    return tuple(json.loads(found) for script in scripts for found in _IN_SCRIPTS.findall(script))
