"""Every command line of ffmpeg and ffprobe, whole (P). They work from ffmpeg 5.1 on.

Files from outside are opened as nothing but local MP4s: without the two lists a playlist or a script named ``.mp4``
makes ffmpeg read other files, or the network (CVE-2016-1897).
"""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.worker.ladder import Rendition
from vidctl.worker.media import ENTRIES, Media

Command = tuple[str, ...]

TOO_MANY_ERRORS = 69
"""ffmpeg's exit code when more than ``MAX_ERROR_RATE`` of what it decoded was broken."""

MAX_ERROR_RATE = "0.1"

AUDIO_RATE = "48000"
"""Hz: what every player takes."""

MAX_PIXELS = 8192 * 8192
"""The largest picture that is decoded, whatever the container says: the largest ``max_pixels`` that can be set."""

_UNTRUSTED = (
    *("-protocol_whitelist", "file,pipe", "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2"),
    *("-max_pixels", str(MAX_PIXELS)),
)
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How well is encoded: x264's preset and constant rate factor, and the bits a second of AAC."""

    preset: str
    crf: int
    audio_bitrate: int


def inspect(ffprobe: str, path: str) -> Command:
    """Read what a file says of itself, as JSON for ``media.parse``."""
    return (ffprobe, "-hide_banner", "-loglevel", "error", *_UNTRUSTED, "-show_entries", ENTRIES, "-of", "json", path)


def decode(ffprobe: str, path: str) -> Command:
    """Read the same, and decode all of it on every core to count the frames that can be decoded."""
    program, *rest = inspect(ffprobe, path)
    return (program, "-threads", "0", "-count_frames", *rest)


def transcode(
    ffmpeg: str, source: str, media: Media, renditions: tuple[Rendition, ...], encoding: Encoding, *, directory: str
) -> Command:
    """Turn the source into its renditions, files of ``directory``, with progress lines on the standard output."""
    argv: Command = (
        ffmpeg,
        *_QUIET,
        "-progress",
        "pipe:1",
        *_UNTRUSTED,
        "-max_error_rate",
        MAX_ERROR_RATE,
        "-i",
        source,
    )
    for rendition in renditions:
        argv += (*_picture(media, rendition, encoding), *_sound(media, encoding), *_file(directory, rendition))
    return argv


def poster(ffmpeg: str, video: str, *, duration_seconds: float, target: str) -> Command:
    """Take a JPEG from a rendition: the most typical of the frames from a tenth of its duration on.

    A beginning is often black. The seek goes to the keyframe before that point, so that there always is a frame; of the
    24 frames that are compared each is held in memory.
    """
    at = duration_seconds / 10
    seek = ("-noaccurate_seek", "-ss", f"{at:.3f}") if at >= 1 else ()
    filters = "thumbnail=n=24,scale=out_range=pc,format=yuvj420p"
    still = ("-map", "0:v:0", "-frames:v", "1", "-vf", filters, "-q:v", "3", "-update", "1", "-f", "image2", target)
    return (ffmpeg, *_QUIET, *seek, *_UNTRUSTED, "-i", video, *still)


def _picture(media: Media, rendition: Rendition, encoding: Encoding) -> Command:
    # A timestamp of the source is kept to 1/90000 s: ffmpeg before 6 would round it to the frame rate and drop frames.
    timing = ("-fps_mode", "vfr", "-enc_time_base:v", "1:90000")
    codec = ("-c:v", "libx264", "-preset", encoding.preset, "-crf", str(encoding.crf))
    return ("-map", f"0:{media.video.index}", "-vf", _filters(media, rendition), *timing, *codec)


def _filters(media: Media, rendition: Rendition) -> str:
    scale = f"scale={rendition.width}:{rendition.height}:flags=bicubic:out_range=tv"
    steps = ["bwdif=mode=send_frame:deint=interlaced"] if media.video.interlaced else []
    # RGB names no matrix: without one in the output a player guesses it from the size.
    steps += [scale + ":out_color_matrix=bt709"] if media.video.rgb else [scale]
    steps += ["setsar=1", "format=yuv420p"]
    if media.video.rgb:
        steps.append("setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709")
    return ",".join(steps)


def _sound(media: Media, encoding: Encoding) -> Command:
    if media.audio is None:
        return ("-an",)
    # Gaps become silence: sound would else run ahead of the picture after each.
    steady = ("-af", "aresample=async=1", "-ar", AUDIO_RATE, "-ac", str(min(media.audio.channels, 2)))
    return ("-map", f"0:{media.audio.index}", "-c:a", "aac", "-b:a", str(encoding.audio_bitrate), *steady)


def _file(directory: str, rendition: Rendition) -> Command:
    # Metadata may say where and by whom a video was made.
    bare = ("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1")
    return (*bare, "-movflags", "+faststart", "-f", "mp4", f"{directory}/{rendition.name}")
