"""/api/openapi.json and /api/docs"""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
from aiohttp import hdrs, web

from taskmanager.api.rest.answers import json_answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import Problem

# The package that carries Swagger UI's files; it is looked up but never imported.
_PACKAGE = "flask_swagger_ui"
_ASSETS: Mapping[str, str] = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Task Manager API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; the description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
"""
_SCRIPT = """SwaggerUIBundle({
  url: new URL("openapi.json", window.location.href.replace(/docs\\/?$/, "")).href,
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
});
"""
# Swagger UI styles its elements one by one and draws its icons from data: addresses.
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}
_DAY: dict[str, str] = {hdrs.CACHE_CONTROL: "public, max-age=86400"}


class DocumentationController:
    """Tells what the interface is; the page and all that it needs are served from here."""

    def __init__(self, describe: Callable[[], Mapping[str, Any]]) -> None:
        self._describe = describe
        self._assets = _asset_directory()

    @cached_property
    def _document(self) -> bytes:
        return orjson.dumps(self._describe())

    async def openapi(self, _call: Call[None, None]) -> web.Response:
        """The description of this interface (OpenAPI 3.1)."""
        return json_answer(self._document)

    async def page(self, _call: Call[None, None]) -> web.Response:
        """A page to read this description and to try it."""
        return web.Response(text=_PAGE, content_type="text/html", headers=_SECURITY)

    async def asset(self, call: Call[None, None]) -> web.StreamResponse:
        """A file of that page."""
        name = call.path("file")
        if name == "page.js":
            return web.Response(text=_SCRIPT, content_type="text/javascript", headers=_DAY)
        media_type = _ASSETS.get(name)
        if media_type is None or self._assets is None:
            raise Problem(404, "the documentation has no such file")
        return web.FileResponse(self._assets / name, headers={hdrs.CONTENT_TYPE: media_type, **_DAY})


def _asset_directory() -> Path | None:
    found = find_spec(_PACKAGE)
    locations = found.submodule_search_locations if found else None
    return Path(locations[0]) / "dist" if locations else None
