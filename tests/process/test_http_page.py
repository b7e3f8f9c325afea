"""How the page is served, and what stands there where it was not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from tests.process.http_service import Service
from vidctl.http.app import serving
from vidctl.http.pages import PageRoutes, content_security_policy
from vidctl.http.problems import problems
from vidctl.settings import UploadSettings


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def test_the_page_is_served_with_a_policy_that_knows_the_buckets(service: Service) -> None:
    response = await service.client.get("/")
    assert (response.status, response.content_type) == (200, "text/html")
    assert response.headers["Cache-Control"] == "no-cache"
    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'self' memory://raw-bucket memory://final-bucket;" in policy
    assert "unsafe" not in policy


@asynccontextmanager
async def page_of(built: Path) -> AsyncIterator[ClientSession]:
    routes = PageRoutes(bucket_origins=(), uploads=UploadSettings(max_bytes=7), built=built)
    app = web.Application(middlewares=[problems()])
    app.add_routes(routes.routes())
    async with serving(app, host="127.0.0.1", port=0) as port, ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>ä</title>")
    (tmp_path / "assets" / "page-1A.js").write_text("export {}")
    return tmp_path


async def test_what_the_page_is_made_of_may_be_kept_for_ever(built: Path) -> None:
    async with page_of(built) as client:
        assert await (await client.get("/")).text() == "<!doctype html><title>ä</title>"
        for encoding in ("gzip", "identity"):
            asset = await client.get("/assets/page-1A.js", headers={"Accept-Encoding": encoding})
            assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert (asset.content_type, await asset.text()) == ("text/javascript", "export {}")
            assert asset.headers.get("Content-Encoding", "identity") == encoding
        assert (await client.get("/assets/page-2B.js")).status == 404


async def test_the_page_knows_what_may_be_uploaded(built: Path) -> None:
    async with page_of(built) as client:
        limits = {"suffixes": [".mp4"], "content_types": ["video/mp4"], "max_bytes": 7}
        assert await (await client.get("/page.json")).json() == {"uploads": limits}


async def test_where_the_page_was_not_built_it_says_what_is_missing(tmp_path: Path) -> None:
    async with page_of(tmp_path) as client:
        response = await client.get("/")
        assert (response.status, "make page" in await response.text()) == (200, True)


def test_the_policy_names_each_origin_once() -> None:
    assert "media-src 'self' http://s3:4566 blob:;" in content_security_policy(("http://s3:4566", "http://s3:4566"))
