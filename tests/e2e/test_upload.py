"""Good uploads through the whole world end as published videos."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.backstage import USER
from tests.e2e.studio import Studio, eventually
from tests.media import program
from vidctl.local import timeline
from vidctl.local.world import LocalWorld

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAY = ["accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted"]


def probe(file: Path) -> dict[str, Any]:
    command = [program("ffprobe"), "-v", "error", "-show_format", "-show_streams", "-of", "json", str(file)]
    shown: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return shown


def atoms(content: bytes) -> list[str]:
    """Return the names of an mp4's outermost boxes."""
    names, at = [], 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4])
        names.append(content[at + 4 : at + 8].decode())
        at += size if size >= 8 else len(content)
    return names


async def fetched(url: str) -> bytes:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 200
        return await answer.read()


OUTPUTS = {
    *("master.m3u8", "manifest.mpd", "video.mp4", "audio.m4a", "poster.jpg", "storyboard.vtt"),
    *("stream/", "storyboard/"),
}


async def test_an_upload_is_published_and_plays_and_nothing_is_left_of_it(studio: Studio, tmp_path: Path) -> None:
    before = await studio.metric("vidctl_videos_published_total")
    video_id = await studio.upload("good")
    video = await studio.published(video_id)
    assert [entry.event for entry in video.timeline] == WAY

    outputs = {output.name: output for output in video.outputs}
    assert set(outputs) == OUTPUTS
    for output in outputs.values():
        if output.name.endswith("/"):
            assert output.url is None
            continue
        assert output.url is not None
        content = await fetched(output.url)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (output.size_bytes, output.sha256)
        (tmp_path / output.name).write_bytes(content)
    shown = probe(tmp_path / "video.mp4")
    assert {stream["codec_name"] for stream in shown["streams"]} == {"h264", "aac"}
    source = probe(studio.clips.get("good"))
    assert float(shown["format"]["duration"]) == pytest.approx(float(source["format"]["duration"]), abs=0.1)
    names = atoms((tmp_path / "video.mp4").read_bytes())
    assert names.index("moov") < names.index("mdat")

    assert await studio.raw.head(studio.raw_key(video_id)) is None
    assert await studio.metric("vidctl_videos_published_total") == before + 1
    await studio.quiet()
    assert [str(job.number) for _, job in studio.tasks(video_id)] == ["1-1"]


async def test_what_is_published_plays_by_its_links_alone(running: LocalWorld, studio: Studio) -> None:
    video_id = await studio.upload("good")
    await studio.published(video_id)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {running.token(USER)}"}) as alice:
        video = await (await alice.get(f"{running.facts.url}/v1/videos/{video_id}")).json()
        playback = video["playback"]
        for role in ("hls", "dash", "mp4", "audio", "poster", "storyboard"):
            assert await fetched(playback[role])
        master = (await fetched(playback["hls"])).decode()
        playlist = urljoin(playback["hls"], next(line for line in master.splitlines() if line.endswith(".m3u8")))
        media = (await fetched(playlist)).decode()
        segment = next(line for line in media.splitlines() if line and not line.startswith("#"))
        assert segment.startswith(running.facts.aws_endpoint_url), "S3 serves it"
        assert b"moof" in (await fetched(segment))[:4096]
        await alice.delete(f"{running.facts.url}/v1/videos/{video_id}")

    async def ended() -> bool:
        async with aiohttp.ClientSession() as http, http.get(playlist) as answer:
            return answer.status == 404

    await eventually(ended)


async def test_several_uploads_at_once_are_all_published(studio: Studio) -> None:
    clips = ("good", "no_audio", "odd", "portrait", "rotated", "good")
    videos = await asyncio.gather(*(studio.upload(clip) for clip in clips))
    await asyncio.gather(*(studio.published(video) for video in videos))
    assert len(set(videos)) == len(clips)
    for video in videos:
        assert len(studio.tasks(video)) == 1


async def test_the_printed_commands_upload_a_file_and_follow_it(
    running: LocalWorld, studio: Studio, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shutil.copy(studio.clips.get("good"), tmp_path / "sample.mp4")
    lines = timeline.invitation(running.facts, tmp_path).splitlines()
    commands = "\n".join(line for line in lines if line.startswith("  "))
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", commands, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await shell.communicate()
    assert shell.returncode == 0, errors.decode()
    assert json.loads(printed)["state"] == "published"


async def test_a_video_is_its_owners_alone(running: LocalWorld, studio: Studio) -> None:
    video_id = await studio.upload("good")
    await studio.published(video_id)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {running.token('mallory')}"}) as mallory:
        foreign = await mallory.get(f"{running.facts.url}/v1/videos/{video_id}")
        unknown = await mallory.get(f"{running.facts.url}/v1/videos/00000000-0000-4000-8000-000000000000")
        assert (foreign.status, unknown.status) == (404, 404)
        assert (await foreign.json())["code"] == (await unknown.json())["code"]
