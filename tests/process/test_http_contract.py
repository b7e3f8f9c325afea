"""``openapi.yaml`` and the service say the same: routes, problems, answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.process.http_service import Service
from tests.process.openapi import INTERFACE, validator
from vidctl.errors import VidctlError, WorldError
from vidctl.http.problems import KINDS

ROOT = Path(__file__).parents[2]
UNWRITTEN = ("/", "/page.json", "/assets/{name}")
"""The page is for people."""

METHODS = ("get", "put", "post", "delete", "patch")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in INTERFACE["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS if method in item)


def family(root: type[VidctlError]) -> Iterator[type[VidctlError]]:
    yield root
    for member in root.__subclasses__():
        yield from family(member)


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(INTERFACE).validate()


async def test_every_route_is_documented_and_every_documented_path_is_a_route() -> None:
    app = await Service().app()
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "OPTIONS", "*")
    }
    written = {(path, method) for path, method, _ in operations()}
    assert {route for route in routes if route[0] not in UNWRITTEN} == written


def test_every_operation_has_a_name_of_its_own_and_says_what_can_go_wrong() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, method, operation in operations():
        answers = set(operation["responses"])
        assert {"500"} <= answers, (method, path)
        if operation.get("security") != []:
            assert {"401", "403", "429", "503"} <= answers, (method, path)


def test_every_problem_is_listed_with_its_status_and_title() -> None:
    listed = INTERFACE["x-problems"]
    # The root of what the world answers is never raised itself.
    errors = {error for root, _ in KINDS for error in family(root)} - {WorldError}
    for error in errors:
        kind = next(kind for root, kind in KINDS if issubclass(error, root))
        assert listed[error.code] == {"status": kind.status, "title": kind.title}, error


@pytest.mark.parametrize("name", INTERFACE["components"]["responses"])
def test_every_example_of_an_answer_is_what_its_schema_asks(name: str) -> None:
    for content in INTERFACE["components"]["responses"][name].get("content", {}).values():
        for example in content.get("examples", {}).values():
            validator(content["schema"]).validate(example["value"])


def test_the_page_for_clients_names_every_path() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for path, _, operation in operations():
        # Uppy knows its own; /u is where a session's URL leads.
        if operation["tags"] not in (["operation"], ["uppy"]):
            assert f"{path}`" in page, path


def test_every_file_that_the_page_for_clients_points_to_exists() -> None:
    docs = ROOT / "docs"
    links = re.findall(r"\]\(([^)#]+)\)", (docs / "api.md").read_text())
    assert links
    assert not [link for link in links if not (docs / link).exists()]


async def test_the_document_is_served() -> None:
    async with Service().running() as service:
        response = await service.client.get("/openapi.json")
        assert (response.status, await response.json()) == (200, INTERFACE)
