"""``/``: a page to upload videos with and to watch them, without any service but ours and the buckets.

It is built from ``page/`` by npm. Where that was not done, a page says so, and everything else works as ever.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import hdrs, web

from vidctl.settings import UploadSettings

FOLDER = files("vidctl.http") / "pages"
BUILT = FOLDER / "built"
"""Where ``make page`` puts the page."""

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
FOR_EVER = "public, max-age=31536000, immutable"
"""For files whose names change with their content; a year is the longest that RFC 9111 speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as it is sent: compressed once, at the start, so that nothing blocks the loop later."""

    body: bytes
    content_type: str


class PageRoutes:
    """Serves the page; ``bucket_origins`` are where its uploads go to and its videos come from."""

    def __init__(self, *, bucket_origins: Sequence[str], uploads: UploadSettings, built: Traversable = BUILT) -> None:
        self._page = _asset(built / "index.html" if is_built(built) else FOLDER / "missing.html")
        self._assets = dict(_assets(built / "assets")) if is_built(built) else {}
        self._uploads = uploads
        self._headers = {"Content-Security-Policy": content_security_policy(bucket_origins)}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self.show),
            web.get("/page.json", self.configuration),
            web.get("/assets/{name}", self.asset),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with the page. It is asked for every time: it names the files that go with it."""
        return _answer(request, self._page, self._headers | {hdrs.CACHE_CONTROL: "no-cache"})

    async def configuration(self, _: web.Request) -> web.Response:
        """Answer with what the page has to know of the settings: none of it is a secret."""
        accepted = {
            "suffixes": self._uploads.suffixes,
            "content_types": self._uploads.content_types,
            "max_bytes": self._uploads.max_bytes,
        }
        return web.json_response({"uploads": accepted}, headers={hdrs.CACHE_CONTROL: "no-cache"})

    async def asset(self, request: web.Request) -> web.Response:
        """Answer with a file of the page."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return _answer(request, asset, {hdrs.CACHE_CONTROL: FOR_EVER})


def is_built(built: Traversable = BUILT) -> bool:
    """Whether there is a page to serve."""
    return (built / "index.html").is_file()


def content_security_policy(bucket_origins: Sequence[str]) -> str:
    """Return a policy that lets the page load its own files, call us, and talk to the buckets, and nothing else.

    A player that fetches segments by itself hands them to the video element as a ``blob:``.
    """
    origins = " ".join(("'self'", *dict.fromkeys(bucket_origins)))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"connect-src {origins}; img-src {origins}; media-src {origins} blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _assets(folder: Traversable) -> Iterator[tuple[str, Asset]]:
    for file in folder.iterdir():
        yield file.name, _asset(file)


def _asset(file: Traversable) -> Asset:
    suffix = file.name[file.name.rindex(".") :]
    # The time is left out, so that every replica sends the same bytes.
    return Asset(body=gzip.compress(file.read_bytes(), mtime=0), content_type=TYPES[suffix])


def _answer(request: web.Request, asset: Asset, headers: dict[str, str]) -> web.Response:
    headers |= {hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers |= {hdrs.CONTENT_ENCODING: "gzip"}
        body = asset.body
    else:
        body = gzip.decompress(asset.body)
    return web.Response(body=body, content_type=asset.content_type, charset="utf-8", headers=headers)
