"""``make big``: upload a film of 1 GiB in parts, resume it on another machine after a crash, and see it published.

Exit status: 0 if all of it is as it must be; otherwise an assertion says what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from time import monotonic

from tests import backstage
from tests.backstage import USER
from tests.big.film import Film, etag, etag_of_all
from tests.big.sender import Sender, sender
from tests.e2e.machine import QUICK, ROOT, free_port, now
from tests.e2e.studio import Studio
from tests.media import Clips
from vidctl.local import client, world
from vidctl.local.world import LocalWorld, WorldSetup

MIB = 1024**2
PATIENCE = timedelta(minutes=10)


async def main() -> int:
    """Run it once."""
    parser = argparse.ArgumentParser(prog="make big", description=__doc__)
    parser.add_argument(
        "--mib", type=int, default=1024, help="size of the film; ministack keeps twice as much in memory"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vidctl-big-") as scratch:
        directory = Path(scratch)
        setup = WorldSetup(
            directory=directory / "world",
            template=ROOT / "deploy" / "storage.yaml",
            ministack=str(ROOT / ".emulator" / "bin" / "ministack"),
            http_port=free_port(),
            aws_port=free_port(),
            inherited=QUICK,
        )
        async with world.running(setup, clock=now, ids=os.urandom) as up:
            await _through(up, Clips(directory / "clips"), arguments.mib * MIB)
    return 0


async def _through(up: LocalWorld, clips: Clips, size_bytes: int) -> None:
    await up.serve()
    url, token, began = up.facts.url, up.token(USER), monotonic()
    async with sender(url, token) as first:
        video_id, film = await _begin(first, await asyncio.to_thread(clips.read, "good"), size_bytes)
        half = film.numbers[: len(film.numbers) // 2]
        await first.send(video_id, film, half)
        await first.break_off(video_id, film, half[-1] + 1)
    _say(f"sent {len(half)} of {len(film.numbers)} parts and half of another in {monotonic() - began:.0f} s; killing")
    async with (
        backstage.clients_of(up) as clients,
        client.opened(url=url, token=token) as api,
        # Another machine, which has the token and the video's id, and the file.
        sender(url, token) as second,
    ):
        studio = Studio(world=up, clients=clients, api=api, clips=clips, clock=now)
        await studio.kill_service()
        await up.serve()
        await _resume(second, video_id, film, tuple(half))
        _say(f"resumed with the {len(second.sent)} others, put together after {monotonic() - began:.0f} s")
        await _published(studio, video_id)
        service = up.service
        _say(f"published after {monotonic() - began:.0f} s")
        _say(f"most memory: vidctl serve {_peak_mib(service.program.pid if service else None)} MiB, since the crash")
        _say(f"             emulator {_peak_mib(up.emulator.pid)} MiB")


async def _begin(client_: Sender, clip: bytes, size_bytes: int) -> tuple[str, Film]:
    wanted = {"filename": "film.mp4", "content_type": "video/mp4", "size": size_bytes, "multipart": True}
    begun = await client_.call("POST", "/v1/uploads", wanted)
    film = Film(clip=clip, size_bytes=size_bytes, part_bytes=begun["multipart"]["part_size"])
    assert begun["multipart"]["part_count"] == len(film.numbers)
    return begun["video_id"], film


async def _resume(client_: Sender, video_id: str, film: Film, there: tuple[int, ...]) -> None:
    path = f"/v1/uploads/{video_id}"
    listed = await client_.call("GET", f"{path}/parts")
    assert {part["number"] for part in listed["parts"]} == set(there), "half a part counts, or a whole one does not"
    await client_.send(video_id, film, (number for number in film.numbers if number not in there))
    listed = await client_.call("GET", f"{path}/parts")
    etags = []
    for part, number in zip(listed["parts"], film.numbers, strict=True):
        content = await asyncio.to_thread(film.part, number)
        etags.append(await asyncio.to_thread(etag, content))
        assert (part["number"], part["etag"], part["size"]) == (number, etags[-1], len(content))
    done = [await client_.call("POST", f"{path}/complete") for _ in range(2)]
    assert done[0] == done[1]
    assert done[0]["etag"] == etag_of_all(etags)


async def _published(studio: Studio, video_id: str) -> None:
    async with asyncio.timeout(PATIENCE.total_seconds()), aclosing(studio.api.follow(video_id)) as reports:
        async for video in reports:
            assert video.failure is None, video.failure
            if video.happened("raw_deleted"):
                break
    events = [event.event for event in video.timeline]
    assert events.count("uploaded") == events.count("published") == 1
    await studio.quiet()


def _peak_mib(pid: int | None) -> int:
    """Return the most memory that a process has had (proc(5), ``VmHWM``)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
