"""The measure and the filters with the real ffmpeg: how loud a track is afterwards, and that none of it moved."""

from __future__ import annotations

import array
import subprocess
from pathlib import Path

import pytest

from tests.media import program
from vidctl.worker.recipes.loudness import RATE_HZ, Loudness, measure, normalisation, parse, published

TARGET_LUFS = -16.0
CEILING_DBTP = -1.5

_BURSTS = "volume=if(lt(mod(t\\,1.3)\\,0.6)\\,0.3*abs(sin(9*t))\\,0.005):eval=frame"
_CLAPS = "0.05*sin(2*PI*300*t)+0.9*lt(mod(t\\,0.5)\\,0.0004)*sin(2*PI*5000*t)"
_SURROUND = "pan=5.1|FL=c0|FR=0.5*c0|FC=0.8*c0|LFE=0.3*c0|BL=0.4*c0|BR=0.4*c0"

SOUNDS = {
    "tone": "sine=f=1000:r=48000:d=3,volume=-10dB,aformat=channel_layouts=stereo",
    "mono": "sine=f=1000:r=44100:d=3,volume=-10dB",
    "speech": f"anoisesrc=c=pink:r=48000:d=5:a=0.5:seed=1,{_BURSTS},aformat=channel_layouts=stereo",
    "loud": "anoisesrc=c=white:r=44100:d=3:a=1:seed=2,aformat=channel_layouts=stereo",
    "surround": f"anoisesrc=c=pink:r=48000:d=3:a=0.3:seed=4,{_SURROUND}",
    "claps": f"aevalsrc={_CLAPS}|{_CLAPS}:s=48000:d=4",
    "quiet": "anoisesrc=c=pink:r=48000:d=3:a=0.5:seed=3,volume=-30dB,aformat=channel_layouts=stereo",
    "short": "sine=f=500:r=48000:d=0.3,aformat=channel_layouts=stereo",
    "silence": "anullsrc=r=48000:cl=stereo,atrim=end_sample=48000",
}


def record(sound: str, path: Path) -> Path:
    _ffmpeg("-f", "lavfi", "-i", sound, "-c:a", "pcm_f32le", str(path))
    return path


def loudness(path: Path, channels: int) -> Loudness | None:
    command = measure(program("ffmpeg"), ("-protocol_whitelist", "file,pipe"), str(path), 0, channels=channels)
    return parse(subprocess.run(command, capture_output=True, check=True).stderr.decode()[-4096:])


def normalise(path: Path, channels: int, target: Path) -> tuple[str, ...]:
    found = loudness(path, channels)
    chosen = normalisation(found, target_lufs=TARGET_LUFS, ceiling_dbtp=CEILING_DBTP)
    filters = ",".join((*published(channels), *chosen))
    _ffmpeg("-i", str(path), "-af", filters, "-c:a", "pcm_f32le", str(target))
    return chosen


def samples(path: Path) -> array.array[float]:
    """Return the left channel of two."""
    raw = _ffmpeg("-i", str(path), "-ac", "2", "-f", "f32le", "-")
    return array.array("f", raw)[::2]


@pytest.mark.parametrize(("sound", "channels"), [("tone", 2), ("mono", 1), ("speech", 2), ("loud", 2), ("surround", 6)])
def test_a_track_comes_to_the_target(tmp_path: Path, sound: str, channels: int) -> None:
    source, target = record(SOUNDS[sound], tmp_path / "in.wav"), tmp_path / "out.wav"

    normalise(source, channels, target)

    after = loudness(target, channels)
    assert after is not None
    assert after.true_peak_dbtp <= CEILING_DBTP
    assert after.integrated_lufs == pytest.approx(TARGET_LUFS, abs=0.2)


def test_loud_claps_are_limited_for_the_rest_to_be_heard(tmp_path: Path) -> None:
    source, target = record(SOUNDS["claps"], tmp_path / "in.wav"), tmp_path / "out.wav"

    normalise(source, 2, target)

    before, after = loudness(source, 2), loudness(target, 2)
    assert before is not None
    assert after is not None
    assert after.true_peak_dbtp <= CEILING_DBTP
    assert before.integrated_lufs + 3 < after.integrated_lufs < TARGET_LUFS


def test_a_room_without_sound_is_not_blown_up(tmp_path: Path) -> None:
    source, target = record(SOUNDS["quiet"], tmp_path / "in.wav"), tmp_path / "out.wav"

    normalise(source, 2, target)

    before, after = loudness(source, 2), loudness(target, 2)
    assert before is not None
    assert after is not None
    assert after.integrated_lufs - before.integrated_lufs == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize("sound", ["short", "silence"])
def test_what_cannot_be_measured_stays_as_it_is(tmp_path: Path, sound: str) -> None:
    source, target = record(SOUNDS[sound], tmp_path / "in.wav"), tmp_path / "out.wav"

    assert normalise(source, 2, target) == ()
    assert samples(target) == samples(source)


def test_the_limiter_moves_nothing_and_loses_no_sample(tmp_path: Path) -> None:
    click = "aevalsrc=if(eq(n\\,24000)\\,0.9\\,0.1*sin(n/9))|if(eq(n\\,24000)\\,0.9\\,0.1*sin(n/9)):s=48000:d=1.0007"
    source, target = record(click, tmp_path / "in.wav"), tmp_path / "out.wav"

    assert len(normalise(source, 2, target)) > 1

    before, after = samples(source), samples(target)
    assert len(after) == len(before)
    assert max(range(len(after)), key=lambda at: abs(after[at])) == RATE_HZ // 2


def _ffmpeg(*arguments: str) -> bytes:
    command = (program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments)
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("milliseconds", [60, 90, 300])
def test_a_gap_in_the_timestamps_becomes_silence(tmp_path: Path, milliseconds: int) -> None:
    target = tmp_path / "out.wav"
    late = rf"asetpts=PTS+if(gt(N\,20)\,{milliseconds / 1000}/TB)"

    _ffmpeg("-f", "lavfi", "-i", ",".join(("sine=r=48000:d=1", late, *published(1))), "-ac", "2", str(target))

    assert len(samples(target)) == pytest.approx(48 * (1000 + milliseconds), abs=100)
