"""Files and programs that want more than they are given, and do not get it. Linux only."""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests import attacks
from tests.media import Clips, program
from tests.workbench import Bench
from vidctl.model import FailureClass
from vidctl.worker.encode import blame
from vidctl.worker.failure import Failed
from vidctl.worker.ffmpeg import command
from vidctl.worker.ffmpeg.command import Command
from vidctl.worker.ffmpeg.confinement import Confinement, Mode
from vidctl.worker.ffmpeg.program import Ended, ignore, run_program
from vidctl.worker.ffmpeg.seccomp import EXEC_FD, REFUSED

GIB = 1024**3
MINUTE = timedelta(minutes=1)


def confinement(mode: Mode = "required", *, memory_bytes: int = GIB, file_bytes: int = GIB) -> Confinement:
    return Confinement(mode=mode, memory_bytes=memory_bytes, file_bytes=file_bytes)


async def run(argv: Command, within: Confinement | None = None, *, on_line: Callable[[str], None] = ignore) -> Ended:
    return await run_program(
        argv, confinement=within or confinement(), deadline=MINUTE, stop_grace=MINUTE, on_line=on_line
    )


@dataclass
class Service:
    """Something on this machine that listens, and counts who calls."""

    port: int = 0
    calls: list[bytes] = field(default_factory=list)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    heard = Service()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.calls.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        heard.port = server.sockets[0].getsockname()[1]
        yield heard


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


# --- files, through the whole worker ------------------------------------------------------------------------------

Forge = Callable[[Clips, Path], bytes]


def pictures(side: int, *, claimed: int) -> Forge:
    return lambda _, path: attacks.motion_picture(
        b"jpeg", attacks.jpeg(path.parent, side, side), width=claimed, height=claimed
    )


def crowd(samples: int, *, rate: int = 1) -> Forge:
    return lambda _, path: attacks.crowded(attacks.jpeg(path.parent, 64, 64), samples, rate=rate)


ATTACKS: dict[str, tuple[Forge, str]] = {
    "a playlist of a local file": (lambda clips, _: attacks.playlist(f"file://{clips.get('good')}"), "not_a_video"),
    "a script of a local file": (lambda clips, _: attacks.script(clips.get("good")), "not_a_video"),
    "media in another file": (
        lambda clips, _: attacks.external(clips.read("no_audio"), clips.get("no_audio")),
        "corrupt",
    ),
    "a picture of 20,000 by 20,000": (pictures(20_000, claimed=20_000), "over_limits"),
    "a picture of 16,000 by 16,000": (pictures(16_000, claimed=16_000), "over_limits"),
    "a picture of 8,000 by 8,000": (pictures(8_000, claimed=8_000), "over_limits"),
    "20,000 by 20,000 as 160 by 160": (pictures(20_000, claimed=160), "corrupt"),
    "16,000 by 16,000 as 160 by 160": (pictures(16_000, claimed=160), "corrupt"),
    "2,147,483,647 samples": (crowd(2**31 - 1), "over_limits"),
    "80,000,000 samples": (crowd(80_000_000), "over_limits"),
    "80,000,000 samples in a second": (crowd(80_000_000, rate=80_000_000), "over_limits"),
    "10,000,000 samples in 3 hours": (crowd(10_000_000, rate=999), "corrupt"),
    "1,000 streams": (lambda clips, path: attacks.many_streams(clips.get("one_frame"), path, 1000), "over_limits"),
    "5,000 boxes in each other": (lambda _, __: attacks.nested(5000), "corrupt"),
    "a remark of 64 MB": (lambda _, __: attacks.talkative(16_000_000), "no_video_stream"),
    "20,000 frames a second": (
        lambda clips, path: attacks.stretched(clips.get("good"), path, seconds=1 / 20_000),
        "over_limits",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_ends_for_good_and_publishes_nothing(name: str, clips: Clips, tmp_path: Path) -> None:
    forge, code = ATTACKS[name]
    bench = Bench(directory=tmp_path / "work", body=forge(clips, tmp_path / "forged.mp4"))

    assert await bench.run() == 65

    result = await bench.result()
    assert result is not None
    assert (result.failure, result.code) == (FailureClass.PERMANENT, code)
    assert result.outputs == ()
    assert not [name for name in bench.uploaded() if not name.endswith(".m4s")]
    assert bench.leftovers == []


async def test_a_playlist_of_an_address_calls_nobody(service: Service, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=attacks.playlist(f"http://127.0.0.1:{service.port}/"))

    assert await bench.run() == 65
    assert service.calls == []


async def test_nine_hours_of_three_frames_are_published_in_the_time_of_three_frames(
    clips: Clips, tmp_path: Path
) -> None:
    body = attacks.stretched(clips.get("slow"), tmp_path / "forged.mp4", seconds=3 * 3600)
    bench = Bench(directory=tmp_path / "work", body=body)

    async with asyncio.timeout(30):
        assert await bench.run() == 0


# --- files, and each wall by itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("forge", [attacks.playlist, lambda url: attacks.script(Path(url.removeprefix("file://")))])
async def test_no_other_format_is_opened_though_the_worker_had_not_looked(
    forge: Callable[[str], bytes], clips: Clips, tmp_path: Path
) -> None:
    path = tmp_path / "source.m3u8"
    path.write_bytes(forge(f"file://{clips.get('good')}"))

    ended = await run(command.inspect(program("ffprobe"), str(path)))

    assert ended.exit_code == 1
    assert "Format not on whitelist" in ended.stderr_tail


@pytest.mark.parametrize(("mode", "calls"), [("required", 0), ("off", 1)])
async def test_an_ffmpeg_that_would_call_somebody_cannot(mode: Mode, calls: int, service: Service) -> None:
    url = f"http://127.0.0.1:{service.port}/"

    ended = await run((program("ffprobe"), "-v", "error", url), confinement(mode))

    assert ended.exit_code == 1
    assert len(service.calls) == calls


async def test_media_in_another_file_are_left_there_unless_asked_for(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(attacks.external(clips.read("no_audio"), clips.get("no_audio")))
    argv = command.decode(program("ffprobe"), str(path))
    asked: list[str] = []
    unasked: list[str] = []

    await run((*argv[:-1], "-enable_drefs", "1", "-use_absolute_path", "1", argv[-1]), on_line=asked.append)
    await run(argv, on_line=unasked.append)

    assert '"nb_read_frames": "30"' in "".join(asked)
    assert '"nb_frames": "30"' in "".join(unasked)
    assert "nb_read_frames" not in "".join(unasked)


# --- programs, without any file -----------------------------------------------------------------------------------


async def says(code: str, within: Confinement | None = None) -> list[str]:
    """Run a few lines of Python as if they were ffmpeg; return what they write."""
    lines: list[str] = []
    ended = await run((sys.executable, "-I", "-S", "-c", code), within, on_line=lines.append)
    assert ended.exit_code == 0, ended.stderr_tail
    return lines


async def test_every_call_of_the_table_is_refused_by_the_kernel() -> None:
    column = ("x86_64", "aarch64").index(platform.machine())
    numbers = {name: n[column] for calls in REFUSED.values() for name, n in calls.items() if n[column] is not None}
    code = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {numbers}.items():
    answer = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if answer != -1 or ctypes.get_errno() != errno.EPERM:
        print(name, answer, ctypes.get_errno())
"""
    assert await says(code) == []


TRIES = {
    "socket.create_connection(('127.0.0.1', PORT))": "PermissionError",
    "socket.socket(socket.AF_UNIX)": "PermissionError",
    "socket.socket(socket.AF_NETLINK)": "PermissionError",
    "os.fork()": "PermissionError",
    "os.execv('/bin/true', ['true'])": "PermissionError",
    "os.execve(os.open('/bin/true', 0), ['true'], {})": "PermissionError",
    f"os.dup2(os.open('/bin/true', 0), {EXEC_FD})": "OSError",
    "os.kill(os.getppid(), 0)": "PermissionError",
    "resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))": "ValueError",
    "resource.setrlimit(resource.RLIMIT_CORE, (1, 1))": "ValueError",
    "os.chown('/', 12345, 12345)": "PermissionError",
    "bytearray(2 * 1024**3)": "MemoryError",
    "[t := threading.Thread(target=print), t.start(), t.join()]": "",
}


@pytest.mark.parametrize("attempt", TRIES)
async def test_a_program_gets_no_further_than_ffmpeg_needs(attempt: str, service: Service) -> None:
    code = f"""
import os, resource, socket, threading
try:
    {attempt.replace("PORT", str(service.port))}
except Exception as error:
    print(type(error).__name__)
"""
    assert await says(code) == [TRIES[attempt]]
    assert service.calls == []


async def test_a_program_has_no_rights_and_leaves_no_core() -> None:
    code = """
import resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*(status[name].strip() for name in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")))
print(resource.getrlimit(resource.RLIMIT_CORE))
"""
    assert await says(code) == ["0000000000000000 0000000000000000 1 2", "(0, 0)"]


async def test_a_program_has_the_default_answer_to_every_signal() -> None:
    code = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('SigIgn')][0])"
    (said,) = await says(code)
    # 1 << 12 and 1 << 24, which Python itself ignores: SIGPIPE and SIGXFSZ. From 32 on signals are the C library's own.
    assert int(said, 16) & 0x7FFFFFFF == 1 << 12 | 1 << 24


WORKER = """
import asyncio, sys
from datetime import timedelta
from vidctl.worker.ffmpeg import confinement, program, launcher
launcher.renounce()  # as in a container: root's rights would keep others off by themselves
if sys.argv[1] == "shielded":
    confinement.shield()
code = '''
import os
for name in ("environ", "mem"):
    try:
        open(f"/proc/{os.getppid()}/{name}", "rb").read(1)
    except PermissionError:
        print("refused")
    except OSError:
        print("open")
    else:
        print("open")
'''
confined = confinement.Confinement(mode="required", memory_bytes=None, file_bytes=1)
minute = timedelta(minutes=1)
asyncio.run(program.run_program(
    (sys.executable, "-I", "-S", "-c", code), confinement=confined, deadline=minute, stop_grace=minute, on_line=print
))
"""


@pytest.mark.parametrize(("worker", "seen"), [("shielded", ["refused", "refused"]), ("bare", ["open", "open"])])
async def test_the_credentials_of_the_worker_are_not_to_be_read(worker: str, seen: list[str]) -> None:
    caller = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, worker, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await caller.communicate()

    assert out.decode().split() == seen


# --- ffmpeg, beyond its limits ------------------------------------------------------------------------------------

_QUIET = (program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y")


def endless(*target: str, size: str = "1280x720") -> Command:
    return (*_QUIET, "-f", "lavfi", "-i", f"testsrc2=s={size}", *target)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize("mebibytes", [64, 128])
async def test_an_encoder_that_is_refused_memory_needs_a_larger_task(codec: str, mebibytes: int) -> None:
    limit = confinement(memory_bytes=mebibytes * 1024**2)

    ended = await run(endless("-c:v", codec, "-frames:v", "60", "-f", "null", "-", size="1920x1080"), limit)

    failure = blame(ended).failure
    assert (failure.failure, failure.code) == (FailureClass.APP, "out_of_memory")


async def test_a_file_that_grows_without_end_is_over_the_limits(tmp_path: Path) -> None:
    target = tmp_path / "endless.yuv"

    ended = await run(endless("-f", "rawvideo", str(target)), confinement(file_bytes=5_000_000))

    failure = blame(ended).failure
    assert (failure.failure, failure.code) == (FailureClass.PERMANENT, "over_limits")
    assert target.stat().st_size == 5_000_000


async def test_processor_time_ends_though_nobody_looks_at_the_clock() -> None:
    prefix = confinement().prefix(deadline=timedelta(0))
    process = await asyncio.create_subprocess_exec(*prefix, *endless("-f", "null", "-"))

    ended = Ended(exit_code=await process.wait(), stderr_tail="")

    failure = blame(ended).failure
    assert (failure.failure, failure.code) == (FailureClass.APP, "deadline")


async def test_a_script_cannot_be_confined_and_the_configuration_is_at_fault(tmp_path: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    with pytest.raises(Failed) as raised:
        await run((str(script),))

    assert (raised.value.failure.failure, raised.value.failure.code) == (FailureClass.CONFIGURATION, "ffmpeg_broken")
    assert f"{script} cannot be confined and started" in raised.value.failure.detail
