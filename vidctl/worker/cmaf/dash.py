"""The DASH manifest of a presentation (ISO/IEC 23009-1), over the same segments that HLS plays (P).

Times are those of the presentation, after the edit list, which players apply themselves: an offset for it here would
count it twice. What of the first segment is skipped before 0 is not part of the timeline.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from vidctl.worker.cmaf.sample_entry import Picture, VideoRange
from vidctl.worker.cmaf.segments import Segment, measure
from vidctl.worker.cmaf.tracks import (
    INIT,
    STREAM,
    SUBTITLES,
    UNDETERMINED,
    AudioTrack,
    Presentation,
    TextTrack,
    Track,
    VideoTrack,
    distinct,
)

MANIFEST = "manifest.mpd"
MEDIA_TYPE = "application/dash+xml"

_PROFILES = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
_ROLE = "urn:mpeg:dash:role:2011"
_CICP = "urn:mpeg:mpegB:cicp:"

_CHANNEL_CONFIGURATIONS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 11, 8: 12}
"""Channels to ISO/IEC 23091-3 ChannelConfiguration; 7 and 8 as 6.1 and 7.1 with two at the back."""


def manifest(presentation: Presentation) -> str:
    """Return the manifest as XML text."""
    origin = _origin(presentation)
    end = max((track.segments[-1].end_seconds for track in presentation.tracks), default=Fraction(0))
    target = presentation.target_duration
    mpd = ET.Element(
        "MPD",
        {
            "xmlns": "urn:mpeg:dash:schema:mpd:2011",
            "profiles": _PROFILES,
            "type": "static",
            "mediaPresentationDuration": _duration(end - origin),
            "maxSegmentDuration": _duration(Fraction(target)),
            "minBufferTime": _duration(Fraction(target)),
        },
    )
    period = ET.SubElement(mpd, "Period", {"id": "0", "start": "PT0S"})
    sets = [*_video_sets(presentation, origin, target), *_audio_sets(presentation.audios, origin, target)]
    for number, adaptation_set in enumerate([*sets, *_text_sets(presentation.texts)], 1):
        adaptation_set.set("id", str(number))
        period.append(adaptation_set)
    ET.indent(mpd)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(mpd, encoding="unicode") + "\n"


def _origin(presentation: Presentation) -> Fraction:
    """Return the moment at which the presentation starts: that of its first picture or sound, not before 0."""
    starts = [Fraction(track.segments[0].start, track.segments[0].timescale) for track in presentation.tracks]
    return max(Fraction(0), min(starts, default=Fraction(0)))


def _video_sets(presentation: Presentation, origin: Fraction, target: int) -> Iterator[ET.Element]:
    """Make a set of all renditions that a player can switch between: of one codec and one dynamic range."""
    videos = presentation.videos
    kinds = dict.fromkeys((video.picture.codec.partition(".")[0], video.picture.video_range) for video in videos)
    for codec, dynamic in kinds:
        members = [v for v in videos if v.picture.codec.startswith(f"{codec}.") and v.picture.video_range == dynamic]
        made = ET.Element("AdaptationSet", {"contentType": "video", "mimeType": "video/mp4", "startWithSAP": "1"})
        made.set("par", _aspect(max((member.picture for member in members), key=lambda picture: picture.height)))
        if dynamic != VideoRange.SDR:
            made.extend(_colours(members[0].picture))
        made.extend(_captions(presentation.captions))
        _role(made, "main")
        _representations(made, members, origin, target)
        for member, representation in zip(members, made.iter("Representation"), strict=True):
            _describe_picture(representation, member)
        yield made


def _audio_sets(audios: Sequence[AudioTrack], origin: Fraction, target: int) -> Iterator[ET.Element]:
    first = next((audio for audio in audios if audio.default), audios[0] if audios else None)
    for audio, name in zip(audios, distinct(audio.name for audio in audios), strict=True):
        made = _choice("audio", "audio/mp4", audio.language)
        made.set("startWithSAP", "1")
        made.set("audioSamplingRate", str(audio.sound.rate or audio.segments[0].timescale))
        configuration = _CHANNEL_CONFIGURATIONS.get(audio.sound.channels)
        if configuration:
            value = {"schemeIdUri": f"{_CICP}ChannelConfiguration", "value": str(configuration)}
            ET.SubElement(made, "AudioChannelConfiguration", value)
        ET.SubElement(made, "Label").text = name
        _role(made, "main" if audio is first else "alternate")
        _representations(made, [audio], origin, target)
        for representation in made.iter("Representation"):
            representation.set("codecs", audio.sound.codec)
        yield made


def _text_sets(texts: Sequence[TextTrack]) -> Iterator[ET.Element]:
    for text, name in zip(texts, distinct(text.name for text in texts), strict=True):
        made = _choice("text", "text/vtt", text.language)
        ET.SubElement(made, "Label").text = name
        _role(made, "forced-subtitle" if text.forced else "subtitle")
        if text.default:
            _role(made, "main")
        rate = int(8 * text.size_bytes / text.seconds) if text.seconds else 0
        representation = ET.SubElement(made, "Representation", {"id": text.folder, "bandwidth": str(max(1, rate))})
        ET.SubElement(representation, "BaseURL").text = f"{STREAM}/{text.folder}/{SUBTITLES}"
        yield made


def _choice(content: str, mime_type: str, language: str) -> ET.Element:
    """Begin a set that people choose by its language."""
    made = ET.Element("AdaptationSet", {"contentType": content, "mimeType": mime_type})
    if language != UNDETERMINED:
        made.set("lang", language)
    return made


def _role(made: ET.Element, value: str) -> None:
    ET.SubElement(made, "Role", {"schemeIdUri": _ROLE, "value": value})


def _captions(channels: Sequence[str]) -> Iterator[ET.Element]:
    """Yield what closed captions are in the picture (SCTE 214-1, as DASH-IF IOP has it), in languages nobody told."""
    earlier = [f"{channel}=und" for channel in channels if channel.startswith("CC")]
    later = [f"{channel.removeprefix('SERVICE')}=lang:und" for channel in channels if channel.startswith("SERVICE")]
    for standard, told in (("608", earlier), ("708", later)):
        if told:
            scheme = f"urn:scte:dash:cc:cea-{standard}:2015"
            yield ET.Element("Accessibility", {"schemeIdUri": scheme, "value": ";".join(told)})


def _colours(picture: Picture) -> Iterator[ET.Element]:
    """Yield what a player must understand to show more than the standard range (DASH-IF IOP 4.3, 10.2.2)."""
    if picture.colour is None:
        return
    colour = picture.colour
    points = {"ColourPrimaries": colour.primaries, "TransferCharacteristics": colour.transfer}
    for name, value in {**points, "MatrixCoefficients": colour.matrix}.items():
        yield ET.Element("EssentialProperty", {"schemeIdUri": f"{_CICP}{name}", "value": str(value)})


def _representations(made: ET.Element, members: Sequence[Track], origin: Fraction, target: int) -> None:
    """Add the members, with one timeline for all where they are cut alike."""
    templates = [_template(member.segments, origin) for member in members]
    aligned = len({ET.tostring(template) for template in templates}) == 1
    if aligned:
        made.set("segmentAlignment", "true")
        made.append(templates[0])
    for member, template in zip(members, templates, strict=True):
        rate = str(_peak(member.segments, target))
        representation = ET.SubElement(made, "Representation", {"id": member.folder, "bandwidth": rate})
        if not aligned:
            representation.append(template)


def _peak(segments: Sequence[Segment], target: int) -> int:
    """Return the bits a second that a player has to load: in the time of the timeline, which skips what is before 0."""
    first, *others = segments
    shown = first.seconds + min(Fraction(0), Fraction(first.start, first.timescale))
    return measure([(first.length, shown), *((segment.length, segment.seconds) for segment in others)], target).peak


def _describe_picture(representation: ET.Element, video: VideoTrack) -> None:
    picture = video.picture
    representation.set("codecs", picture.codec)
    representation.set("width", str(picture.width))
    representation.set("height", str(picture.height))
    representation.set("frameRate", str(video.frame_rate))
    representation.set("sar", _ratio(picture.sample_aspect))


def _aspect(picture: Picture) -> str:
    return _ratio(Fraction(picture.width, picture.height) * picture.sample_aspect)


def _ratio(ratio: Fraction) -> str:
    return f"{ratio.numerator}:{ratio.denominator}"


def _template(segments: Sequence[Segment], origin: Fraction) -> ET.Element:
    timescale = segments[0].timescale
    template = ET.Element(
        "SegmentTemplate",
        {
            "timescale": str(timescale),
            "startNumber": "1",
            "initialization": f"{STREAM}/$RepresentationID$/{INIT}",
            "media": f"{STREAM}/$RepresentationID$/$Number%05d$.m4s",
        },
    )
    offset = round(origin * timescale)
    if offset:
        template.set("presentationTimeOffset", str(offset))
    timeline = ET.SubElement(template, "SegmentTimeline")
    start = max(0, segments[0].start)
    first = segments[0].start + segments[0].duration - start
    moment = {"t": str(start)}
    for duration, equal in groupby([first, *(segment.duration for segment in segments[1:])]):
        more = len(list(equal)) - 1
        ET.SubElement(timeline, "S", {**moment, "d": str(duration), **({"r": str(more)} if more else {})})
        moment = {}
    return template


def _duration(seconds: Fraction) -> str:
    """Write a duration of ISO 8601 to the microsecond."""
    micros = round(seconds * 1_000_000)
    text = f"{micros // 1_000_000}.{micros % 1_000_000:06d}".rstrip("0").rstrip(".")
    return f"PT{text}S"
