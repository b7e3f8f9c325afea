"""Makes small ladders of fragmented MP4s with the real ffmpeg, and cuts and publishes them into a directory."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from tests.media import program
from vidctl.worker.cmaf import dash, hls
from vidctl.worker.cmaf.fragments import Fragment, FragmentReader, delayed
from vidctl.worker.cmaf.init_segment import Init
from vidctl.worker.cmaf.segments import TARGET_SECONDS, ClockCutter, FollowingCutter, Segment
from vidctl.worker.cmaf.tracks import INIT, STREAM, SUBTITLES, AudioTrack, Presentation, TextTrack, VideoTrack

TARGET = Fraction(TARGET_SECONDS)
RATE = Fraction(30000, 1001)

_FRAGMENTS = "+cmaf+delay_moov+default_base_moof"
_VIDEO = (
    *("-c:v", "libx264", "-preset", "veryfast", "-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0"),
    *("-g", "9999", "-enc_time_base:v", "1:90000", "-fps_mode", "vfr", "-video_track_timescale", "90000"),
    *("-movflags", f"{_FRAGMENTS}+frag_keyframe", "-f", "mp4"),
)
_AUDIO = ("-c:a", "aac", "-ar", "48000", "-movflags", _FRAGMENTS, "-frag_duration", "2000000", "-f", "mp4")

CUES = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nGood evening.\n"


def encode(directory: Path, *, seconds: float = 13, sizes: Iterable[str] = ("320x180", "160x90", "80x44")) -> None:
    """Write one MP4 a rendition, ``v{height}.mp4``, and ``a1.mp4`` in stereo and ``a2.mp4`` in mono."""
    picture, tone = f"testsrc2=s=320x180:r={RATE}:d={seconds}", f"sine=d={seconds}"
    outputs: list[str] = []
    for size in sizes:
        width, _, height = size.partition("x")
        outputs += ["-map", "0:v", "-vf", f"scale={width}:{height},setsar=1", *_VIDEO]
        outputs.append(str(directory / f"v{height}.mp4"))
    for number, channels in ((1, "2"), (2, "1")):
        outputs += ["-map", "1:a", "-ac", channels, *_AUDIO, str(directory / f"a{number}.mp4")]
    run_ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *outputs)


def run_ffmpeg(*arguments: str) -> None:
    """Run ffmpeg, and expect that it succeeds."""
    subprocess.run([program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


def read(path: Path) -> tuple[Init, list[Fragment]]:
    """Read a whole file."""
    with path.open("rb") as file:
        reader = FragmentReader(file)
        size = path.stat().st_size
        fragments = list(reader.read(size))
        reader.finish(size)
    assert reader.init is not None
    return reader.init, fragments


def publish(source: Path, target: Path, *, subtitles: bool = True) -> Presentation:
    """Cut the files of ``encode``, and write segments and playlists under ``target`` as a worker uploads them."""
    videos = [_video(path, target) for path in sorted(source.glob("v*.mp4"), key=lambda path: -_height(path))]
    boundaries = [segment.end_seconds for segment in videos[0].segments] if videos else []
    audios = [_audio(path, target, boundaries) for path in sorted(source.glob("a*.mp4"))]
    texts = []
    if subtitles:
        folder = target / STREAM / "s1"
        folder.mkdir(parents=True)
        (folder / SUBTITLES).write_text(CUES)
        seconds = boundaries[-1]
        texts = [TextTrack(folder="s1", seconds=seconds, size_bytes=len(CUES), name="English", language="en")]
    presentation = Presentation(videos=tuple(videos), audios=tuple(audios), texts=tuple(texts))
    for path, text in {**hls.playlists(presentation), dash.MANIFEST: dash.manifest(presentation)}.items():
        (target / path).write_text(text)
    return presentation


def _height(path: Path) -> int:
    return int(path.stem[1:])


def _video(path: Path, target: Path) -> VideoTrack:
    init, fragments = read(path)
    cutter = ClockCutter(init, TARGET)
    segments = (*cutter.add(fragments), *cutter.finish())
    _write(path, target / STREAM / path.stem, init, segments)
    shortest = min(fragment.shortest for fragment in fragments)
    rate = Fraction(init.timescale, shortest)
    return VideoTrack(folder=path.stem, picture=init.picture, segments=segments, frame_rate=rate)


def _audio(path: Path, target: Path, boundaries: list[Fraction]) -> AudioTrack:
    init, fragments = read(path)
    cutter = FollowingCutter(init, TARGET)
    segments = (*cutter.add(fragments, boundaries), *cutter.finish())
    _write(path, target / STREAM / path.stem, init, segments)
    name, language = {"a1": ("English", "en"), "a2": ("Français", "fr")}[path.stem]
    return AudioTrack(folder=path.stem, sound=init.sound, segments=segments, name=name, language=language)


def _write(path: Path, folder: Path, init: Init, segments: Iterable[Segment]) -> None:
    folder.mkdir(parents=True)
    (folder / INIT).write_bytes(init.content)
    content = path.read_bytes()
    for segment in segments:
        part = content[segment.offset : segment.offset + segment.length]
        (folder / segment.name).write_bytes(delayed(part, segment.offset, segment.fragments, init.delay))
