"""The Vega runtime that pages draw their charts with, bundled by vl-convert without the network.

Bundling takes some seconds, so what it gives is kept in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

#: All that a page needs: vega-embed, which brings the interpreter of Vega's expressions, so that nothing is evaluated
#: as a script and the page's policy needs no 'unsafe-eval'.
_SNIPPET = "window.vegaEmbed = vegaEmbed;"


@cache
def runtime() -> str:
    """The script; it defines ``vegaEmbed`` and can stand in a script element."""
    import vl_convert

    versions = [version("vl-convert-python"), vl_convert.get_vega_version(), vl_convert.get_vega_embed_version()]
    kept = cache_folder() / f"vega-embed-{'-'.join(versions)}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if script := kept.read_text(encoding="utf-8"):
            return script
    script = str(vl_convert.javascript_bundle(_SNIPPET)).replace("</script", "<\\/script").replace("<!--", "<\\!--")
    with contextlib.suppress(OSError):
        _write(kept, script)
    return script


def cache_folder() -> Path:
    """Where the user's system keeps what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("thermoscope", appauthor=False)


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, also while others write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False) as file:
        try:
            file.write(text)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
