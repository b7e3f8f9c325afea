"""``/openapi.json``: what this interface promises, for clients' generators and for people."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from aiohttp import hdrs, web


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document, as it is written in ``openapi.yaml``."""
    text = (files("vidctl.http") / "openapi.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)  # the one in Python takes half a second
    return read


class ContractRoutes:
    """Serves the document, read once at the start."""

    def __init__(self) -> None:
        self._text = json.dumps(document(), ensure_ascii=False, separators=(",", ":"))

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/openapi.json", self.show)]

    async def show(self, _request: web.Request) -> web.Response:
        """Answer with the document."""
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*"}
        return web.Response(text=self._text, content_type="application/json", headers=headers)
