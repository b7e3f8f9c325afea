"""Whether an output holds what its source promised, and whose fault it is if not (P).

ffmpeg's exit code says nothing of this: a file cut in half is transcoded as far as it goes, and the exit code is 0.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import assert_never

from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.source.ffprobe import Decoded
from vidctl.worker.source.media import AudioStream, Media, VideoStream

SLACK_FRAMES = 2
"""What an output may lack of a track: frames at either end that a decoder swallows, as of AAC's priming, a last one
whose length nobody stored. Over the whole corpus, tracks that are encoded and tracks that are copied lack none."""

SLACK_SHARE = 0.001
"""The share of its frames that a source may fail to give before it counts as damaged: 3.6 s of an hour."""

_SOUND_SAMPLES = 1024
"""Samples of a frame of AAC."""

_USUAL_RATE, _USUAL_SAMPLE_RATE = 25, 44_100
"""Frames and samples a second of a source that does not say."""


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
    if _missing(claimed.video.frames, output.video.frames) or _incomplete(claimed.video, output.video):
        return f"video: {_figures(claimed.video)} claimed, {_figures(output.video)} delivered"
    if lacks_sound(claimed, output):
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
    all_given = not _missing(source.video.decoded_frames, output.video.frames)
    # Of a source that claims no frames, those that it gave are all there is to count by.
    complete = not _incomplete(source.video, output.video) and (claims_frames(source) or all_given)
    sounds = not lacks_sound(_without_empty_sound(source), output)
    if complete and sounds:
        return Verdict.COMPLETE
    if ends_early(source):
        return Verdict.DAMAGED
    # For the few frames that it failed to give nobody is to blame.
    complete = complete or (claims_frames(source) and all_given)
    if complete and sounds:
        return Verdict.COMPLETE
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


def lacks_sound(claimed: Media, output: Media) -> bool:
    """Whether the sound of an output begins later or ends earlier than its source claims."""
    # Not by frames: the two codecs cut sound into frames of different lengths.
    return claimed.audio is not None and _too_short(claimed.audio, output.audio)


def as_heard(source: Media, until_seconds: float) -> Media:
    """Return what is left to claim of the sound of a source that was decoded whole, and ends then.

    An index may say of the last frame that it lasts for minutes. If frames are missing, the claim stands.
    """
    sound = source.audio
    if sound is None or sound.duration_seconds is None or _fewer(sound.frames, sound.decoded_frames or 0):
        return source
    lasts = min(sound.duration_seconds, max(0.0, until_seconds - sound.start_seconds))
    return replace(source, audios=(replace(sound, duration_seconds=lasts), *source.audios[1:]))


def _incomplete(claimed: VideoStream, delivered: VideoStream) -> bool:
    """Whether neither the length nor the count of frames comes up to the claim.

    A frame rate that varies and a last frame that stands for long change the one, an edit list that leaves frames out
    the other.
    """
    complete = claimed.frames is not None and not _missing(claimed.frames, delivered.frames)
    return not complete and _too_short(claimed, delivered)


def _too_short(claimed: VideoStream | AudioStream, delivered: VideoStream | AudioStream | None) -> bool:
    """Whether a track ends too early, or begins too late; a track that begins later in its source is filled up."""
    if claimed.duration_seconds is None:
        return False
    if delivered is None or delivered.duration_seconds is None:
        return True
    slack = _slack_seconds(claimed)
    begins_late = delivered.start_seconds > claimed.start_seconds + slack
    end = claimed.start_seconds + claimed.duration_seconds
    return begins_late or delivered.start_seconds + delivered.duration_seconds < end - slack


def _slack_seconds(claimed: VideoStream | AudioStream) -> float:
    match claimed:
        case VideoStream():
            return SLACK_FRAMES / (claimed.frames_per_second or _USUAL_RATE)
        case AudioStream():
            return SLACK_FRAMES * _SOUND_SAMPLES / (claimed.sample_rate or _USUAL_SAMPLE_RATE)
        case _:
            assert_never(claimed)


def _missing(claimed: int | None, delivered: int | None) -> bool:
    return claimed is not None and (delivered or 0) < claimed - SLACK_FRAMES


def _fewer(claimed: int | None, given: int) -> bool:
    return claimed is not None and given < claimed * (1 - SLACK_SHARE) - SLACK_FRAMES


def _figures(stream: VideoStream | AudioStream | None) -> str:
    if stream is None:
        return "nothing"
    frames = "" if stream.frames is None else f" ({stream.frames} frames)"
    late = f" from {stream.start_seconds:.2f} s on" if stream.start_seconds > 0 else ""
    return f"{stream.duration_seconds or 0.0:.2f} s{late}{frames}"
