"""The boxes of a fragmented MP4, built by hand, and what is read from them."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fragmented import audio_entry, box, edits, fragment, full, head, video_entry
from vidctl.worker.cmaf.boxes import Box, children
from vidctl.worker.cmaf.fragments import Fragment, FragmentReader, delayed
from vidctl.worker.cmaf.init_segment import Defaults, Init, parse_init
from vidctl.worker.failure import Failed


def read(content: bytes) -> tuple[Init, list[Fragment]]:
    reader = FragmentReader(io.BytesIO(content))
    found = list(reader.read(len(content)))
    reader.finish(len(content))
    assert reader.init is not None
    return reader.init, found


def moof(*in_traf: bytes) -> bytes:
    return box("moof", box("traf", *in_traf)) + box("mdat", bytes(100))


TFHD = full("tfhd", struct.pack(">I", 1), flags=0x20000)
TFDT = full("tfdt", struct.pack(">Q", 7), version=1)


def test_fragments_are_found_with_their_bytes_and_times() -> None:
    begin = head()
    first, second = fragment(0), fragment(6000, durations=(3000, 4000, 1000), sizes=(5, 6, 7))
    _, found = read(begin + first + second)
    assert [(f.offset, f.length) for f in found] == [
        (len(begin), len(first)),
        (len(begin) + len(first), len(second)),
    ]
    assert found[1] == Fragment(
        offset=len(begin) + len(first),
        length=len(second),
        decode=6000,
        start=6000,
        end=14000,
        duration=8000,
        samples=3,
        sync=True,
        first_length=len(second) - 6 - 7,
        shortest=1000,
        decode_at=found[1].decode_at,
    )
    assert (begin + first + second)[found[1].decode_at :][:8] == (6000).to_bytes(8, "big")


def test_a_fragment_starts_with_what_shows_first_and_ends_with_what_shows_last() -> None:
    content = fragment(9000, durations=(3000, 3000, 3000), compositions=(0, 3000, -6000))
    (found,) = read(head() + content)[1]
    assert (found.start, found.end, found.duration) == (9000, 18000, 9000)
    (early,) = read(head() + fragment(9000, compositions=(-6000, 0)))[1]
    assert early.start == 3000


def test_a_fragment_that_needs_what_was_before_says_so() -> None:
    assert not read(head() + fragment(0, sync=False))[1][0].sync


def test_boxes_before_a_fragment_belong_to_it_and_boxes_at_the_end_to_none() -> None:
    prefix = box("styp", b"msdh")
    content = head() + fragment(0) + fragment(6000, prefix=prefix) + box("mfra")
    found = read(content)[1]
    assert content[found[1].offset :].startswith(prefix)
    assert found[1].first_length == len(prefix) + len(fragment(6000)) - 10
    assert found[1].offset + found[1].length + 8 == len(content)


def test_what_a_fragment_does_not_say_its_header_says_and_else_the_beginning() -> None:
    bare = full("trun", struct.pack(">Ii", 2, 50), flags=0x1)
    begin = head(defaults=(1000, 20, 0x10000))
    (found,) = read(begin + moof(TFHD, TFDT, bare))[1]
    assert (found.duration, found.first_length, found.sync) == (2000, 70, False)
    own = full("tfhd", struct.pack(">5I", 1, 1, 512, 9, 0), flags=0x2003A)
    (found,) = read(begin + moof(own, TFDT, bare))[1]
    assert (found.duration, found.first_length, found.sync) == (1024, 59, True)


def test_the_first_sample_may_have_flags_of_its_own() -> None:
    trun = full("trun", struct.pack(">IiI", 2, 50, 0x02000000), flags=0x5)
    assert read(head(defaults=(1000, 20, 0x10000)) + moof(TFHD, TFDT, trun))[1][0].sync


def test_an_older_run_has_no_negative_offsets() -> None:
    trun = full("trun", struct.pack(">IiI", 1, 50, 0x80000000), flags=0x801)
    assert read(head() + moof(TFHD, TFDT, trun))[1][0].start == 7 + 0x80000000


def test_several_runs_are_one_fragment() -> None:
    trun = full("trun", struct.pack(">Ii", 2, 50), flags=0x1)
    (found,) = read(head(defaults=(1000, 20, 0)) + moof(TFHD, TFDT, trun, trun))[1]
    assert (found.samples, found.duration) == (4, 4000)


def test_a_box_may_have_a_length_of_64_bits() -> None:
    small = fragment(0)
    media = small.index(b"mdat") - 4
    large = small[:media] + struct.pack(">I4sQ", 1, b"mdat", 36) + bytes(20)
    assert read(head() + large)[1][0].length == len(small) + 8


@given(st.lists(st.integers(0, 700), max_size=8))
def test_a_growing_file_yields_every_fragment_once_and_only_whole_ones(sizes: list[int]) -> None:
    content = head() + fragment(0) + fragment(6000) + fragment(12000, prefix=box("free", bytes(3)))
    reader = FragmentReader(io.BytesIO(content))
    found: list[Fragment] = []
    for size in sorted(min(size, len(content)) for size in sizes):
        found += reader.read(size)
        assert all(f.offset + f.length <= size for f in found)
    found += reader.read(len(content))
    reader.finish(len(content))
    assert found == read(content)[1]


def test_of_the_media_no_byte_is_read() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.taken += len(part)
            return part

    begin, large = head(), fragment(0, sizes=(1_000_000, 1_000_000))
    file = Counting(begin + large)
    reader = FragmentReader(file)
    assert len(list(reader.read(len(begin + large)))) == 1
    assert file.taken < 2 * len(begin) + 500


BROKEN = {
    "nothing": (b"", "it ends after 0 bytes"),
    "cut in the media": (head() + fragment(0)[:-1], "is not whole"),
    "cut in the index": (head() + fragment(0)[:50], "is not whole"),
    "an index without media": (head() + fragment(0) + moof(TFHD)[: -len(box("mdat", bytes(100)))], "is not whole"),
    "media without an index": (head() + box("mdat", bytes(4)), "no index before them"),
    "a length of nothing": (head() + struct.pack(">I4s", 0, b"moof"), "claims a length of 0"),
    "a length that is too small": (head() + struct.pack(">I4s", 7, b"moof"), "claims a length of 7"),
    "no time": (head() + moof(TFHD), "does not say its time"),
    "a short time": (head() + moof(TFHD, full("tfdt", bytes(4))), "a time of 32 bits"),
    "no samples": (head() + moof(TFHD, TFDT), "has no sample"),
    "fewer samples than said": (
        head() + moof(TFHD, TFDT, full("trun", struct.pack(">Ii", 9, 0), flags=0x101)),
        "are asked for",
    ),
    "absolute addresses": (
        head() + moof(full("tfhd", bytes(12), flags=0x1), TFDT),
        "addressed from the file's start",
    ),
    "a box larger than its parent": (
        head() + box("moof", struct.pack(">I4s", 99, b"traf")) + box("mdat"),
        "does not end by",
    ),
    "two tracks": (head(tracks=2), "one track is expected, and it has 2"),
    "no unit": (head(timescale=0), "no unit"),
    "no moov": (box("ftyp"), "is not whole"),
    "an unknown codec": (head(video_entry("vp09")), "'vp09', which is not packaged"),
    "no codec": (head(video_entry("hvc1", b"")), "are asked for"),
    "a codec without configuration": (head(audio_entry("mp4a")), "without its configuration"),
    "an edit list that cuts": (head(edit_list=edits((1, 0), (1, 9))), "more than to set the start"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=list(BROKEN))
def test_what_is_no_track_of_fragments_is_named(content: bytes, said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        read(content)
    assert caught.value.failure.code == "bad_fragments"


@given(st.data())
def test_damage_is_never_another_error(data: st.DataObject) -> None:
    content = bytearray(head(edit_list=edits((500, -1), (0, 1024))) + fragment(0) + fragment(6000))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except Failed as failed:
        assert failed.failure.code == "bad_fragments"  # noqa: PT017 - most damage goes unnoticed, and may


def test_the_edit_list_says_what_is_skipped() -> None:
    init = parse_init(head(audio_entry("Opus"), timescale=48000, edit_list=edits((0, 312))))
    assert (init.skipped, init.delay, init.shift) == (312, 0, -312)
    assert init.content == head(audio_entry("Opus"), timescale=48000, edit_list=edits((0, 312)))


@pytest.mark.parametrize("version", [0, 1])
def test_a_delay_moves_from_the_edit_list_into_the_fragments(version: int) -> None:
    late = edits((500, -1), (0, 1024), version=version)
    begin, first, second = head(edit_list=late), fragment(0), fragment(6000)
    init, found = read(begin + first + second)
    assert (init.skipped, init.delay, init.shift) == (1024, 45000, 43976)
    moved = init.content + delayed(first + second, len(begin), found, init.delay)
    assert len(moved) == len(begin + first + second)
    again, late_fragments = read(moved)
    assert (again.skipped, again.delay) == (1024, 0)
    assert [f.decode for f in late_fragments] == [45000, 51000]
    assert [f.start + again.shift for f in late_fragments] == [f.start + init.shift for f in found]


def test_nothing_moves_without_a_delay() -> None:
    assert delayed(b"as it is", 0, read(head() + fragment(0))[1], 0) == b"as it is"


def test_defaults_and_size_are_those_of_the_file() -> None:
    init = parse_init(head(defaults=(1, 2, 3)))
    assert init.defaults == Defaults(duration=1, size=2, flags=3)
    assert init.length == len(head())
    assert init.timescale == 90000


def test_a_track_is_asked_for_what_it_is() -> None:
    video, audio = parse_init(head()), parse_init(head(audio_entry("Opus")))
    assert (video.picture, audio.sound) == (video.entry, audio.entry)
    with pytest.raises(Failed, match=r"sound is expected, and found is avc1\.64001E"):
        _ = video.sound
    with pytest.raises(Failed, match="a picture is expected, and found is Opus"):
        _ = audio.picture
    assert replace(video, skipped=5).shift == -5


def test_children_fill_their_parent() -> None:
    data = box("free") + box("skip", b"1")
    assert list(children(data, 0, len(data))) == [
        Box(kind=b"free", start=0, body=8, end=8),
        Box(kind=b"skip", start=8, body=16, end=17),
    ]
