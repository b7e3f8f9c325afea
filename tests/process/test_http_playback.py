"""What players read, over HTTP, in each way of serving it; the buckets are in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from yarl import URL

from tests.process.http_service import SECRET, Service, bearer, problem
from tests.process.test_http_videos import FIRST, Video
from vidctl import layout
from vidctl.errors import InvalidSettings
from vidctl.http.access.signing import Tokens
from vidctl.http.playback.links import PURPOSE
from vidctl.journal import Journal
from vidctl.records import Cancel
from vidctl.settings import HttpSettings, PlaybackSettings

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nstream/v360/index.m3u8\n"
MEDIA = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.000000,\n00001.m4s\n#EXT-X-ENDLIST\n'
MPD = '<MPD><SegmentTemplate media="stream/$RepresentationID$/$Number%05d$.m4s" /></MPD>'
STORYBOARD = "WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/00001.jpg#xywh=0,0,160,90\n"
DOCUMENTS = {
    "master.m3u8": MASTER,
    "stream/v360/index.m3u8": MEDIA,
    "manifest.mpd": MPD,
    "storyboard.vtt": STORYBOARD,
}
CDN = "https://cdn.example.org"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PEM = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
CLOUDFRONT = PlaybackSettings(
    mode="cloudfront", base_url=CDN, key_pair_id="K123", private_key=SecretStr(PEM), cookie_domain="example.org"
)


class Film(Video):
    """A published video."""

    names = ("master.m3u8", "manifest.mpd", "video.mp4", "poster.jpg", "storyboard.vtt", "stream/", "storyboard/")

    async def show(self) -> dict[str, Any]:
        """Publish it; return what its owner is told of playing it."""
        self.upload()
        await self.launch()
        await self.encode()
        await self.publish()
        for name, text in DOCUMENTS.items():
            self.service.final.put(self.prefix + name, text.encode())
        playback: dict[str, Any] = (await self.read())["playback"]
        return playback

    @property
    def prefix(self) -> str:
        return layout.attempt_prefix(self.key, self.job, FIRST)

    def s3(self, name: str, method: str = "GET", *, until: str = "00:15:00") -> str:
        return f"memory://final-bucket/{self.prefix}{name}?{method}&until={until}"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def fetch(
    service: Service, url: str, name: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> ClientResponse:
    """Ask for what a link leads to, or for something beside it, as a player does: without a token in a header."""
    path = URL(url).path.rpartition("/")[0] + "/" + name if name else URL(url).path
    return await service.client.request(method, URL(path, encoded=True), headers=headers, allow_redirects=False)


# --- signed -------------------------------------------------------------------------------------------------------


async def test_an_owner_is_told_where_his_video_plays_and_until_when(service: Service) -> None:
    playback = await Film(service).show()
    links = {role: url for role, url in playback.items() if role not in ("mode", "expires_at") and url is not None}
    assert links.keys() == {"hls", "dash", "mp4", "poster", "storyboard"}
    assert playback["mode"] == "signed"
    assert playback["audio"] is None
    start = links["hls"].removesuffix("master.m3u8")
    assert start.startswith(f"http://127.0.0.1:{service.port}/v1/playback/")
    assert all(url.startswith(start) for url in links.values())
    left = datetime.fromisoformat(playback["expires_at"]) - service.now
    assert timedelta(hours=12) <= left < timedelta(hours=12, minutes=15)


async def test_nothing_plays_before_it_is_published(service: Service) -> None:
    video = Film(service)
    video.upload()
    assert (await video.read())["playback"] is None


async def test_a_playlist_names_objects_of_s3_that_are_signed_for_as_long_as_the_link(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    assert await (await fetch(service, hls)).text() == MASTER
    answer = await fetch(service, hls, "stream/v360/index.m3u8")
    assert (answer.status, answer.content_type) == (200, "application/vnd.apple.mpegurl")
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    assert await answer.text() == MEDIA.replace("init.mp4", film.s3("stream/v360/init.mp4")).replace(
        "00001.m4s", film.s3("stream/v360/00001.m4s")
    )


async def test_a_playlist_names_us_where_its_signatures_would_not_last(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    service.final.credentials_end = service.now + timedelta(minutes=10)
    assert await (await fetch(service, hls, "stream/v360/index.m3u8")).text() == MEDIA
    service.final.credentials_end = service.now + timedelta(minutes=10, seconds=12)
    assert "memory://" in await (await fetch(service, hls, "stream/v360/index.m3u8")).text()


@pytest.mark.parametrize("name", ["manifest.mpd", "storyboard.vtt"])
async def test_a_manifest_and_a_storyboard_are_as_they_were_made(service: Service, name: str) -> None:
    hls = (await Film(service).show())["hls"]
    assert await (await fetch(service, hls, name)).text() == DOCUMENTS[name]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["video.mp4", "stream/v360/00001.m4s", "stream/s1/subtitles.vtt", "storyboard/1.jpg"])
async def test_everything_else_is_read_from_s3_with_the_method_that_was_asked_with(
    service: Service, name: str, method: str
) -> None:
    film = Film(service)
    answer = await fetch(service, (await film.show())["hls"], name, method=method, headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.headers["Location"]) == (302, film.s3(name, method))
    assert answer.headers["Cache-Control"] == "private, max-age=60"


async def test_pages_of_other_origins_may_read(service: Service) -> None:
    hls = (await Film(service).show())["hls"]
    for name in ("master.m3u8", "video.mp4"):
        answer = await fetch(service, hls, name, headers={"Origin": "https://page.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    allowed = await fetch(service, hls, method="OPTIONS", headers=asked)
    assert (allowed.status, allowed.headers["Access-Control-Allow-Headers"]) == (204, "Range")
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://page.example"
    service.wait(timedelta(hours=13))
    ended = await fetch(service, hls, headers={"Origin": "https://page.example"})
    assert (ended.status, ended.headers["Access-Control-Allow-Origin"]) == (410, "https://page.example")


async def test_only_pages_of_the_named_origins_may_read() -> None:
    ours = "https://page.example"
    async with Service(playback=PlaybackSettings(origins=(ours,))).running() as service:
        hls = (await Film(service).show())["hls"]
        for origin, said in ((ours, ours), ("https://other.example", None)):
            answer = await fetch(service, hls, headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == said
            assert "Origin" in answer.headers["Vary"]


async def test_a_long_playlist_is_compressed(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    text = "#EXTM3U\n" + "#EXTINF:1.0,\n00001.m4s\n" * 900
    service.final.put(film.prefix + "stream/v360/index.m3u8", text.encode())
    answer = await fetch(service, hls, "stream/v360/index.m3u8", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert (await answer.text()).count("memory://") == 900
    assert int(answer.headers["Content-Length"]) < 20_000


async def test_links_of_a_quarter_of_an_hour_are_alike(service: Service) -> None:
    film = Film(service)
    first = await film.show()
    service.wait(timedelta(minutes=1))
    assert (await film.read())["playback"] == first
    service.wait(timedelta(minutes=15))
    assert (await film.read())["playback"]["hls"] != first["hls"]


# --- what does not play -------------------------------------------------------------------------------------------


async def test_a_link_ends(service: Service) -> None:
    hls = (await Film(service).show())["hls"]
    service.wait(timedelta(hours=12, minutes=15))
    for name in ("master.m3u8", "video.mp4"):
        await problem(await fetch(service, hls, name), 410, "token_expired")


async def test_a_token_that_was_changed_is_none_and_one_of_another_purpose_neither(service: Service) -> None:
    hls = (await Film(service).show())["hls"]
    token = hls.split("/")[-2]
    of_another = Tokens([SECRET.encode()], purpose="upload").issue(b"ada", expires_at=service.now + timedelta(hours=1))
    of_nothing = Tokens([SECRET.encode()], purpose=PURPOSE).issue(b"ada", expires_at=service.now + timedelta(hours=1))
    for other in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[1:], "x", of_another, of_nothing):
        await problem(await fetch(service, hls.replace(token, other)), 403, "token_forged")


async def test_a_link_is_good_for_its_own_video_alone(service: Service) -> None:
    hls = (await Film(service).show())["hls"]
    other = Film(service)
    await other.show()
    ways_out = (
        f"../{other.prefix}master.m3u8",
        f"..%2F{other.prefix}master.m3u8",
        "%2E%2E/%2E%2E/manifest.json",
        "stream/..%2F..%2Fmanifest.json",
        "stream/%2e%2e/%2e%2e/manifest.json",
        "stream/%00.m4s",
        "stream//00001.m4s",
        "stream/",
        "stream",
        "%2Fvideo.mp4",
        "stream/x%0A.m4s",
        "progress.json",
        "audio.m4a",
    )
    for name in ways_out:
        answer = await fetch(service, hls, name)
        assert answer.status in (403, 404), name
        assert "Location" not in answer.headers
    await problem(await fetch(service, hls, "stream/v9/index.m3u8"), 404, "not_playable")


async def test_a_deleted_video_stops_within_seconds_before_anything_is_removed(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    assert (await fetch(service, hls)).status == 200
    await film.write(Cancel(key=film.key, at=service.now))
    service.wait(timedelta(seconds=5))
    for name in ("master.m3u8", "stream/v360/index.m3u8", "stream/v360/00001.m4s", "manifest.mpd"):
        await problem(await fetch(service, hls, name), 404, "not_playable")


async def test_a_link_to_what_was_published_before_is_none_to_what_is_published_now(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    published = await Journal(service.final).manifest(film.key)
    assert published is not None
    film.service.raw.put(layout.raw_key(film.key), b"another")
    service.final.put(
        layout.manifest_key(film.key),
        service.final.body(layout.manifest_key(film.key)).replace(  # type: ignore[union-attr]
            film.job.encode(), b"a" * 26
        ),
    )
    service.wait(timedelta(seconds=5))
    await problem(await fetch(service, hls), 404, "not_playable")


async def test_many_viewers_of_a_video_share_one_look_at_its_manifest(service: Service) -> None:
    film = Film(service)
    hls = (await film.show())["hls"]
    assert (await fetch(service, hls, "video.mp4")).status == 302
    service.final.remove(layout.manifest_key(film.key))
    assert (await fetch(service, hls, "video.mp4")).status == 302
    service.wait(timedelta(seconds=5))
    await problem(await fetch(service, hls, "video.mp4"), 404, "not_playable")


async def test_no_log_has_the_token(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    hls = (await Film(service).show())["hls"]
    await fetch(service, hls)
    await fetch(service, hls, "none.mp4")
    said = capfd.readouterr()
    assert hls.split("/")[-2] not in said.out + said.err
    labels = {"route": "/v1/playback/{token}/{name}", "method": "GET", "status": "200"}
    assert service.counted("vidctl_http_requests_total", **labels) == 1


# --- cloudfront ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def cdn() -> AsyncIterator[Service]:
    async with Service(playback=CLOUDFRONT).running() as service:
        yield service


async def test_a_private_distribution_is_read_by_signed_addresses(cdn: Service) -> None:
    film = Film(cdn)
    playback = await film.show()
    place, _, query = playback["mp4"].partition("?")
    assert place == f"{CDN}/{film.prefix}video.mp4"
    assert [part.partition("=")[0] for part in query.split("&")] == [
        "Policy",
        "Signature",
        "Key-Pair-Id",
        "Hash-Algorithm",
    ]
    assert playback["hls"].startswith(f"http://127.0.0.1:{cdn.port}/v1/playback/")

    def signed(name: str) -> str:
        return f"{CDN}/{film.prefix}{name}?"

    assert await (await fetch(cdn, playback["hls"])).text() == MASTER
    media = await (await fetch(cdn, playback["hls"], "stream/v360/index.m3u8")).text()
    assert f'URI="{signed("stream/v360/init.mp4")}Policy=' in media
    assert f"\n{signed('stream/v360/00001.m4s')}Policy=" in media
    manifest = await (await fetch(cdn, playback["dash"])).text()
    assert f'media="{signed("stream/$RepresentationID$/$Number%05d$.m4s")}Policy=' in manifest
    storyboard = await (await fetch(cdn, playback["storyboard"])).text()
    assert f"\n{signed('storyboard/00001.jpg')}Policy=" in storyboard
    assert storyboard.endswith("#xywh=0,0,160,90\n")


async def test_cookies_open_the_plain_addresses_of_one_publication(cdn: Service) -> None:
    film = Film(cdn)
    await film.show()
    answer = await cdn.client.post(f"/v1/videos/{film.key.video_id}/playback-cookies", headers=bearer("ada"))
    playback = (await answer.json())["playback"]
    assert answer.status == 200
    assert playback["hls"] == f"{CDN}/{film.prefix}master.m3u8"
    cookies = answer.headers.getall("Set-Cookie")
    names = ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"]
    assert [cookie.partition("=")[0] for cookie in cookies] == names
    for cookie in cookies:
        words = {word.strip() for word in cookie.split(";")[1:]}
        assert words == {"Domain=example.org", "HttpOnly", f"Path=/{film.prefix}", "SameSite=Lax", "Secure"}
    assert '"' not in "".join(cookies)


async def test_cookies_are_for_the_owner_and_for_what_is_published(cdn: Service) -> None:
    film = Film(cdn)
    film.upload()
    path = f"/v1/videos/{film.key.video_id}/playback-cookies"
    await problem(await cdn.client.post(path, headers=bearer("ada")), 404, "video_not_found")
    await film.show()
    await problem(await cdn.client.post(path, headers=bearer("eve")), 404, "video_not_found")
    await problem(await cdn.client.post(path), 401, "unauthorized")


async def test_without_a_distribution_there_are_no_cookies(service: Service) -> None:
    film = Film(service)
    await film.show()
    path = f"/v1/videos/{film.key.video_id}/playback-cookies"
    await problem(await service.client.post(path, headers=bearer("ada")), 409, "no_cookies")


# --- public, and settings -----------------------------------------------------------------------------------------


async def test_what_is_public_has_plain_addresses_that_never_end() -> None:
    public = PlaybackSettings(mode="public", base_url=CDN)
    async with Service(playback=public, http=HttpSettings()).running() as service:
        film = Film(service)
        playback = await film.show()
        assert playback["hls"] == f"{CDN}/{film.prefix}master.m3u8"
        assert (playback["mode"], playback["expires_at"]) == ("public", None)
        await problem(await fetch(service, f"{CDN}/v1/playback/AAAA/master.m3u8"), 403, "token_forged")


async def test_links_need_a_key_to_be_signed_with() -> None:
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_HTTP_SIGNING_KEYS: must be set"):
        await Service(http=HttpSettings()).app()


async def test_a_key_that_is_none_is_named() -> None:
    wrong = CLOUDFRONT.model_copy(update={"private_key": SecretStr("none")})
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_PLAYBACK_PRIVATE_KEY: is no private key"):
        await Service(playback=wrong).app()
