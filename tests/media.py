"""Small media files of every kind that people upload, made with the real ffmpeg, each at most once a session."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SECONDS = 1.0
"""Length of every clip that is not named after another."""


def program(name: str) -> str:
    """Return the path of ffmpeg or ffprobe: the one beside this Python, or the system's."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found is not None, f"{name} is not installed: run `make test`"
    return found


def _lavfi(*sources: str) -> tuple[str, ...]:
    return tuple(word for source in sources for word in ("-f", "lavfi", "-i", source))


def _picture(size: str = "160x90", rate: int = 30, seconds: float = SECONDS) -> str:
    return f"testsrc2=s={size}:r={rate}:d={seconds}"


_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "15")
_TONE = f"sine=d={SECONDS}"
_BOTH = _lavfi(_picture(), _TONE)
_AAC = ("-c:a", "aac", "-b:a", "64k")

# What ffmpeg is told, but for the target.
_MADE: dict[str, tuple[str, ...]] = {
    "good": (*_BOTH, *_X264, *_AAC),
    "long": (*_lavfi(_picture("320x180", seconds=20), "sine=d=20"), *_X264, *_AAC),
    "fast_start": (*_BOTH, *_X264, *_AAC, "-movflags", "+faststart"),
    "fragmented": (*_BOTH, *_X264, *_AAC, "-movflags", "frag_keyframe+empty_moov"),
    "audio_only": (*_lavfi(_TONE), *_AAC),
    "no_audio": (*_lavfi(_picture()), *_X264),
    "stereo": (*_BOTH, *_X264, *_AAC, "-ac", "2"),
    "surround": (*_BOTH, *_X264, *_AAC, "-ac", "6"),
    "short_audio": (*_lavfi(_picture(), "sine=d=0.2"), *_X264, *_AAC),
    "long_audio": (*_lavfi(_picture(), "sine=d=15"), *_X264, *_AAC),
    "late_video": ("-itsoffset", "0.5", *_lavfi(_picture()), *_lavfi("sine=d=1.5"), *_X264, *_AAC),
    "late_audio": (*_lavfi(_picture()), "-itsoffset", "0.4", *_lavfi("sine=d=0.6"), *_X264, *_AAC),
    "silent_track": (
        *_lavfi(_picture(), f"{_TONE},aselect=0"),
        *(*_X264, *_AAC, "-movflags", "frag_keyframe+empty_moov"),
    ),
    "portrait": (*_lavfi(_picture("90x160"), _TONE), *_X264, *_AAC),
    "odd": (*_lavfi(_picture("161x91")), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
    "one_pixel_high": (
        *_lavfi(_picture("64x64")),
        *("-vf", "format=yuv444p,crop=64:1", "-c:v", "libx264", "-preset", "ultrafast"),
    ),
    "uneven_frames": (*_BOTH, "-vf", r"select=lt(mod(n\,11)\,4)", "-fps_mode", "vfr", *_X264, *_AAC),
    "slow": (*_lavfi(_picture(rate=1, seconds=3)), *_X264),
    "fast": (*_lavfi(_picture(rate=240)), *_X264),
    "one_frame": (*_lavfi(_picture()), "-frames:v", "1", *_X264),
    "ten_bit": (*_lavfi(_picture()), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    "full_chroma": (*_lavfi(_picture()), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
    "rgb": (*_lavfi(_picture()), "-c:v", "libx264rgb", "-preset", "ultrafast"),
    "hevc": (*_BOTH, "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", *_AAC),
    "vp9": (*_BOTH, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    "mpeg4": (*_BOTH, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "wide_pixels": (*_BOTH, "-vf", "setsar=4/3", *_X264, *_AAC),
    "interlaced": (*_lavfi(_picture("160x96")), "-flags", "+ilme+ildct", "-x264-params", "tff=1", *_X264),
    "b_frames": (*_BOTH, *_X264, "-preset", "veryfast", "-bf", "3", *_AAC),
    "time_code": (*_BOTH, *_X264, *_AAC, "-timecode", "10:00:00:00"),
    "two_pictures": (*_lavfi(_picture("64x36"), _picture()), "-map", "0", "-map", "1", *_X264),
    "named": (*_BOTH, *_X264, *_AAC, "-metadata", "title=at home", "-metadata", "location=+48.1+011.5/"),
    "matroska": (*_BOTH, *_X264, *_AAC, "-f", "matroska"),
    "jpeg": (*_lavfi(_picture()), "-frames:v", "1", "-c:v", "mjpeg", "-f", "image2", "-update", "1"),
}


class Clips:
    """The clips of one session, made in ``directory`` when they are first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._derived: dict[str, Callable[[Path], object]] = {
            "empty": lambda path: path.write_bytes(b""),
            "text": lambda path: path.write_text("this is no video, whatever its name says\n"),
            "playlist": self._playlist,
            "script": self._script,
            "cut_moov_first": lambda path: self._half("fast_start", path),
            "cut_moov_last": lambda path: self._half("good", path),
            "cut_fragments": lambda path: self._half("fragmented", path),
            "cut_after_index": self._without_media,
            "rotated": lambda path: self._copy(path, "-display_rotation", "90", "-i", str(self.get("good"))),
            "upside_down": lambda path: self._copy(path, "-display_rotation", "180", "-i", str(self.get("good"))),
            "cover_art": self._cover,
            "only_cover_art": self._only_cover,
            "edit_list": lambda path: self._copy(path, "-ss", "0.7", "-i", str(self.get("b_frames"))),
            "damaged": self._damaged,
            "torn": self._torn,
        }

    def get(self, name: str) -> Path:
        """Return the clip of that name, a file with the suffix ``.mp4`` whatever is in it."""
        path = self._directory / f"{name}.mp4"
        if not path.exists():
            partial = self._directory / f"{name}.partial.mp4"
            if name in _MADE:
                self._ffmpeg(*_MADE[name], target=partial)
            else:
                self._derived[name](partial)
            partial.rename(path)
        return path

    def read(self, name: str) -> bytes:
        """Return the bytes of a clip."""
        return self.get(name).read_bytes()

    def _ffmpeg(self, *arguments: str, target: Path) -> None:
        subprocess.run([program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments, str(target)], check=True)

    def _copy(self, target: Path, *arguments: str) -> None:
        self._ffmpeg(*arguments, "-c", "copy", target=target)

    def _half(self, name: str, target: Path) -> None:
        body = self.read(name)
        target.write_bytes(body[: len(body) // 2])

    def _without_media(self, target: Path) -> None:
        body = self.read("fast_start")
        target.write_bytes(body[: body.find(b"mdat") + 100])

    def _playlist(self, target: Path) -> None:
        lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", f"file://{self.get('good')}", "#EXT-X-ENDLIST")
        target.write_text("\n".join(lines) + "\n")

    def _script(self, target: Path) -> None:
        target.write_text(f"ffconcat version 1.0\nfile '{self.get('good')}'\n")

    def _cover(self, target: Path) -> None:
        maps = ("-i", str(self.get("good")), "-i", str(self.get("jpeg")), "-map", "1", "-map", "0")
        self._copy(target, *maps, "-disposition:v:0", "attached_pic")

    def _only_cover(self, target: Path) -> None:
        maps = ("-i", str(self.get("audio_only")), "-i", str(self.get("jpeg")), "-map", "0", "-map", "1")
        self._copy(target, *maps, "-disposition:v:0", "attached_pic")

    def _damaged(self, target: Path) -> None:
        """Overwrite every third of a hundred bytes of the media, and none of the index."""
        body = bytearray(self.read("fast_start"))
        for at in range(body.find(b"mdat") + 2000, len(body) - 40, 100):
            body[at : at + 40] = b"\xa5" * 40
        target.write_bytes(body)

    def _torn(self, target: Path) -> None:
        """Clear a twelfth of the media in the middle, as a download with a hole does, and none of the index."""
        body = bytearray(self.read("long"))
        start = body.find(b"mdat") + 4
        length = int.from_bytes(body[start - 8 : start - 4], "big") - 8
        hole = length // 12
        at = start + (length - hole) // 2
        body[at : at + hole] = bytes(hole)
        target.write_bytes(body)
