"""The documentation of the API as one plain page, made from the schema; nothing is loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any


def api_page(schema: Mapping[str, Any]) -> str:
    """An HTML page of an OpenAPI schema: each route with what it takes and answers, then the records."""
    info = schema["info"]
    routes = [
        _route(path, method, about) for path, methods in schema["paths"].items() for method, about in methods.items()
    ]
    records = [
        f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{escape(about.get("description", ""))}</p>'
        f"<pre>{escape(json.dumps(about.get('properties', {}), indent=2, ensure_ascii=False))}</pre></section>"
        for name, about in schema.get("components", {}).get("schemas", {}).items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(info["title"])}: API</title><link rel="stylesheet" href="/api.css"></head><body><main>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}: API</h1><p>{escape(info['description'])}</p>"
        '<p>The whole schema: <a href="/openapi.json">openapi.json</a></p>'
        f"<h2>Routes</h2>{''.join(routes)}<h2>Records</h2>{''.join(records)}</main></body></html>"
    )


def _route(path: str, method: str, about: Mapping[str, Any]) -> str:
    taken = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return (
        f"<section><h3><code>{escape(method.upper())} {escape(path)}</code></h3>"
        f"<p>{escape(about.get('summary', ''))}.</p>{_link('takes', taken)}"
        f"{''.join(_answer(status, one) for status, one in about.get('responses', {}).items())}</section>"
    )


def _answer(status: str, about: Mapping[str, Any]) -> str:
    content = about.get("content", {})
    if "text/event-stream" in content:
        return f"<p>{escape(status)}: a stream of events</p>"
    return _link(f"{status}:", content.get("application/json", {}).get("schema", {}))


def _link(what: str, schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref")
    if not reference:
        return ""
    name = escape(reference.rsplit("/", 1)[-1])
    return f'<p>{escape(what)} <a href="#{name}">{name}</a></p>'
