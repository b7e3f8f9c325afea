"""Two origins on this machine, as in production: one with the page and its player, one with the published objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from aiohttp import web

ROOT = Path(__file__).parents[2]
PAGES = Path(__file__).parent / "pages"
LIBRARIES = ROOT / ".browser" / "node_modules"
BUILT = ROOT / ".browser" / "built"
"""Both generations of Uppy, each bundled as its users do."""

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".m4s": "video/iso.segment",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}
_FROM_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range",
}


@dataclass
class Site:
    """Where the pages and the objects are, and what was asked for in vain."""

    objects: Mapping[str, bytes]
    pages: str = ""
    media: str = ""
    refused: list[str] = field(default_factory=list)
    served: set[str] = field(default_factory=set)

    def page(self, player: str) -> str:
        """Return the address of the page with a player of ``pages/``."""
        return f"{self.pages}/pages/page.html?player={player}"

    def url(self, name: str) -> str:
        """Return the address of a published object."""
        return f"{self.media}/{name}"

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as S3 does: the object, the range that was asked for, 404 or 416."""
        name = request.match_info["name"]
        body = self.objects.get(name)
        if body is None:
            self.refused.append(name)
            return web.Response(status=404, headers=_FROM_ANYWHERE)
        start, stop, _ = request.http_range.indices(len(body))
        if start >= stop:
            self.refused.append(f"{name} {request.headers['Range']}")
            return web.Response(status=416, headers=_FROM_ANYWHERE | {"Content-Range": f"bytes */{len(body)}"})
        self.served.add(name)
        headers = _FROM_ANYWHERE | {"Accept-Ranges": "bytes", "Content-Type": TYPES[PurePosixPath(name).suffix]}
        if "Range" not in request.headers:
            return web.Response(body=body, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        return web.Response(status=206, body=body[start:stop], headers=headers)


async def _allow(_: web.Request) -> web.Response:
    return web.Response(status=204, headers=_FROM_ANYWHERE)


@asynccontextmanager
async def serving(objects: Mapping[str, bytes]) -> AsyncIterator[Site]:
    """Serve the objects and the pages, each on a port of its own, until the block ends."""
    site = Site(objects)
    media, pages = web.Application(), web.Application()
    media.router.add_get("/{name:.+}", site.answer)
    media.router.add_options("/{name:.+}", _allow)
    pages.router.add_static("/pages", PAGES)
    pages.router.add_static("/libraries", LIBRARIES)
    async with listening(media) as site.media, listening(pages) as site.pages:
        yield site


@asynccontextmanager
async def uploaders() -> AsyncIterator[str]:
    """Serve the pages that upload, as somebody's own site; give its origin."""
    app = web.Application()
    app.router.add_static("/pages", PAGES)
    app.router.add_static("/built", BUILT)
    async with listening(app) as origin:
        yield origin


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve an application at a free port, until the block ends; give its origin."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
