"""What is published plays in a real browser, in the players that people use."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser

from tests.browser import film
from tests.browser.player import Player, opened
from tests.browser.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADAPTIVE = [("hls", "master.m3u8"), ("dash", "manifest.mpd"), ("shaka", "manifest.mpd"), ("shaka", "master.m3u8")]
NATIVE = [("none", "master.m3u8"), ("none", "video.mp4")]
MIDDLE = film.FRAMES // 2
LAST = film.FRAMES - 1
TOLERANCE = 1 / film.RATE
"""Seconds by which a track may be longer than the film: an AAC frame lasts 21 ms."""

with_every_player = pytest.mark.parametrize(("player", "name"), ADAPTIVE + NATIVE)
with_every_adaptive_player = pytest.mark.parametrize(("player", "name"), ADAPTIVE)


# On a busy machine a frame may be late now and then. It is no stream's fault as long as there is such a row, however
# often the film has to be played.
TWO_SECONDS_WHOLE = """{
  if (video.ended) video.play();
  let row = 1;
  const follows = ({ number }, at, frames) => (row = number === frames[at - 1]?.number + 1 ? row + 1 : 1);
  return page.frames.some((...frame) => follows(...frame) >= argument);
}"""


def misplaced(frames: list[tuple[float, int | None]]) -> list[tuple[float, int | None]]:
    """Return the frames that were on show at another time than the film has them.

    While a film plays, the next frame may be there before the page has read this one.
    """
    return [(at, number) for at, number in frames if number is None or number - round(at * film.RATE) not in {0, 1}]


def short_sides(site: Site) -> set[int]:
    """Return the short side of every video rendition that is published."""
    return {int(found[1]) for name in site.objects if (found := re.match(r"stream/v(\d+)/init\.mp4", name))}


@with_every_player
async def test_a_film_plays_smoothly_from_its_first_frame_on(
    browser: Browser, site: Site, player: str, name: str
) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.start()
        assert (await viewer.frames())[0] == (0, 0)
        # Across the end of the first segment.
        await viewer.seek(5 * film.RATE)
        await viewer.play()
        await viewer.until(TWO_SECONDS_WHOLE, 2 * film.RATE)

        assert misplaced(await viewer.frames()) == []
        seen = await viewer.seen()
        assert seen["audio_bytes"] > 0
        assert abs(seen["duration"] - film.SECONDS) < TOLERANCE


@with_every_player
async def test_a_seek_shows_the_very_frame_and_the_end_is_the_last_one(
    browser: Browser, site: Site, player: str, name: str
) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.start()
        for frame in (MIDDLE, 1, 6 * film.RATE - 1, 6 * film.RATE, LAST - 15):
            await viewer.seek(frame)
        await viewer.play()
        await viewer.until("video.ended")
        await viewer.until("page.frame.number === argument", LAST)


@with_every_adaptive_player
async def test_each_rendition_can_be_chosen_while_the_film_goes_on(
    browser: Browser, site: Site, player: str, name: str
) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.start()
        renditions = await viewer.ask("player.renditions()")
        assert {min(size.values()) for size in renditions} == short_sides(site)
        smooth: set[int] = set()
        # Whoever chooses what is on show already changes nothing; and a busy machine may stall, but not every time.
        for chosen in [*range(len(renditions))] * 8:
            if await changed_without_a_stall(viewer, chosen, renditions[chosen]):
                smooth.add(chosen)
            if len(smooth) == len(renditions):
                break
        assert smooth == set(range(len(renditions)))
        assert misplaced(await viewer.frames()) == []


async def changed_without_a_stall(viewer: Player, chosen: int, size: dict[str, int]) -> bool:
    """Choose a rendition in the middle of the film, and wait until it is on show and goes on."""
    await viewer.pause()
    await viewer.seek(MIDDLE)
    await viewer.play()
    before = await viewer.seen()
    await viewer.ask("player.choose(argument)", chosen)
    await viewer.until("page.frame.width === argument.width && page.frame.height === argument.height", size)
    await viewer.until("page.frame.mediaTime > argument", await viewer.ask("page.frame.mediaTime + 0.4"))
    after = await viewer.seen()
    return bool(after["width"] != before["width"] and after["stalls"] == before["stalls"])


@with_every_adaptive_player
async def test_a_viewer_may_choose_among_the_languages_and_read_the_subtitles(
    browser: Browser, site: Site, player: str, name: str
) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.start()
        assert await viewer.ask("player.sounds()") == ["en", "de"]
        assert await viewer.ask("player.texts()") == ["en"]
        await viewer.ask("player.show(0)")
        # Of HLS, Shaka Player gives the cues to the browser only while the film plays.
        await viewer.play()
        await viewer.until("[...video.textTracks].some((track) => track.cues?.length >= argument)", len(film.CUES))


@pytest.mark.parametrize(("player", "name"), [("none", "audio.m4a"), ("hls", "stream/a1/index.m3u8")])
async def test_the_sound_plays_alone(browser: Browser, site: Site, player: str, name: str) -> None:
    async with opened(browser, site, player, name) as viewer:
        await viewer.play()
        await viewer.until("video.currentTime > 1")
        assert (await viewer.seen())["audio_bytes"] > 0


POSTER = """{
  const image = Object.assign(new Image(), { src: argument });
  return image.decode().then(() => [image.naturalWidth, image.naturalHeight]);
}"""


async def test_the_storyboard_and_the_poster_are_pictures(browser: Browser, site: Site) -> None:
    async with opened(browser, site, "none", "video.mp4") as viewer:
        cues = await viewer.ask("pictures(video, argument)", site.url("storyboard.vtt"))
        assert cues[0]["start"] == 0
        assert abs(cues[-1]["end"] - film.SECONDS) < TOLERANCE
        assert all(cue["x"] + cue["width"] <= cue["whole"]["width"] for cue in cues)
        assert all(cue["y"] + cue["height"] <= cue["whole"]["height"] for cue in cues)
        assert await viewer.ask(POSTER, site.url("poster.jpg")) == list(film.SIZE)
