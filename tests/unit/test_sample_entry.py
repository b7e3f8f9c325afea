"""Codec strings and what else a sample entry says, from entries built by hand and from ones that encoders wrote."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest

from tests.fragmented import AAC_LC_STEREO, audio_entry, box, esds, video_entry
from vidctl.worker.cmaf.boxes import children
from vidctl.worker.cmaf.sample_entry import Colour, Picture, Sound, VideoRange, parse_entry
from vidctl.worker.failure import Failed


def parsed(entry: bytes) -> Picture | Sound:
    return parse_entry(entry, next(children(entry, 0, len(entry))))


def picture(entry: bytes) -> Picture:
    found = parsed(entry)
    assert isinstance(found, Picture)
    return found


def colour(primaries: int, transfer: int, matrix: int, *, full_range: bool = False) -> bytes:
    return box("colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7))


# Profile space, tier and profile; compatibility; constraints; level.
HEVC_MAIN = bytes.fromhex("01 01 60000000 900000000000 5d".replace(" ", ""))
HEVC_MAIN10_HIGH = bytes.fromhex("01 22 20000000 b00000000000 99".replace(" ", ""))
HEVC_SPACE = bytes.fromhex("01 41 60000000 000000000000 5d".replace(" ", ""))
HEVC_RANGE = bytes.fromhex("01 04 08000000 9e0800000000 5d".replace(" ", ""))


@pytest.mark.parametrize(
    ("kind", "config", "extra", "codec"),
    [
        ("avc1", bytes.fromhex("0142c01e"), b"", "avc1.42C01E"),
        ("hvc1", HEVC_MAIN, b"", "hvc1.1.6.L93.90"),
        ("hev1", HEVC_MAIN10_HIGH, b"", "hev1.2.4.H153.B0"),
        ("hvc1", HEVC_SPACE, b"", "hvc1.A1.6.L93"),
        ("hvc1", HEVC_RANGE, b"", "hvc1.4.10.L93.9E.8"),
        ("av01", bytes.fromhex("81040c00"), b"", "av01.0.04M.08"),
        ("av01", bytes.fromhex("81040c00"), colour(2, 2, 2), "av01.0.04M.08"),
        ("av01", bytes.fromhex("81044c00"), colour(1, 1, 1), "av01.0.04M.10"),
        ("av01", bytes.fromhex("81044c00"), colour(9, 16, 9), "av01.0.04M.10.0.110.09.16.09.0"),
        ("av01", bytes.fromhex("81048e00"), colour(1, 1, 1, full_range=True), "av01.0.04H.08.0.112.01.01.01.1"),
        ("av01", bytes.fromhex("81280000"), b"", "av01.1.08M.08.0.000.01.01.01.0"),
        ("av01", bytes.fromhex("81481c00"), b"", "av01.2.08M.08.1.110.01.01.01.0"),
        ("av01", bytes.fromhex("814d6800"), b"", "av01.2.13M.12.0.100.01.01.01.0"),
    ],
)
def test_a_video_codec_has_the_name_that_players_ask_for(kind: str, config: bytes, extra: bytes, codec: str) -> None:
    assert picture(video_entry(kind, config, extra=extra)).codec == codec


@pytest.mark.parametrize(
    ("entry", "sound"),
    [
        (
            audio_entry(extra=esds(AAC_LC_STEREO)),
            Sound(codec="mp4a.40.2", rate=48000, channels=2),
        ),
        # The configuration is right where the entry says two channels for any sound.
        (audio_entry(extra=esds(bytes.fromhex("11b0"))), Sound(codec="mp4a.40.2", rate=48000, channels=6)),
        (audio_entry(extra=esds(bytes.fromhex("11b8"))), Sound(codec="mp4a.40.2", rate=48000, channels=8)),
        # HE-AAC; xHE-AAC, whose type is written with an escape; a rate that is written out.
        (audio_entry(extra=esds(bytes.fromhex("2b1188"))), Sound(codec="mp4a.40.5", rate=48000, channels=2)),
        (audio_entry(extra=esds(bytes.fromhex("f94640"))), Sound(codec="mp4a.40.42", rate=48000, channels=2)),
        (audio_entry(extra=esds(bytes.fromhex("17805dc008"))), Sound(codec="mp4a.40.2", rate=48000, channels=1)),
        (audio_entry(extra=esds(b"", object_type=0x6B)), Sound(codec="mp4a.6B", rate=48000, channels=2)),
        (audio_entry("Opus", channels=6), Sound(codec="Opus", rate=48000, channels=6)),
        (audio_entry("ac-3", channels=6, rate=44100), Sound(codec="ac-3", rate=44100, channels=6)),
        (audio_entry("ec-3", channels=8), Sound(codec="ec-3", rate=48000, channels=8)),
    ],
)
def test_sound_has_codec_rate_and_channels(entry: bytes, sound: Sound) -> None:
    assert parsed(entry) == sound


def test_the_size_is_as_coded_and_as_shown() -> None:
    plain = picture(video_entry(size=(640, 360)))
    assert plain.display_size == (plain.width, plain.height) == (640, 360)
    wide = picture(video_entry(size=(720, 576), extra=box("pasp", struct.pack(">II", 64, 45))))
    assert (wide.sample_aspect, wide.display_size) == (Fraction(64, 45), (1024, 576))
    unknown = picture(video_entry(extra=box("pasp", bytes(8))))
    assert unknown.sample_aspect == 1


@pytest.mark.parametrize(
    ("extra", "video_range"),
    [
        (b"", VideoRange.SDR),
        (colour(1, 1, 1), VideoRange.SDR),
        (colour(9, 16, 9), VideoRange.PQ),
        (colour(9, 18, 9), VideoRange.HLG),
        (box("colr", b"prof", bytes(9)), VideoRange.SDR),
    ],
)
def test_the_range_is_what_the_transfer_says(extra: bytes, video_range: VideoRange) -> None:
    assert picture(video_entry(extra=extra)).video_range is video_range


def test_colours_are_read() -> None:
    assert picture(video_entry(extra=colour(9, 16, 9, full_range=True))).colour == Colour(
        primaries=9, transfer=16, matrix=9, full_range=True
    )
    assert picture(video_entry()).colour is None


def test_a_picture_without_its_configuration_is_refused() -> None:
    other = video_entry("avc1").replace(b"avcC", b"free")
    with pytest.raises(Failed, match="avc1 without its configuration"):
        parsed(other)
