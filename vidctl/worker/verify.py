"""Whether an output holds what its source promised, and whose fault it is if not (P).

ffmpeg's exit code says nothing of this: a file cut in half is transcoded as far as it goes, and the exit code is 0.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.source.ffprobe import Decoded
from vidctl.worker.source.media import AudioStream, Media, VideoStream

SLACK_SECONDS = 0.25
"""What may be missing of a track: the encoder's priming, a last frame whose length nobody stored."""

SLACK_SHARE = 0.001
"""What may be missing as a share of a long track: 3.6 s of an hour."""

SLACK_FRAMES = 2


def picture_fault(rendition: Rendition, codec: str, decoded: Decoded, samples: int) -> str | None:
    """Return what is wrong with a rendition that was decoded whole; None if nothing is.

    ``samples`` are those that its file says it has.
    """
    size = (decoded.width, decoded.height)
    if (decoded.codec, *size) != (codec, rendition.width, rendition.height):
        return f"the video is {decoded.codec} of {size}, not {codec} of {(rendition.width, rendition.height)}"
    if not samples or decoded.frames != samples:
        return f"{decoded.frames} of {samples} video frames can be decoded"
    return None


def sound_fault(decoded: Decoded, samples: int) -> str | None:
    """Return what is wrong with a sound track that was decoded whole; None if nothing is."""
    if decoded.codec != "aac":
        return f"the sound is {decoded.codec}, not aac"
    # The decoder swallows the frames of which nothing is heard.
    if decoded.frames < samples - SLACK_FRAMES:
        return f"{decoded.frames} of {samples} sound frames can be decoded"
    return None


def claims_frames(claimed: Media) -> bool:
    """Whether a source says how many frames it has, so that a lack of them is seen without decoding it."""
    return claimed.video.frames is not None


def lack(claimed: Media, output: Media) -> str | None:
    """Return what an output lacks of what its source claims, in figures; None if it is all there.

    A source that claims nothing is not held to anything. Only ``judge`` says whether the claims were true.
    """
    if _fewer(claimed.video.frames, output.video.frames or 0) or _incomplete(claimed.video, output.video):
        return f"video: {_figures(claimed.video)} claimed, {_figures(output.video)} delivered"
    if _lacks_sound(claimed, output):
        return f"sound: {_figures(claimed.audio)} claimed, {_figures(output.audio)} delivered"
    return None


def thinned(claimed: Media, share: float) -> Media:
    """Return what is left to claim of a picture of which all but a share of the frames is left out on purpose."""
    counts = claimed.video.frames, claimed.video.decoded_frames
    frames, decoded = (None if count is None else int(count * share) for count in counts)
    return replace(claimed, video=replace(claimed.video, frames=frames, decoded_frames=decoded))


def figures(output: Media) -> str:
    """Say how much picture and sound an output has."""
    return f"video: {_figures(output.video)} delivered, sound: {_figures(output.audio)} delivered"


class Verdict(Enum):
    """What is behind the lack of an output."""

    COMPLETE = "the output has all that can be seen and heard of the source"
    DAMAGED = "the source has no more to give, or less than it claims"
    LOST = "the source has more to give: the encoder lost it"


def judge(source: Media | None, output: Media, *, complaints: bool) -> Verdict:
    """Say why an output lacks what its source claims, now that the source was decoded whole.

    ``source`` is None if it could not even be read; ``complaints`` says whether its decoder had any. They tell a hole
    from an edit list: both leave frames out of a track that is as long as it claims.
    """
    if source is None or (complaints and ends_early(source)):
        return Verdict.DAMAGED
    all_given = not _fewer(source.video.decoded_frames, output.video.frames or 0)
    # Of a source that claims no frames, those that it gave are all there is to count by.
    complete = not _incomplete(source.video, output.video) and (claims_frames(source) or all_given)
    if complete and not _lacks_sound(_without_empty_sound(source), output):
        return Verdict.COMPLETE
    if ends_early(source):
        return Verdict.DAMAGED
    # A picture that is all there says nothing of a sound that is not: the source gave all of that, too.
    return Verdict.LOST if complete or not all_given else Verdict.DAMAGED


def ends_early(source: Media) -> bool:
    """Whether a source that was decoded whole gave less than it claims, or nothing."""
    video, audio = source.video, source.audio
    if not video.decoded_frames or _fewer(video.frames, video.decoded_frames):
        return True
    return audio is not None and _fewer(audio.frames, audio.decoded_frames or 0)


def _without_empty_sound(source: Media) -> Media:
    """Leave out a sound track that holds nothing, as recorders of screens write it, of a source decoded whole."""
    empty = source.audio is not None and not source.audio.frames and not source.audio.decoded_frames
    return replace(source, audios=source.audios[1:]) if empty else source


def _incomplete(claimed: VideoStream, delivered: VideoStream) -> bool:
    """Whether neither the length nor the count of frames comes up to the claim.

    A frame rate that varies and a last frame that stands for long change the one, an edit list that leaves frames out
    the other.
    """
    complete = claimed.frames is not None and not _fewer(claimed.frames, delivered.frames or 0)
    return not complete and _too_short(claimed, delivered)


def _lacks_sound(claimed: Media, output: Media) -> bool:
    # Not by frames: the two codecs cut sound into frames of different lengths.
    return claimed.audio is not None and _too_short(claimed.audio, output.audio)


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
