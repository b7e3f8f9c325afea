"""What a file holds beside its picture and its sound: more of them, covers, texts, data."""

from __future__ import annotations

from tests.corpus import atoms
from tests.corpus.captions import captioned, spoken
from tests.corpus.intent import Input, Published, Refused
from tests.corpus.recipe import AAC, BOTH, PICTURE, X264, altered, copied, film, joined, lavfi, picture, subtitled, tone

_LINES = "1\n00:00:00,100 --> 00:00:00,400\n{}\n\n2\n00:00:00,500 --> 00:00:00,900\n<i>...</i>\n"
_LANGUAGES = ("eng", "deu", "jpn")
_STEREO = f"{tone()},aformat=channel_layouts=stereo"

INPUTS = (
    Input(
        name="two_languages",
        special="sound in two languages",
        recipe=film(
            *(*PICTURE, *lavfi(tone(), tone()), "-map", "0", "-map", "1", "-map", "2", *X264, *AAC),
            *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        ),
        intent=Published(sounds=("en", "de")),
    ),
    Input(
        name="five_sounds",
        special="five sound tracks, of which the second is the main one",
        recipe=film(
            *(*PICTURE, *lavfi(tone(), _STEREO), "-map", "0", "-map", "1", "-map", "2", "-map", "1", "-map", "1"),
            *("-map", "1", *X264, *AAC, "-disposition:a", "0", "-disposition:a:1", "default"),
        ),
        intent=Published(sounds=("und",) * 5, channels=2),
    ),
    Input(
        name="unknown_second_sound",
        special="a second sound track of a codec that nobody knows, as telephones add for spatial sound",
        recipe=altered("two_languages", atoms.unknown_sound("trak:2")),
        intent=Published(sounds=("en",)),
    ),
    Input(
        name="unknown_sound",
        special="the only sound track is of a codec that nobody knows",
        recipe=altered("good", atoms.unknown_sound("trak:1")),
        intent=Refused(code="unsupported_codec", why="published it would have lost its sound, and nobody told"),
    ),
    Input(
        name="unknown_picture",
        special="the only picture is of a codec that nobody knows",
        recipe=altered("good", lambda body: atoms.entry_named(body, "trak", b"avc1", b"zzzz")),
        intent=Refused(code="unsupported_codec", why="there is nothing that could be shown"),
    ),
    Input(
        name="two_pictures",
        special="a small picture before the large one, as telephones write it for previews",
        recipe=film(*lavfi(picture("64x36"), picture()), "-map", "0", "-map", "1", *X264),
        intent=Published(sounds=()),
    ),
    Input(
        name="cover_art",
        special="a cover, which to ffprobe is a picture",
        recipe=joined(("good", "jpeg"), "-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic"),
        intent=Published(),
    ),
    Input(
        name="only_cover_art",
        special="sound with a cover",
        recipe=joined(
            ("audio_only", "jpeg"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic"
        ),
        intent=Refused(code="no_video_stream", why="it is a song"),
    ),
    Input(
        name="audio_only",
        special="sound, and nothing else",
        recipe=film(*lavfi(tone()), *AAC),
        intent=Refused(code="no_video_stream", why="it has no picture"),
    ),
    Input(
        name="text_only",
        special="subtitles, and nothing else",
        recipe=copied("subtitled", "-map", "0:s"),
        intent=Refused(code="no_video_stream", why="it has no picture"),
    ),
    Input(
        name="time_code",
        special="a track of time codes",
        recipe=film(*BOTH, *X264, *AAC, "-timecode", "10:00:00:00"),
        intent=Published(),
    ),
    Input(
        name="data_track",
        special="a track of data, as of a camera's position",
        recipe=altered("subtitled", lambda body: atoms.entry_named(body, "trak:2", b"tx3g", b"zzzz")),
        intent=Published(),
    ),
    Input(
        name="unknown_track",
        special="subtitles that say they are a kind of track that nobody knows",
        recipe=altered(
            "subtitled", lambda body: atoms.number(body, "moov/trak:2/mdia/hdlr", 8, int.from_bytes(b"zzzz", "big"))
        ),
        intent=Published(subtitles=("en",)),
    ),
    Input(
        name="chapters",
        special="chapters, which are a text track that is none",
        recipe=joined(("good", "chapter_marks"), "-map", "0", "-map_metadata", "1", "-c", "copy"),
        intent=Published(),
    ),
    Input(
        name="subtitled",
        special="subtitles",
        recipe=subtitled({"eng": _LINES.format("Hello")}),
        intent=Published(subtitles=("en",)),
    ),
    Input(
        name="subtitled_thrice",
        special="subtitles in three languages, with markup and signs of WebVTT in them",
        recipe=subtitled({language: _LINES.format(f"{language} 東京 & --> <b>x</b>") for language in _LANGUAGES}),
        intent=Published(subtitles=("en", "de", "ja")),
    ),
    Input(
        name="empty_subtitles",
        special="a track of subtitles in which nothing is said",
        recipe=subtitled({"eng": "1\n00:00:00,100 --> 00:00:00,900\n \n"}),
        intent=Published(),
    ),
    Input(
        name="late_subtitles",
        special="a subtitle that stands for a minute after the picture",
        recipe=subtitled({"eng": "1\n00:00:00,100 --> 00:01:00,000\nThe end\n"}),
        intent=Published(subtitles=("en",)),
    ),
    Input(
        name="closed_captions",
        special="captions within the picture, as of American television (CEA-608)",
        recipe=captioned("elementary", spoken("GOOD EVENING")),
        intent=Published(captions=("CC1",)),
    ),
    Input(
        name="silent_captions",
        special="captions within the picture that never say anything",
        recipe=captioned("elementary", ()),
        intent=Published(),
    ),
    Input(
        name="thousand_streams",
        special="a thousand streams",
        recipe=copied("no_audio", *("-map", "0") * 1000, "-frames:v", "1"),
        intent=Refused(code="over_limits", why="each of them takes a decoder; 64 are the limit"),
    ),
)

PARTS = {"elementary": film(*PICTURE, *X264, "-f", "h264")}
"""The pictures of ``closed_captions``, without a container."""
