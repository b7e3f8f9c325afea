"""Whether an output holds what its source promised, and whose fault it is if not (P).

ffmpeg's exit code says nothing of this: a file cut in half is transcoded as far as it goes, and the exit code is 0.
"""

from __future__ import annotations

from dataclasses import replace

from vidctl.worker.ladder import Rendition
from vidctl.worker.media import AudioStream, Media, VideoStream

SLACK_SECONDS = 0.25
"""What may be missing of a track: the encoder's priming, a last frame whose length nobody stored."""

SLACK_SHARE = 0.001
"""What may be missing as a share of a long track: 3.6 s of an hour."""

SLACK_FRAMES = 2


def fault(output: Media, rendition: Rendition) -> str | None:
    """Return what is wrong with an output that was decoded whole, whatever its length; None if nothing is."""
    video = output.video
    size = (video.width, video.height, video.rotation_degrees)
    if (video.codec, *size) != ("h264", rendition.width, rendition.height, 0):
        return f"the video is {video.codec} of {size}, not h264 of {(rendition.width, rendition.height, 0)}"
    if not video.frames or video.decoded_frames != video.frames:
        return f"{video.decoded_frames} of {video.frames} video frames can be decoded"
    if output.audio is not None and output.audio.codec != "aac":
        return f"the sound is {output.audio.codec}, not aac"
    return None


def shortfall(source: Media, output: Media) -> str | None:
    """Return what of the source's claims an output lacks, in figures; None if it is all there.

    A track is complete if its length *or* its count of frames comes up to the claim: a frame rate that varies and
    a last frame that stands for long change the one, an edit list that leaves frames out the other. A source that
    claims nothing is not held to anything.
    """
    if _lacks(source.video, output.video):
        return f"video: {_figures(source.video)} claimed, {_figures(output.video)} delivered"
    # Not by frames: the two codecs cut sound into frames of different lengths.
    if source.audio is not None and _too_short(source.audio, output.audio):
        return f"sound: {_figures(source.audio)} claimed, {_figures(output.audio)} delivered"
    return None


def without_empty_sound(source: Media) -> Media:
    """Leave out a sound track that holds nothing, as recorders of screens write it, of a source decoded whole."""
    empty = source.audio is not None and not source.audio.frames and not source.audio.decoded_frames
    return replace(source, audio=None) if empty else source


def ends_early(source: Media, output: Media | None) -> bool:
    """Whether a source that was decoded whole has no more to give than it gave, or less than it claims.

    ``output`` is what was made of it, None if nothing was.
    """
    decoded = source.video.decoded_frames or 0
    if not decoded or _fewer(source.video.frames, decoded):
        return True
    if source.audio is not None and _fewer(source.audio.frames, source.audio.decoded_frames or 0):
        return True
    return output is not None and not _fewer(decoded, output.video.frames or 0)


def _lacks(claimed: VideoStream, delivered: VideoStream) -> bool:
    complete = claimed.frames is not None and not _fewer(claimed.frames, delivered.frames or 0)
    return not complete and _too_short(claimed, delivered)


def _too_short(claimed: VideoStream | AudioStream, delivered: VideoStream | AudioStream | None) -> bool:
    if claimed.duration_seconds is None:
        return False
    slack = SLACK_SECONDS + SLACK_SHARE * claimed.duration_seconds
    seconds = delivered.duration_seconds if delivered else None
    return (seconds or 0.0) < claimed.duration_seconds - slack


def _fewer(claimed: int | None, delivered: int) -> bool:
    return claimed is not None and delivered < claimed * (1 - SLACK_SHARE) - SLACK_FRAMES


def _figures(stream: VideoStream | AudioStream | None) -> str:
    if stream is None:
        return "nothing"
    frames = "" if stream.frames is None else f" ({stream.frames} frames)"
    return f"{stream.duration_seconds or 0.0:.2f} s{frames}"
