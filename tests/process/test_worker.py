"""One job from start to finish, and every way in which it can end, with the real ffmpeg and buckets in memory."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.media import Clips, program
from tests.workbench import KEY, NOON, SLOW, Bench, ffprobe, refuse
from vidctl import layout, progress
from vidctl.errors import AccessDenied, Throttled, Unavailable
from vidctl.groups import TaskGroup
from vidctl.model import AttemptNumber, FailureClass, TaskSpec
from vidctl.records import Cancel, Dead, Intent, Manifest, Record, Result
from vidctl.worker.ffmpeg import launcher
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.ffmpeg.program import run_program
from vidctl.worker.recipes.profile import parse


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


@pytest.fixture
def bench(clips: Clips, tmp_path: Path) -> Bench:
    return Bench(directory=tmp_path / "work", body=clips.read("good"))


@pytest.fixture
def long(clips: Clips, tmp_path: Path) -> Bench:
    """A job that takes seconds, so that something can happen in the middle."""
    return Bench(directory=tmp_path / "work", body=clips.read("long"))


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Make a program that stands in for ffmpeg."""

    def make(text: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


async def written(bench: Bench) -> Result:
    result = await bench.result()
    assert result is not None
    return result


async def encoding(bench: Bench) -> None:
    """Wait until ffmpeg is at work, as the progress object says."""
    while True:
        progress = bench.progress()
        if progress is not None and progress.stage == "encode" and progress.ratio > 0:
            return
        await asyncio.sleep(0.01)


def objects_but_progress(bench: Bench) -> list[str]:
    return [key for key in bench.final.keys("") if not key.endswith("progress.json")]


# --- success ------------------------------------------------------------------------------------------------------


async def test_the_result_names_outputs_that_the_reconciler_finds(bench: Bench) -> None:
    assert await bench.run() == 0

    result = await written(bench)
    prefix = layout.attempt_prefix(KEY, bench.job.job, bench.job.number)
    assert [(output.name, output.content_type) for output in result.outputs] == [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("manifest.mpd", "application/dash+xml"),
        ("video.mp4", "video/mp4"),
        ("audio.m4a", "audio/mp4"),
        ("poster.jpg", "image/jpeg"),
        ("storyboard.vtt", "text/vtt"),
        ("stream/", "application/x-directory"),
        ("storyboard/", "application/x-directory"),
    ]
    assert all(output.key == prefix + output.name for output in result.outputs)
    assert all(bench.holds(output) for output in result.outputs)


async def test_the_result_tells_what_the_source_was_and_how_long_each_stage_took(bench: Bench) -> None:
    await bench.run()

    result = await written(bench)
    assert result.media is not None
    assert (result.media.width, result.media.height, result.media.video_codec) == (160, 90, "h264")
    assert (result.media.audio_codec, result.media.audio_channels) == ("aac", 1)
    assert list(result.stage_seconds) == list(progress.STAGES)
    assert all(seconds >= 0 for seconds in result.stage_seconds.values())
    assert (result.started_at, result.at) == (NOON, NOON)


async def test_nothing_else_is_written_and_the_raw_object_stays(bench: Bench) -> None:
    await bench.run()

    result = await written(bench)
    record = f"jobs/{KEY}/{bench.job.job}/result-01-002.json"
    keys = tuple(output.key for output in result.outputs)
    assert record in objects_but_progress(bench)
    assert not [key for key in objects_but_progress(bench) if key != record and not key.startswith(keys)]
    assert bench.raw.keys() == (bench.job.source.key,)


async def test_a_source_that_was_kept_is_read_where_it_is_kept(bench: Bench) -> None:
    kept = layout.kept_key(KEY, bench.job.job)
    etag = bench.raw.put(kept, bench.body, etag="another-2")
    bench.raw.remove(bench.job.source.key)
    bench.job = replace(bench.job, source=replace(bench.job.source, key=kept, etag=etag))

    assert await bench.run() == 0


async def test_progress_rises_while_ffmpeg_works(long: Bench) -> None:
    async with TaskGroup() as group:
        running = group.create_task(long.run())
        await encoding(long)
        early = long.progress()
        await running

    late = long.progress()
    assert early is not None
    assert late is not None
    assert 0 < early.ratio <= 1
    assert early.number == long.job.number
    assert (early.stage, early.at) == ("encode", NOON)
    order = list(progress.STAGES)
    assert (order.index(late.stage), late.ratio) > (order.index(early.stage), early.ratio)


async def test_progress_is_not_written_more_often_than_asked(bench: Bench) -> None:
    await bench.run(progress=timedelta(hours=1))

    assert bench.progress() is None


# --- the store ----------------------------------------------------------------------------------------------------


async def test_a_source_that_changed_is_not_read(bench: Bench) -> None:
    bench.raw.put(bench.job.source.key, b"something else")

    assert await bench.run() == 75

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.INFRASTRUCTURE, "source_changed")


async def test_a_source_that_is_gone_is_no_fault_of_the_input(bench: Bench) -> None:
    bench.raw.remove(bench.job.source.key)

    assert await bench.run() == 75

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.INFRASTRUCTURE, "source_gone")
    assert bench.leftovers == []


@pytest.mark.parametrize(
    ("error", "exit_code", "failure"),
    [
        (Unavailable("no answer"), 75, FailureClass.INFRASTRUCTURE),
        (Throttled("slow down"), 75, FailureClass.THROTTLE),
        (AccessDenied("not yours"), 78, FailureClass.CONFIGURATION),
    ],
)
@pytest.mark.parametrize("operation", ["objects.read_range", "objects.upload_file"])
async def test_a_store_that_refuses_is_told_from_a_bad_input(
    bench: Bench, operation: str, error: Exception, exit_code: int, failure: FailureClass
) -> None:
    fault = refuse(operation, error)

    assert await bench.run(raw=fault, final=fault) == exit_code

    result = await written(bench)
    assert result.failure is failure
    assert str(error) in result.detail
    assert bench.leftovers == []


@pytest.mark.parametrize("operation", ["objects.read_range", "objects.upload_file", "objects.create"])
async def test_a_store_that_recovers_costs_nothing(bench: Bench, operation: str) -> None:
    fault = refuse(operation, Unavailable("no answer"), times=2)

    assert await bench.run(raw=fault, final=fault) == 0


async def test_a_job_that_the_disk_cannot_hold_ends_before_its_work_begins_with_both_figures(bench: Bench) -> None:
    assert await bench.run(max_disk=60 * 1024**2) == 75

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "disk_full")
    assert result.detail.startswith("the job needs ")
    assert f"has {60 * 1024**2}" in result.detail
    assert list(result.stage_seconds) == ["download", "probe"]
    assert bench.leftovers == []


async def test_progress_that_cannot_be_written_holds_nothing_up(bench: Bench) -> None:
    assert await bench.run(final=refuse("objects.overwrite", AccessDenied("not yours"))) == 0
    assert bench.progress() is None


# --- the result ---------------------------------------------------------------------------------------------------


async def test_a_result_that_an_earlier_run_of_the_attempt_wrote_stays(bench: Bench) -> None:
    await bench.run()
    first = await written(bench)

    assert await bench.run() == 0

    assert await written(bench) == first


async def test_a_result_whose_reply_is_lost_was_written(bench: Bench) -> None:
    @asynccontextmanager
    async def lose_the_reply(operation: str) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        yield
        if operation == "objects.create":
            raise Unavailable("no answer")

    assert await bench.run(final=lose_the_reply) == 0
    assert (await written(bench)).code == "ok"


async def test_a_success_that_cannot_be_recorded_is_none(bench: Bench) -> None:
    assert await bench.run(final=refuse("objects.create", Unavailable("no answer"))) == 75
    assert await bench.result() is None


async def test_the_exit_code_still_tells_of_a_bad_input_whose_result_cannot_be_written(
    clips: Clips, tmp_path: Path
) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("text"))

    assert await bench.run(final=refuse("objects.create", Unavailable("no answer"))) == 65


# --- limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_duration": timedelta(seconds=0.5)}, "1 seconds, and at most 0.5"),
        ({"max_pixels": 14_000}, "14400 pixels in a picture, and at most 14000"),
        ({"max_streams": 1}, "2 streams, and at most 1"),
    ],
)
async def test_an_input_over_a_limit_is_refused_with_the_limit(bench: Bench, limit: dict[str, Any], words: str) -> None:
    assert await bench.run(**limit) == 65

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.PERMANENT, "over_limits")
    assert words in result.detail
    assert result.media is not None


async def test_a_picture_larger_than_wanted_is_made_smaller(bench: Bench) -> None:
    assert await bench.run(profile=parse("video: {ladder: [{short_side: 44, max_bitrate: 100000}]}")) == 0

    (picture, _) = ffprobe(bench.write() / "video.mp4")["streams"]
    assert (picture["width"], picture["height"]) == (78, 44)
    # The media of the Result are the source's.
    result = await written(bench)
    assert result.media is not None
    assert result.media.height == 90


async def test_a_disk_that_is_too_small_is_seen_before_anything_is_read(bench: Bench) -> None:
    bench.job = replace(bench.job, source=replace(bench.job.source, size_bytes=10**18))

    assert await bench.run(raw=refuse("objects.read_range", AssertionError("read"))) == 75

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "disk_full")


async def test_a_directory_that_cannot_be_made_is_a_wrong_setting(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench.directory = tmp_path / "file" / "work"

    assert await bench.run() == 78

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.CONFIGURATION, "no_directory")
    assert "VIDCTL_WORKER_DIRECTORY" in result.detail


# --- ffmpeg -------------------------------------------------------------------------------------------------------


async def test_without_ffmpeg_the_configuration_is_at_fault(bench: Bench) -> None:
    assert await bench.run(ffmpeg="/nowhere/ffmpeg") == 78

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.CONFIGURATION, "ffmpeg_missing")
    assert "VIDCTL_WORKER_FFMPEG" in result.detail


@pytest.mark.parametrize("setting", ["ffmpeg", "ffprobe"])
@pytest.mark.parametrize("exit_code", [126, 127])
async def test_an_ffmpeg_that_cannot_be_started_is_not_the_inputs_fault(
    bench: Bench, script: Callable[[str], str], setting: str, exit_code: int
) -> None:
    broken: dict[str, Any] = {
        setting: script(f"echo 'libavdevice.so.59: cannot open shared object file' >&2; exit {exit_code}")
    }

    assert await bench.run(**broken) == 78

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.CONFIGURATION, "ffmpeg_broken")
    assert "libavdevice.so.59" in result.detail


async def test_an_ffprobe_that_is_killed_ran_out_of_memory(bench: Bench, script: Callable[[str], str]) -> None:
    assert await bench.run(ffprobe=script("kill -KILL $$")) == 70

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "out_of_memory")
    assert "ffprobe" in result.detail


@pytest.mark.parametrize(
    ("text", "exit_code", "code"),
    [
        ("kill -KILL $$", 70, "out_of_memory"),
        ("kill -SEGV $$", 70, "ffmpeg_crashed"),
        ("echo out of ideas >&2; exit 1", 70, "ffmpeg_failed"),
        ("echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1", 75, "disk_full"),
        ("exec sleep 100", 70, "deadline"),
    ],
)
async def test_an_ffmpeg_that_fails_on_a_good_input_is_the_apps_fault(
    bench: Bench, script: Callable[[str], str], text: str, exit_code: int, code: str
) -> None:
    assert await bench.run(ffmpeg=script(text), deadline=timedelta(seconds=1)) == exit_code

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, code)
    assert bench.leftovers == []


@pytest.mark.parametrize(
    "hang",
    [
        "exec sleep 100",
        # As ffmpeg 7 and later, whose own clock goes on to report what its threads did.
        "while :; do printf 'frame=7\\nout_time_us=300000\\nprogress=continue\\n'; sleep 0.05; done",
    ],
)
async def test_an_ffmpeg_that_comes_no_further_is_stopped_with_the_figures(
    bench: Bench, script: Callable[[str], str], hang: str
) -> None:
    real = shlex.quote(program("ffmpeg"))
    progress = r"printf 'frame=7\nout_time_us=300000\nprogress=continue\n'"
    stuck = script(f'case "$*" in *ebur128*) exec {real} "$@";; esac; {progress}; {hang}')

    async with asyncio.timeout(20):
        assert await bench.run(ffmpeg=stuck, stall=timedelta(seconds=0.5)) == 70

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "stalled")
    assert "0.3 s and 7 frames" in result.detail
    assert "0:00:00.5" in result.detail
    assert bench.leftovers == []


async def test_a_measurement_that_comes_no_further_is_stopped_too(bench: Bench, script: Callable[[str], str]) -> None:
    real = shlex.quote(program("ffmpeg"))
    stuck = script(f'case "$*" in *ebur128*) exec sleep 100;; esac; exec {real} "$@"')

    async with asyncio.timeout(20):
        assert await bench.run(ffmpeg=stuck, stall=timedelta(seconds=0.5)) == 70

    assert (await written(bench)).code == "stalled"


async def test_an_ffmpeg_that_is_slow_is_left_alone(bench: Bench, script: Callable[[str], str]) -> None:
    real = shlex.quote(program("ffmpeg"))
    slow = script(
        'case "$*" in *progress*frag*) for i in 1 2 3 4 5 6 7 8; do echo frame=$i; sleep 0.2; done;; esac; '
        f'exec {real} "$@"'
    )

    assert await bench.run(ffmpeg=slow, stall=timedelta(seconds=1.5)) == 0


async def test_a_poster_that_takes_for_ever_is_not_waited_for(bench: Bench, script: Callable[[str], str]) -> None:
    real = shlex.quote(program("ffmpeg"))
    hangs = script(f'case "$*" in *still0.jpg*) exec sleep 100;; esac; exec {real} "$@"')

    async with asyncio.timeout(20):
        assert await bench.run(ffmpeg=hangs, stall=timedelta(seconds=1.5)) == 70

    assert (await written(bench)).code == "deadline"


async def test_the_end_of_what_ffmpeg_complained_of_is_kept(bench: Bench, script: Callable[[str], str]) -> None:
    await bench.run(ffmpeg=script("seq 1 20000 >&2; echo the last words >&2; exit 1"))

    tail = (await written(bench)).stderr_tail
    assert tail.endswith("19999\n20000\nthe last words\n")
    assert 3000 < len(tail) <= 4096


async def test_an_output_that_is_too_short_is_no_success_though_ffmpeg_says_so(
    bench: Bench, script: Callable[[str], str]
) -> None:
    lossy = script(f'exec {shlex.quote(program("ffmpeg"))} -t 0.4 "$@"')

    assert await bench.run(ffmpeg=lossy) == 70

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "verify_failed")
    assert "1.00 s (30 frames) claimed, 0.4" in result.detail


@pytest.mark.parametrize(("exit_code", "code"), [(69, "ffmpeg_failed"), (0, "poster_failed")])
async def test_a_poster_that_cannot_be_made_is_not_the_inputs_fault(
    bench: Bench, script: Callable[[str], str], exit_code: int, code: str
) -> None:
    real = shlex.quote(program("ffmpeg"))
    no_posters = script(f'case "$*" in *still?.jpg) exit {exit_code};; esac; exec {real} "$@"')

    assert await bench.run(ffmpeg=no_posters) == 70

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, code)


async def test_a_poster_that_cannot_be_made_is_no_news_of_tracks_that_are_wrong(
    bench: Bench, script: Callable[[str], str]
) -> None:
    real = shlex.quote(program("ffmpeg"))
    short = script(f'case "$*" in *still?.jpg) exit 1;; esac; exec {real} -t 0.4 "$@"')

    assert await bench.run(ffmpeg=short) == 70

    assert (await written(bench)).code == "verify_failed"


async def test_a_storyboard_of_which_a_sheet_is_missing_is_not_published(
    bench: Bench, script: Callable[[str], str]
) -> None:
    real = shlex.quote(program("ffmpeg"))
    no_sheets = script(f'case "$*" in *tile=*) exit 0;; esac; exec {real} "$@"')

    assert await bench.run(ffmpeg=no_sheets) == 70

    assert (await written(bench)).code == "storyboard_failed"


SECRET = "wJalrXUt-nFEMI"


class Bare(Confinement):
    """A program that is started without the launcher, which would take its environment away once more."""

    def prefix(self, *, deadline: timedelta) -> tuple[str, ...]:
        return ()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.mark.usefixtures("credentials")
async def test_ffmpeg_gets_no_credentials(bench: Bench, script: Callable[[str], str], tmp_path: Path) -> None:
    seen = tmp_path / "environment"

    await bench.run(ffmpeg=script(f"env > {seen}; exit 1"))

    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names <= {"PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.usefixtures("credentials")
async def test_not_even_the_launcher_of_ffmpeg_gets_credentials() -> None:
    seen: list[str] = []
    minute = timedelta(minutes=1)
    bare = Bare(mode="off", memory_bytes=None, file_bytes=1)

    await run_program(("env",), confinement=bare, deadline=minute, stop_grace=minute, on_line=seen.append)

    assert seen == []


async def test_the_launcher_hands_no_credentials_on() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), "--", shutil.which("env") or "env"),
        env={"AWS_SECRET_ACCESS_KEY": SECRET},
        stdout=asyncio.subprocess.PIPE,
    )

    out, _ = await process.communicate()

    assert (process.returncode, out) == (0, b"")


# --- interruption -------------------------------------------------------------------------------------------------


async def test_an_interrupted_worker_says_so_and_leaves_nothing(long: Bench) -> None:
    async with TaskGroup() as group:
        running = group.create_task(long.run(profile=SLOW))
        await encoding(long)
        long.interrupted.set()
        async with asyncio.timeout(4):
            assert await running == 75

    result = await written(long)
    assert (result.failure, result.code) == (FailureClass.INFRASTRUCTURE, "interrupted")
    assert result.media is not None
    assert set(result.stage_seconds) == {"download", "probe", "encode"}
    assert long.leftovers == []


async def test_an_ffmpeg_that_ignores_the_signal_does_not_cost_the_result(
    bench: Bench, script: Callable[[str], str], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    deaf = script(f"trap '' TERM; touch {started}; while :; do sleep 0.1; done")
    async with TaskGroup() as group:
        running = group.create_task(bench.run(ffmpeg=deaf))
        while not started.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        bench.interrupted.set()
        async with asyncio.timeout(4):
            assert await running == 75

    assert (await written(bench)).code == "interrupted"


async def test_an_interrupted_worker_does_not_wait_for_a_store_that_hangs(bench: Bench) -> None:
    @asynccontextmanager
    async def hang(operation: str) -> AsyncIterator[None]:
        if operation in ("objects.upload_file", "objects.create"):
            bench.interrupted.set()
            await asyncio.Event().wait()
        yield

    async with asyncio.timeout(10):
        assert await bench.run(final=hang, grace=timedelta(seconds=0.4)) == 75

    assert await bench.result() is None


async def test_a_cancelled_worker_leaves_no_files(long: Bench) -> None:
    running = asyncio.ensure_future(long.run(profile=SLOW))
    await encoding(long)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running

    assert long.leftovers == []


async def test_what_nobody_foresaw_ends_the_process_without_a_result(bench: Bench) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await bench.run(final=refuse("objects.upload_file", ZeroDivisionError("a defect")))

    assert raised.group_contains(ZeroDivisionError)
    assert await bench.result() is None
    assert bench.leftovers == []


# --- the fence ----------------------------------------------------------------------------------------------------


def intent(bench: Bench, number: AttemptNumber) -> Intent:
    task = TaskSpec(
        task_definition="worker",
        container="worker",
        cpu_units=1024,
        memory_mib=2048,
        ephemeral_gib=None,
        capacity_provider=None,
        subnets=(),
        security_groups=(),
        assign_public_ip=False,
        environment=(),
    )
    job = bench.job
    return Intent(key=KEY, job=job.job, number=number, created_at=NOON, source=job.source, size=0, task=task)


def dead(bench: Bench) -> Dead:
    job = bench.job
    return Dead(
        key=KEY,
        job=job.job,
        round=1,
        at=NOON,
        failure=FailureClass.APP,
        code="crashed",
        detail="",
        attempts=3,
        source=job.source,
    )


def manifest(bench: Bench) -> Manifest:
    return Manifest(
        key=KEY,
        job=bench.job.job,
        number=AttemptNumber(1, 1),
        source_etag=bench.job.source.etag,
        uploaded_at=NOON,
        published_at=NOON,
        outputs=(),
    )


@pytest.mark.parametrize(
    "record",
    [lambda _: Cancel(key=KEY, at=NOON), dead, lambda bench: intent(bench, AttemptNumber(1, 3))],
    ids=["cancelled", "dead", "later attempt"],
)
async def test_an_attempt_that_is_not_wanted_does_nothing_at_all(
    bench: Bench, record: Callable[[Bench], Record]
) -> None:
    await bench.journal.write(record(bench))
    before = bench.final.keys()

    assert await bench.run(raw=refuse("objects.read_range", AssertionError("read"))) == 75

    assert bench.final.keys() == before


async def test_an_attempt_of_a_published_job_does_nothing(bench: Bench) -> None:
    await bench.journal.publish(manifest(bench), replacing=None)
    before = bench.final.keys()

    assert await bench.run(raw=refuse("objects.read_range", AssertionError("read"))) == 75

    assert bench.final.keys() == before


async def test_an_attempt_that_is_overtaken_stops_within_the_fence_period(long: Bench) -> None:
    async with TaskGroup() as group:
        running = group.create_task(long.run(profile=SLOW, fence=timedelta(seconds=0.05)))
        await encoding(long)
        await long.journal.write(intent(long, AttemptNumber(2, 1)))
        async with asyncio.timeout(4):
            assert await running == 75

    assert await long.result() is None
    assert long.leftovers == []


async def test_its_own_records_do_not_stop_an_attempt(bench: Bench) -> None:
    await bench.journal.write(intent(bench, AttemptNumber(1, 1)))
    await bench.journal.write(intent(bench, bench.job.number))

    assert await bench.run(fence=timedelta(seconds=0.01)) == 0


async def test_a_fence_that_cannot_be_asked_stops_nobody(bench: Bench) -> None:
    blind = refuse("objects.list", Unavailable("no answer"))

    assert await bench.run(final=blind, fence=timedelta(seconds=0.01)) == 0


async def test_a_second_sound_track_that_got_lost_is_no_success(
    clips: Clips, tmp_path: Path, script: Callable[[str], str]
) -> None:
    real = program("ffmpeg")
    short = f"{real} -loglevel error -y -i $a2 -t 0.3 -c copy -movflags +cmaf+delay_moov+frag_keyframe $a2.cut.mp4"
    loses = script(
        f'{real} "$@" || exit; for a2; do case "$a2" in */a2.mp4) {short} && mv $a2.cut.mp4 $a2;; esac; done; exit 0'
    )
    bench = Bench(directory=tmp_path / "work", body=clips.read("two_languages"))

    assert await bench.run(ffmpeg=loses) == 70

    result = await written(bench)
    assert (result.failure, result.code) == (FailureClass.APP, "verify_failed")
    assert result.detail.startswith("sound: 1.0")
