"""The DASH manifest, whole and in parts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction

import pytest

from tests.unit.test_hls import AUDIO, PICTURE, SOUND, TEXT, VIDEO, segments
from vidctl.worker.cmaf.dash import manifest
from vidctl.worker.cmaf.sample_entry import Colour, Sound
from vidctl.worker.cmaf.tracks import Presentation

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


def parsed(presentation: Presentation) -> ET.Element:
    return ET.fromstring(manifest(presentation))  # noqa: S314 - our own text


def first(presentation: Presentation, path: str) -> ET.Element:
    found = parsed(presentation).find("/".join(["." + "/", *(f"{MPD}{name}" for name in path.split("/"))]))
    assert found is not None, path
    return found


def timeline(presentation: Presentation) -> list[dict[str, str]]:
    return [entry.attrib for entry in first(presentation, "SegmentTimeline")]


def test_the_manifest_describes_every_track() -> None:
    small = replace(VIDEO, folder="v180", picture=replace(PICTURE, codec="avc1.64000D", width=320, height=180))
    text = manifest(Presentation(videos=(VIDEO, small), audios=(AUDIO,), texts=(TEXT,)))
    assert text == (
        """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" \
profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="static" \
mediaPresentationDuration="PT10S" maxSegmentDuration="PT6S" minBufferTime="PT6S">
  <Period id="0" start="PT0S">
    <AdaptationSet contentType="video" mimeType="video/mp4" startWithSAP="1" par="16:9" segmentAlignment="true" id="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main" />
      <SegmentTemplate timescale="1000" startNumber="1" initialization="stream/$RepresentationID$/init.mp4" \
media="stream/$RepresentationID$/$Number%05d$.m4s">
        <SegmentTimeline>
          <S t="0" d="6000" />
          <S d="4000" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v360" bandwidth="2000" codecs="avc1.64001E" width="640" height="360" \
frameRate="30000/1001" sar="1:1" />
      <Representation id="v180" bandwidth="2000" codecs="avc1.64000D" width="320" height="180" \
frameRate="30000/1001" sar="1:1" />
    </AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="en" startWithSAP="1" audioSamplingRate="48000" \
segmentAlignment="true" id="2">
      <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2" />
      <Label>English</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main" />
      <SegmentTemplate timescale="1000" startNumber="1" initialization="stream/$RepresentationID$/init.mp4" \
media="stream/$RepresentationID$/$Number%05d$.m4s">
        <SegmentTimeline>
          <S t="0" d="6000" />
          <S d="4000" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="a1" bandwidth="200" codecs="mp4a.40.2" />
    </AdaptationSet>
    <AdaptationSet contentType="text" mimeType="text/vtt" lang="en" id="3">
      <Label>English</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle" />
      <Representation id="s1" bandwidth="160">
        <BaseURL>stream/s1/subtitles.vtt</BaseURL>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
    )


def test_equal_durations_are_written_once() -> None:
    found = timeline(Presentation(videos=(replace(VIDEO, segments=segments(6, 6, 6, 5, 6, 6, timescale=1)),)))
    assert found == [{"t": "0", "d": "6", "r": "2"}, {"d": "5"}, {"d": "6", "r": "1"}]


def test_what_is_skipped_before_the_start_is_not_part_of_the_timeline() -> None:
    sound = replace(AUDIO, segments=segments(6021, 4000, start=-21))
    assert timeline(Presentation(audios=(sound,))) == [{"t": "0", "d": "6000"}, {"d": "4000"}]


def test_what_is_skipped_takes_no_time_to_load() -> None:
    sound = replace(AUDIO, segments=segments(1250, start=-250, size=1000))
    assert first(Presentation(audios=(sound,)), "Representation").get("bandwidth") == "8000"


def test_a_presentation_that_starts_late_starts_with_its_first_track() -> None:
    picture = replace(VIDEO, segments=segments(6000, 4000, start=5000))
    sound = replace(AUDIO, segments=segments(288000, 192000, timescale=48000, start=240480))
    presentation = Presentation(videos=(picture,), audios=(sound,))
    templates = list(parsed(presentation).iter(f"{MPD}SegmentTemplate"))
    assert [template.get("presentationTimeOffset") for template in templates] == ["5000", "240000"]
    assert [next(template.iter(f"{MPD}S")).get("t") for template in templates] == ["5000", "240480"]
    assert parsed(presentation).get("mediaPresentationDuration") == "PT10.01S"


def test_renditions_that_are_cut_differently_have_timelines_of_their_own() -> None:
    other = replace(VIDEO, folder="v180", segments=segments(5000, 5000))
    presentation = Presentation(videos=(VIDEO, other))
    adaptation_set = first(presentation, "AdaptationSet")
    assert adaptation_set.get("segmentAlignment") is None
    assert [len(list(r.iter(f"{MPD}SegmentTimeline"))) for r in adaptation_set.iter(f"{MPD}Representation")] == [1, 1]


def test_players_switch_only_within_one_codec_and_one_range() -> None:
    hdr = replace(PICTURE, codec="hvc1.2.4.L93.B0", colour=Colour(primaries=9, transfer=16, matrix=9))
    videos = (
        VIDEO,
        replace(VIDEO, folder="v361", picture=replace(PICTURE, codec="hvc1.1.6.L93.90")),
        replace(VIDEO, folder="v362", picture=hdr),
    )
    sets = list(parsed(Presentation(videos=videos)).iter(f"{MPD}AdaptationSet"))
    assert [[r.get("id") for r in made.iter(f"{MPD}Representation")] for made in sets] == [["v360"], ["v361"], ["v362"]]
    properties = {
        p.get("schemeIdUri", "").rpartition(":")[2]: p.get("value") for p in sets[2].iter(f"{MPD}EssentialProperty")
    }
    assert properties == {"ColourPrimaries": "9", "TransferCharacteristics": "16", "MatrixCoefficients": "9"}
    assert not list(sets[1].iter(f"{MPD}EssentialProperty"))


def test_pixels_that_are_not_square_are_told() -> None:
    picture = replace(PICTURE, width=720, height=576, sample_aspect=Fraction(64, 45))
    presentation = Presentation(videos=(replace(VIDEO, picture=picture),))
    assert first(presentation, "AdaptationSet").get("par") == "16:9"
    representation = first(presentation, "Representation")
    assert (representation.get("width"), representation.get("sar")) == ("720", "64:45")


@pytest.mark.parametrize(
    ("channels", "standard", "value"),
    [(("CC1", "CC3"), "608", "CC1=und;CC3=und"), (("SERVICE1", "SERVICE2"), "708", "1=lang:und;2=lang:und")],
)
def test_closed_captions_are_told_beside_the_picture(channels: tuple[str, ...], standard: str, value: str) -> None:
    found = parsed(Presentation(videos=(VIDEO,), audios=(AUDIO,), captions=channels)).iter(f"{MPD}Accessibility")
    assert [dict(element.items()) for element in found] == [
        {"schemeIdUri": f"urn:scte:dash:cc:cea-{standard}:2015", "value": value}
    ]


@pytest.mark.parametrize(("channels", "value"), [(1, "1"), (2, "2"), (6, "6"), (8, "12")])
def test_channels_are_told_by_their_configuration(channels: int, value: str) -> None:
    presentation = Presentation(audios=(replace(AUDIO, sound=replace(SOUND, channels=channels)),))
    assert first(presentation, "AudioChannelConfiguration").get("value") == value


def test_channels_in_an_unknown_order_are_not_told() -> None:
    presentation = Presentation(audios=(replace(AUDIO, sound=Sound(codec="Opus", rate=0, channels=11)),))
    assert parsed(presentation).find(f".//{MPD}AudioChannelConfiguration") is None
    assert first(presentation, "AdaptationSet").get("audioSamplingRate") == "1000"


def test_one_sound_is_the_main_one_and_forced_subtitles_are_told() -> None:
    second = replace(AUDIO, folder="a2", name="Français", language="fr", default=True)
    forced = replace(TEXT, folder="s2", name="English", forced=True)
    chosen = replace(TEXT, folder="s3", default=True, language="und")
    presentation = Presentation(audios=(AUDIO, second), texts=(TEXT, forced, chosen))
    sets = list(parsed(presentation).iter(f"{MPD}AdaptationSet"))
    roles = [[role.get("value") for role in made.iter(f"{MPD}Role")] for made in sets]
    assert roles == [["alternate"], ["main"], ["subtitle"], ["forced-subtitle"], ["subtitle", "main"]]
    assert [made.get("lang") for made in sets] == ["en", "fr", "en", "en", None]
    labels = [label.text for label in parsed(presentation).iter(f"{MPD}Label")]
    assert labels == ["English", "Français", "English", "English (2)", "English (3)"]


def test_no_name_breaks_the_manifest() -> None:
    presentation = Presentation(audios=(replace(AUDIO, name='<a & "b"\x00\ud800>'),))
    assert first(presentation, "Label").text == "<a & 'b' >"


def test_the_same_presentation_has_the_same_text() -> None:
    presentation = Presentation(videos=(VIDEO,), audios=(AUDIO,), texts=(TEXT,))
    assert manifest(presentation) == manifest(presentation)
