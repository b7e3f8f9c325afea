"""``/v1/playback/{token}/{name}``: what players read; and the cookies for those that read it from CloudFront."""

from __future__ import annotations

from aiohttp import hdrs, web

from vidctl.errors import VidctlError
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.cors import READERS
from vidctl.http.playback import rewriting
from vidctl.http.playback.delivery import CloudFrontDelivery, until
from vidctl.http.playback.links import PREFIX, Link, Links, attempt_of
from vidctl.http.playback.offer import Offer
from vidctl.http.playback.playable import NotPlayable, Playable
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.http.videos.show import named_video
from vidctl.ports import Clock, Objects
from vidctl.settings import PlaybackSettings

DOCUMENTS = {
    ".m3u8": ("application/vnd.apple.mpegurl", rewriting.hls),
    ".mpd": ("application/dash+xml", rewriting.dash),
    "storyboard.vtt": ("text/vtt", rewriting.storyboard),
}
"""By the end of its name, what names other objects, and so comes from us: its type, and how it is rewritten."""

FRESH_SECONDS = 60
"""For how long a player may keep an answer that holds a signature."""

LARGE_BYTES = 64 * 1024
"""Answers above this are compressed in a thread."""


class NoCookies(VidctlError):
    """This deployment does not play by cookies."""

    code = "no_cookies"


class PlaybackRoutes:
    """Serves documents, and sends readers of everything else on to who serves it."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        histories: Histories,
        offer: Offer,
        links: Links,
        playable: Playable,
        final: Objects,
        settings: PlaybackSettings,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._histories = histories
        self._offer = offer
        self._delivery = offer.delivery
        self._links = links
        self._playable = playable
        self._final = final
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        path = PREFIX + "/{token}/{name:.+}"
        return [
            web.get(path, self.show),
            web.options(path, self.allow),
            web.post("/v1/videos/{video_id}/playback-cookies", self.cookies),
        ]

    async def allow(self, request: web.Request) -> web.Response:
        """Answer a browser that asks whether a page may send ``Range``."""
        request[READERS] = self._settings.origins
        asked = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Range",
            hdrs.ACCESS_CONTROL_MAX_AGE: "3600",
        }
        return web.Response(status=204, headers=asked)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Answer with a document, or with where the object is."""
        request[READERS] = (
            self._settings.origins
        )  # of errors, too: a page asks for the video again when a link has expired
        now, name = self._clock(), request.match_info["name"]
        link = self._links.read(request.match_info["token"], now=now)
        await self._playable.check(link, name)
        kept = min(FRESH_SECONDS, until(link, now))
        headers = {hdrs.CACHE_CONTROL: f"private, max-age={kept}", "Cross-Origin-Resource-Policy": "cross-origin"}
        if name.endswith(tuple(DOCUMENTS)):
            return await self._document(request, link, name, headers)
        location = await self._delivery.address(link, name, request.method)
        return web.Response(status=302, headers=headers | {hdrs.LOCATION: location})

    async def _document(
        self, request: web.Request, link: Link, name: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        content_type, rewritten = next(kind for end, kind in DOCUMENTS.items() if name.endswith(end))
        stored = await self._final.get(link.prefix + name)
        if stored is None:
            raise NotPlayable("There is nothing under this link: what was published may be gone, or replaced.")
        text = stored.body.decode()
        place = await self._delivery.place(link, name, text)
        body = (text if place is None else rewritten(text, place)).encode()
        response = web.Response(body=body, content_type=content_type, headers=headers, zlib_executor_size=LARGE_BYTES)
        response.headers.add(hdrs.VARY, hdrs.ACCEPT_ENCODING)
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def cookies(self, request: web.Request) -> web.Response:
        """Answer with plain addresses of the distribution, and the cookies that they need."""
        key = await named_video(request, self._authenticator, Permission.READ)
        if not isinstance(self._delivery, CloudFrontDelivery):
            raise NoCookies("This deployment plays by links alone: take those of the video itself.")
        told = await self._histories.history(key)
        attempt = attempt_of(told.outputs)
        if attempt is None:
            raise VideoNotFound("There is nothing to play of this video.")
        link = self._offer.link(attempt)
        playback = self._offer.told(link, self._delivery.plain(link, self._offer.names(told.outputs)))
        response = web.json_response({"playback": playback})
        for name, value in self._delivery.sign(link).cookies.items():
            response.set_cookie(
                name,
                value,
                domain=self._settings.cookie_domain,
                path=f"/{link.prefix}",
                secure=True,
                httponly=True,
                samesite="Lax",
            )
        return response
