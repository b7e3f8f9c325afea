"""Holds every answer that a test reads against ``openapi.yaml``."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import ClientResponse
from jsonschema import Draft202012Validator

from vidctl.http.contract import document

INTERFACE = document()


class Undocumented(AssertionError):
    """The service answered something that its document does not promise."""


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Return a validator for a schema of the document: references are to its own components."""
    whole = {**schema, "components": INTERFACE["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


class Documented(ClientResponse):
    """An answer that is held against the document when its body is read."""

    async def read(self) -> bytes:
        """Read the body.

        Raises:
            Undocumented: a status, content type or body that the document does not have for this path.

        """
        body = await super().read()
        if (operation := _operation(self.method, self.url.raw_path)) is not None:
            _check(operation, self.status, self.content_type, body)
        return body


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation; None where there is none: its 404 and 405 are HTTP's own."""
    for template, item in INTERFACE["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            operation: dict[str, Any] | None = item.get(method.lower())
            return operation
    return None


def _check(operation: dict[str, Any], status: int, content_type: str, body: bytes) -> None:
    answer = operation["responses"].get(str(status))
    if answer is None:
        raise Undocumented(f"{operation['operationId']}: {status} is not documented")
    if (name := answer.get("$ref")) is not None:
        answer = INTERFACE["components"]["responses"][name.rpartition("/")[2]]
    if not (contents := answer.get("content")):
        if body:
            raise Undocumented(f"{operation['operationId']}: a body with {status} is not documented")
        return
    if content_type not in contents:
        raise Undocumented(f"{operation['operationId']}: {content_type} with {status} is not documented")
    if content_type.endswith("json"):
        validator(contents[content_type]["schema"]).validate(json.loads(body))
