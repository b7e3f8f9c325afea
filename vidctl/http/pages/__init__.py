"""``/``: a page to upload a video with and to watch it, without any service but ours and the buckets."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from aiohttp import hdrs, web

FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class PageRoutes:
    """Serves the page's files; ``bucket_origins`` are where its uploads go to and its videos come from."""

    def __init__(self, *, bucket_origins: Sequence[str]) -> None:
        folder = files("vidctl.http") / "pages"
        # Read once, at the start: nothing blocks the loop later.
        self._texts = {path: (folder / name).read_text(encoding="utf-8") for path, (name, _) in FILES.items()}
        self._headers = {
            "Content-Security-Policy": content_security_policy(bucket_origins),
            hdrs.CACHE_CONTROL: "no-cache",
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(path, self.show) for path in FILES]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with one of the files."""
        _, content_type = FILES[request.path]
        return web.Response(text=self._texts[request.path], content_type=content_type, headers=self._headers)


def content_security_policy(bucket_origins: Sequence[str]) -> str:
    """Return a policy that lets the page load its own files, call us, and talk to the buckets, and nothing else."""
    origins = " ".join(("'self'", *dict.fromkeys(bucket_origins)))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"connect-src {origins}; img-src {origins}; media-src {origins}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
