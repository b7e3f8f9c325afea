"""What is published plays while its bucket is private: through links, from another origin, in every player."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import film
from tests.browser.player import opened
from tests.browser.private import Fading, distribution, linked, private_bucket, publish, statuses
from tests.browser.site import Site
from tests.browser.test_playback import ADAPTIVE, MIDDLE, NATIVE, POSTER, TOLERANCE
from tests.contract.worlds import now
from tests.world.objects import MemoryObjects
from vidctl.s3 import S3Objects
from vidctl.settings import PlaybackSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """S3 serves, by playlists whose segments are signed."""
    async with (
        private_bucket(tmp_path_factory.mktemp("signed"), site.objects, S3Objects) as bucket,
        linked(bucket, site, PlaybackSettings()) as served,
    ):
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redirected(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """S3 serves, and each segment is signed when it is asked for."""
    async with (
        private_bucket(tmp_path_factory.mktemp("redirected"), site.objects, Fading) as bucket,
        linked(bucket, site, PlaybackSettings()) as served,
    ):
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def distributed(site: Site) -> AsyncIterator[Site]:
    """CloudFront serves, by signed policies."""
    bucket = MemoryObjects("final", clock=now)
    await publish(bucket, site.objects)
    async with distribution(site) as cdn, linked(bucket, site, cdn.settings) as served:
        yield served


async def plays(browser: Browser, site: Site, player: str, name: str) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.start()
        await viewer.seek(MIDDLE)
        await viewer.play()
        await viewer.until("page.frame?.number > argument", MIDDLE + film.RATE)
        assert (await viewer.seen())["audio_bytes"] > 0


@pytest.mark.parametrize(("player", "name"), ADAPTIVE + NATIVE)
async def test_a_film_plays_from_a_private_bucket(browser: Browser, signed: Site, player: str, name: str) -> None:
    await plays(browser, signed, player, name)


@pytest.mark.parametrize(("player", "name"), [("hls", "master.m3u8"), ("none", "master.m3u8")])
async def test_a_film_plays_while_each_segment_is_signed_for_itself(
    browser: Browser, redirected: Site, player: str, name: str
) -> None:
    await plays(browser, redirected, player, name)


@pytest.mark.parametrize(("player", "name"), ADAPTIVE[:3])
async def test_a_film_plays_from_a_private_distribution(
    browser: Browser, distributed: Site, player: str, name: str
) -> None:
    await plays(browser, distributed, player, name)


@pytest.mark.parametrize("where", ["signed", "distributed"])
async def test_the_storyboard_and_the_poster_are_pictures(
    browser: Browser, request: pytest.FixtureRequest, where: str
) -> None:
    site: Site = request.getfixturevalue(where)
    async with opened(browser, site, "none", "video.mp4") as viewer:
        cues = await viewer.ask("pictures(video, argument)", site.url("storyboard.vtt"))
        assert abs(cues[-1]["end"] - film.SECONDS) < TOLERANCE
        assert all(cue["x"] + cue["width"] <= cue["whole"]["width"] for cue in cues)
        assert await viewer.ask(POSTER, site.url("poster.jpg")) == list(film.SIZE)


async def test_the_bucket_itself_shows_nothing(signed: Site) -> None:
    assert await statuses(signed.url("video.mp4")) == (200, 403)
