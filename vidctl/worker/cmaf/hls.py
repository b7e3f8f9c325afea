"""HLS playlists of a presentation (RFC 8216bis; Apple's HLS Authoring Specification), as text (P)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from vidctl.worker.cmaf.sample_entry import Picture
from vidctl.worker.cmaf.segments import Bandwidth, Segment, bandwidth, measure, rounded
from vidctl.worker.cmaf.tracks import (
    INIT,
    STREAM,
    SUBTITLES,
    UNDETERMINED,
    AudioTrack,
    Presentation,
    TextTrack,
    VideoTrack,
    distinct,
)

MULTIVARIANT = "master.m3u8"
MEDIA = "index.m3u8"
IFRAMES = "iframes.m3u8"

MEDIA_TYPE = "application/vnd.apple.mpegurl"

_VERSION = "#EXT-X-VERSION:7"
"""6 for EXT-X-MAP with whole segments; Apple asks for 7 with fragmented MP4."""

_INDEPENDENT = "#EXT-X-INDEPENDENT-SEGMENTS"
_SUBTITLES_GROUP = "subtitles"
_CAPTIONS_GROUP = "captions"

_MICRO = 1_000_000


def playlists(presentation: Presentation) -> dict[str, str]:
    """Return every playlist by its path."""
    target = presentation.target_duration
    made = {MULTIVARIANT: multivariant(presentation)}
    for track in presentation.tracks:
        made[f"{STREAM}/{track.folder}/{MEDIA}"] = media_playlist(track.segments, target)
    for video in presentation.videos:
        made[f"{STREAM}/{video.folder}/{IFRAMES}"] = iframe_playlist(video.segments, target)
    for text in presentation.texts:
        made[f"{STREAM}/{text.folder}/{MEDIA}"] = text_playlist(text)
    return made


def media_playlist(segments: Sequence[Segment], target: int) -> str:
    """Return the playlist of a track; ``target`` as in ``Presentation.target_duration``."""
    lines = _head(target)
    lines += [_INDEPENDENT, f'#EXT-X-MAP:URI="{INIT}"']
    for segment, seconds in zip(segments, _exact([segment.seconds for segment in segments]), strict=True):
        lines += [f"#EXTINF:{seconds},", segment.name]
    return _text([*lines, "#EXT-X-ENDLIST"])


def iframe_playlist(segments: Sequence[Segment], target: int) -> str:
    """Return the playlist of a video's keyframes, ranges of the same files: a header and one picture each."""
    lines = _head(target)
    lines += ["#EXT-X-I-FRAMES-ONLY", f'#EXT-X-MAP:URI="{INIT}"']
    keyframes = [(name, at, size, lasts) for segment in segments for name, at, size, lasts in _keyframes(segment)]
    for (name, at, size, _), seconds in zip(keyframes, _exact([lasts for *_, lasts in keyframes]), strict=True):
        lines += [f"#EXTINF:{seconds},", f"#EXT-X-BYTERANGE:{size}@{at}", name]
    return _text([*lines, "#EXT-X-ENDLIST"])


def text_playlist(track: TextTrack) -> str:
    """Return the playlist of subtitles: all of them in one segment, as long as the presentation.

    RFC 8216bis 6.2.4 lets subtitles have a target duration of their own.
    """
    lines = [*_head(rounded(track.seconds)), f"#EXTINF:{_exact([track.seconds])[0]},", SUBTITLES, "#EXT-X-ENDLIST"]
    return _text(lines)


def multivariant(presentation: Presentation) -> str:
    """Return the playlist that names all others: each video with each group of audio, and each group alone."""
    target = presentation.target_duration
    groups = _audio_groups(presentation.audios)
    lines = ["#EXTM3U", _VERSION, _INDEPENDENT]
    for group, members in groups.items():
        lines += _audio_renditions(group, members)
    lines += _text_renditions(presentation.texts)
    lines += _caption_renditions(presentation.captions)
    texts = [("SUBTITLES", _quoted(_SUBTITLES_GROUP))] if presentation.texts else []
    # RFC 8216bis 4.4.6.2: if one variant says NONE, all do, also those without a picture.
    absent = [] if presentation.captions else [("CLOSED-CAPTIONS", "NONE")]
    captions = [("CLOSED-CAPTIONS", _quoted(_CAPTIONS_GROUP))] if presentation.captions else absent
    sounds = {group: _highest(members, target) for group, members in groups.items()}
    nothing: dict[str, Bandwidth | None] = {"": None}
    for group, sound in (sounds or nothing).items():
        audio = [("AUDIO", _quoted(group))] if group else []
        codec = [groups[group][0].sound.codec] if group else []
        for video in presentation.videos:
            rate = bandwidth(video.segments, target)
            attributes = _rates(rate + sound if sound else rate, [video.picture.codec, *codec])
            attributes += [*_size(video.picture), ("FRAME-RATE", f"{float(video.frame_rate):.3f}")]
            lines += _variant([*attributes, *audio, *texts, *captions], _path(video))
        if sound:
            lines += _variant([*_rates(sound, codec), *audio, *texts, *absent], _path(groups[group][0]))
    lines += [_iframe_variant(video, target) for video in presentation.videos]
    return _text(lines)


def _head(target: int) -> list[str]:
    return ["#EXTM3U", _VERSION, f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-PLAYLIST-TYPE:VOD"]


def _keyframes(segment: Segment) -> Iterator[tuple[str, int, int, Fraction]]:
    """Yield the segment's keyframes: the file, where in it and how long the range is, and the seconds to the next."""
    syncs = [fragment for fragment in segment.fragments if fragment.sync]
    end = segment.fragments[0].start + segment.duration
    for fragment, until in zip(syncs, [*(following.start for following in syncs[1:]), end], strict=True):
        lasts = Fraction(until - fragment.start, segment.timescale)
        yield segment.name, fragment.offset - segment.offset, fragment.first_length, lasts


def _exact(durations: Iterable[Fraction]) -> list[str]:
    """Write durations in seconds so that their sums are exact to the microsecond: rounding is made up for."""
    total, written, texts = Fraction(0), 0, []
    for duration in durations:
        total += duration
        micros = round(total * _MICRO) - written
        written += micros
        texts.append(f"{micros // _MICRO}.{micros % _MICRO:06d}")
    return texts


def _audio_groups(audios: Sequence[AudioTrack]) -> dict[str, list[AudioTrack]]:
    """Group tracks by codec, since a variant names the codecs of its groups; the default first in each."""
    codecs = list(dict.fromkeys(audio.sound.codec for audio in audios))
    chosen = {codec: [audio for audio in audios if audio.sound.codec == codec] for codec in codecs}
    return {
        f"audio{number}": sorted(chosen[codec], key=lambda audio: not audio.default)
        for number, codec in enumerate(codecs, 1)
    }


def _audio_renditions(group: str, members: Sequence[AudioTrack]) -> Iterator[str]:
    languages: set[str] = set()
    for number, (track, name) in enumerate(zip(members, distinct(t.name for t in members), strict=True)):
        yield _tag(
            "EXT-X-MEDIA",
            [
                *_rendition("AUDIO", group, name, track.language),
                *_choice(default=number == 0, automatic=track.language not in languages),
                ("CHANNELS", _quoted(str(track.sound.channels))),
                ("URI", _quoted(_path(track))),
            ],
        )
        languages.add(track.language)


def _text_renditions(texts: Sequence[TextTrack]) -> Iterator[str]:
    known: set[tuple[str, bool]] = set()
    tracks = sorted(texts, key=lambda text: not text.default)
    for number, (track, name) in enumerate(zip(tracks, distinct(t.name for t in tracks), strict=True)):
        kind = track.language, track.forced
        yield _tag(
            "EXT-X-MEDIA",
            [
                *_rendition("SUBTITLES", _SUBTITLES_GROUP, name, track.language),
                *_choice(default=number == 0 and track.default, automatic=kind not in known),
                ("FORCED", "YES" if track.forced else "NO"),
                ("URI", _quoted(_path(track))),
            ],
        )
        known.add(kind)


def _caption_renditions(channels: Sequence[str]) -> Iterator[str]:
    for number, (channel, name) in enumerate(zip(channels, distinct("Closed captions" for _ in channels), strict=True)):
        yield _tag(
            "EXT-X-MEDIA",
            [
                *_rendition("CLOSED-CAPTIONS", _CAPTIONS_GROUP, name, UNDETERMINED),
                *_choice(default=False, automatic=number == 0),
                ("INSTREAM-ID", _quoted(channel)),
            ],
        )


def _rendition(kind: str, group: str, name: str, language: str) -> list[tuple[str, str]]:
    told = [("LANGUAGE", _quoted(language))] if language != UNDETERMINED else []
    return [("TYPE", kind), ("GROUP-ID", _quoted(group)), ("NAME", _quoted(name)), *told]


def _choice(*, default: bool, automatic: bool) -> list[tuple[str, str]]:
    """RFC 8216bis 4.4.6.1.1: one default in a group, one automatic choice for each language of it."""
    return [("DEFAULT", "YES" if default else "NO"), ("AUTOSELECT", "YES" if automatic else "NO")]


def _highest(members: Sequence[AudioTrack], target: int) -> Bandwidth:
    """Return the largest rates in a group: a variant's are those of its costliest combination."""
    rates = [bandwidth(member.segments, target) for member in members]
    return Bandwidth(peak=max(rate.peak for rate in rates), average=max(rate.average for rate in rates))


def _variant(attributes: list[tuple[str, str]], uri: str) -> list[str]:
    return [_tag("EXT-X-STREAM-INF", attributes), uri]


def _iframe_variant(video: VideoTrack, target: int) -> str:
    pieces = [(size, lasts) for segment in video.segments for _, _, size, lasts in _keyframes(segment)]
    uri = f"{STREAM}/{video.folder}/{IFRAMES}"
    attributes = _rates(measure(pieces, target), [video.picture.codec])
    return _tag("EXT-X-I-FRAME-STREAM-INF", [*attributes, *_size(video.picture), ("URI", _quoted(uri))])


def _rates(rate: Bandwidth, codecs: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("BANDWIDTH", str(rate.peak)),
        ("AVERAGE-BANDWIDTH", str(rate.average)),
        ("CODECS", _quoted(",".join(codecs))),
    ]


def _size(picture: Picture) -> list[tuple[str, str]]:
    width, height = picture.display_size
    return [("RESOLUTION", f"{width}x{height}"), ("VIDEO-RANGE", picture.video_range.value)]


def _path(track: VideoTrack | AudioTrack | TextTrack) -> str:
    return f"{STREAM}/{track.folder}/{MEDIA}"


def _quoted(text: str) -> str:
    """Quote a text that has neither quotes nor line ends, for which there is no escape; see ``tracks.distinct``."""
    return f'"{text}"'


def _tag(name: str, attributes: Iterable[tuple[str, str]]) -> str:
    return f"#{name}:{','.join(f'{key}={value}' for key, value in attributes)}"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
