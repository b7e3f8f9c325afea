"""Closed captions, found in the bytes of coded pictures."""

from __future__ import annotations

import pytest

from tests.corpus.captions import message
from vidctl.worker.cmaf.captions import channels, told

RESUME, ROLL_UP, PAINT_ON, TEXT_RESTART, ERASE = 0x20, 0x25, 0x29, 0x2A, 0x2C
FIELD_1, FIELD_2, CONTINUED, PACKET = 0xFC, 0xFD, 0xFE, 0xFF


@pytest.mark.parametrize(
    ("triplet", "found"),
    [
        ((FIELD_1, 0x14, RESUME), "CC1"),
        ((FIELD_1, 0x1C, ROLL_UP), "CC2"),
        ((FIELD_2, 0x14, PAINT_ON), "CC3"),
        ((FIELD_2, 0x15, PAINT_ON), "CC3"),
        ((FIELD_2, 0x9D, 0xA0), "CC4"),
        ((PACKET, 0xC5, 0x22), "SERVICE1"),
        ((PACKET, 0xC5, 0xC2), "SERVICE6"),
    ],
)
def test_a_channel_is_named_once_captions_begin_in_it(triplet: tuple[int, int, int], found: str) -> None:
    assert channels(b"a slice" + message(triplet) + b"another") == {found}


@pytest.mark.parametrize(
    "triplet",
    [
        (FIELD_1, 0x80, 0x80),
        (FIELD_1, 0x14, TEXT_RESTART),
        (FIELD_1, 0x14, ERASE),
        (FIELD_1, ord("A"), ord("%")),
        (FIELD_2, 0x01, 0x20),
        (0xF8, 0x14, RESUME),
        (CONTINUED, 0x14, RESUME),
        (PACKET, 0xC5, 0x02),
        (PACKET, 0xC5, 0x20),
        (PACKET, 0xC5, 0xE2),
    ],
    ids=["padding", "text", "erasing", "letters", "xds", "invalid", "708", "no service", "no size", "extended"],
)
def test_what_begins_no_caption_is_none(triplet: tuple[int, int, int]) -> None:
    assert channels(message(triplet)) == set()


def test_all_triplets_of_all_messages_are_read() -> None:
    first = message((FIELD_1, 0x80, 0x80), (FIELD_2, 0x15, RESUME))
    assert channels(first + b"..." + message((FIELD_1, 0x14, RESUME))) == {"CC1", "CC3"}


def test_a_message_that_is_cut_off_says_what_it_says() -> None:
    whole = message((FIELD_1, 0x14, RESUME), (FIELD_1, 0x1C, RESUME))
    assert [sorted(channels(whole[:-cut])) for cut in range(1, len(whole))] == [
        ["CC1", "CC2"],
        *[["CC1"]] * 3,
        *[[]] * (len(whole) - 5),
    ]


def test_players_are_told_of_what_every_rendition_has() -> None:
    assert told([frozenset({"CC1", "CC3"}), frozenset({"CC3"})]) == ("CC3",)
    assert told([frozenset({"CC1"}), frozenset()]) == ()
    assert told([]) == ()


def test_players_are_told_of_services_only_where_there_are_no_channels() -> None:
    assert told([frozenset({"SERVICE2", "SERVICE1"})]) == ("SERVICE1", "SERVICE2")
    assert told([frozenset({"SERVICE1", "CC1"})]) == ("CC1",)
