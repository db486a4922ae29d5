"""Pages: one environment of templates that escapes everything; what it makes loads nothing from anywhere."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from thermoscope._version import __version__


def render(template: str, **values: Any) -> str:
    """A page from a template of ``report/templates`` and its values, self-contained.

    Everything is escaped; data for scripts goes through ``tojson``, which escapes what could end a script element.
    """
    environment = Environment(
        loader=PackageLoader("thermoscope.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(version=__version__, **values)
