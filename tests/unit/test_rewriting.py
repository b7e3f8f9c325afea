"""Whole documents as the worker writes them, and what is made of them."""

from __future__ import annotations

from vidctl.http.playback import rewriting

MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio1",NAME="English",DEFAULT=YES,AUTOSELECT=YES,URI="stream/a1/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=700000,CODECS="avc1.64001e,mp4a.40.2",AUDIO="audio1",CLOSED-CAPTIONS=NONE
stream/v360/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,CODECS="avc1.64001e",URI="stream/v360/iframes.m3u8"
"""

MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-KEY:METHOD=AES-128,URI="key.bin",IV=0x00
#EXT-X-MAP:URI="init.mp4",BYTERANGE="700@0"
#EXTINF:6.000000,
00001.m4s
#EXTINF:2.500000,
00002.m4s
#EXT-X-ENDLIST
"""

IFRAMES = """#EXTM3U
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.000000,
#EXT-X-BYTERANGE:900@48
00001.m4s
#EXT-X-ENDLIST
"""

SUBTITLES = "#EXTM3U\n#EXTINF:8.500000,\nsubtitles.vtt\n#EXT-X-ENDLIST\n"

MPD = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT8.5S">
  <Period id="0" start="PT0S">
    <AdaptationSet contentType="video" mimeType="video/mp4" id="1">
      <SegmentTemplate timescale="25" startNumber="1" initialization="stream/$RepresentationID$/init.mp4"\
 media="stream/$RepresentationID$/$Number%05d$.m4s">
        <SegmentTimeline>
          <S t="0" d="150" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v360" bandwidth="700000" />
    </AdaptationSet>
    <AdaptationSet contentType="text" mimeType="text/vtt" id="2">
      <Representation id="s1" bandwidth="10">
        <BaseURL>stream/s1/subtitles.vtt</BaseURL>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""

STORYBOARD = """WEBVTT

00:00:00.000 --> 00:00:02.000
storyboard/00001.jpg#xywh=0,0,160,90

00:00:02.000 --> 00:00:04.000
storyboard/00001.jpg#xywh=160,0,160,90
"""


def signed(uri: str) -> str:
    return f"https://cdn/{uri}?a=1&b=2"


def test_a_multivariant_playlist_names_playlists_and_nothing_else() -> None:
    assert rewriting.hls(MASTER, signed) == MASTER


def test_segments_maps_and_keys_of_a_media_playlist_are_placed() -> None:
    assert rewriting.hls(MEDIA, signed) == (
        MEDIA.replace('"key.bin"', '"https://cdn/key.bin?a=1&b=2"')
        .replace('"init.mp4"', '"https://cdn/init.mp4?a=1&b=2"')
        .replace("\n00001.m4s\n", "\nhttps://cdn/00001.m4s?a=1&b=2\n")
        .replace("\n00002.m4s\n", "\nhttps://cdn/00002.m4s?a=1&b=2\n")
    )


def test_keyframes_keep_their_ranges() -> None:
    assert rewriting.hls(IFRAMES, signed) == IFRAMES.replace('"init.mp4"', '"https://cdn/init.mp4?a=1&b=2"').replace(
        "\n00001.m4s\n", "\nhttps://cdn/00001.m4s?a=1&b=2\n"
    )


def test_subtitles_are_a_segment() -> None:
    assert rewriting.hls(SUBTITLES, signed) == SUBTITLES.replace("subtitles.vtt", "https://cdn/subtitles.vtt?a=1&b=2")


def test_templates_of_a_manifest_keep_their_variables_and_addresses_are_written_as_xml() -> None:
    assert rewriting.dash(MPD, signed) == (
        MPD.replace(
            '"stream/$RepresentationID$/init.mp4"', '"https://cdn/stream/$RepresentationID$/init.mp4?a=1&amp;b=2"'
        )
        .replace(
            '"stream/$RepresentationID$/$Number%05d$.m4s"',
            '"https://cdn/stream/$RepresentationID$/$Number%05d$.m4s?a=1&amp;b=2"',
        )
        .replace("stream/s1/subtitles.vtt<", "https://cdn/stream/s1/subtitles.vtt?a=1&amp;b=2<")
    )


def test_pictures_of_a_storyboard_keep_their_places() -> None:
    assert rewriting.storyboard(STORYBOARD, signed) == STORYBOARD.replace(
        "storyboard/00001.jpg#", "https://cdn/storyboard/00001.jpg?a=1&b=2#"
    )


def test_whoever_places_nothing_changes_nothing() -> None:
    for rewritten, text in (
        *((rewriting.hls, text) for text in (MASTER, MEDIA, IFRAMES, SUBTITLES)),
        (rewriting.dash, MPD),
        (rewriting.storyboard, STORYBOARD),
    ):
        assert rewritten(text, str) == text


def test_a_playlist_is_as_long_as_its_segments() -> None:
    assert rewriting.extent(MEDIA) == (2, 8.5)
    assert rewriting.extent(MASTER) == (0, 0)
