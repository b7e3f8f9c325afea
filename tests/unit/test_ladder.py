from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.recipes.ladder import LONGEST_SIDE, Rendition, display_size, ladder
from vidctl.worker.recipes.profile import Rung, VideoCodec, VideoProfile
from vidctl.worker.source.media import Media, VideoStream

PROFILE = VideoProfile()
HD = ((1920, 1080), (1280, 720), (852, 480), (640, 360))


def media(width: int, height: int, *, aspect: Fraction = Fraction(1), rotation: int = 0) -> Media:
    video = VideoStream(
        index=0, codec="h264", width=width, height=height, sample_aspect=aspect, rotation_degrees=rotation
    )
    return Media(container="mp4", duration_seconds=1.0, streams=1, video=video)


def turned(sizes: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((height, width) for width, height in sizes)


@pytest.mark.parametrize(
    ("source", "sizes"),
    [
        pytest.param(media(1920, 1080), HD, id="a rung"),
        pytest.param(media(1280, 720), HD[1:], id="a lower rung"),
        pytest.param(media(640, 360), HD[3:], id="the lowest rung"),
        pytest.param(media(3840, 2160), HD, id="above"),
        pytest.param(media(1600, 900), ((1600, 900), *HD[1:]), id="between"),
        pytest.param(media(1440, 810), ((1440, 810), *HD[2:]), id="just above a rung, which is left out"),
        pytest.param(media(1080, 1920), turned(HD), id="portrait"),
        pytest.param(media(1920, 1080, rotation=90), turned(HD), id="a quarter turn"),
        pytest.param(media(1920, 1080, rotation=270), turned(HD), id="a quarter turn the other way"),
        pytest.param(media(1920, 1080, rotation=180), HD, id="upside down"),
        pytest.param(media(1920, 1080, rotation=45), HD, id="an angle that nobody draws"),
        pytest.param(media(1440, 1080, aspect=Fraction(4, 3)), HD, id="wide pixels"),
        pytest.param(media(720, 576, aspect=Fraction(64, 45)), ((1024, 576), *HD[2:]), id="wide pixels between"),
        pytest.param(
            media(720, 576, aspect=Fraction(64, 45), rotation=90),
            turned(((1024, 576), *HD[2:])),
            id="wide pixels, turned",
        ),
        pytest.param(media(960, 360, aspect=Fraction(1, 2)), ((480, 360),), id="narrow pixels"),
        pytest.param(media(160, 90), ((160, 90),), id="below"),
        pytest.param(media(161, 91), ((160, 90),), id="odd"),
        pytest.param(media(1, 1), ((2, 2),), id="one pixel"),
        pytest.param(media(64, 1), ((64, 2),), id="a line"),
        pytest.param(media(8192, 1024), ((4096, 512), (2880, 360)), id="wider than decoders take"),
        pytest.param(media(8192, 4320), ((2048, 1080), (1364, 720), (910, 480), (682, 360)), id="8K"),
    ],
)
def test_a_source_gets_the_rungs_that_do_not_enlarge_it(source: Media, sizes: tuple[tuple[int, int], ...]) -> None:
    assert tuple((r.width, r.height) for r in ladder(source, PROFILE)) == sizes


def test_a_newer_codec_is_decoded_twice_as_wide() -> None:
    assert ladder(media(8192, 1024), VideoProfile(codec="hevc"))[0] == Rendition(
        name="v1024", width=8192, height=1024, max_bitrate=6_000_000
    )


def test_a_rendition_is_called_by_its_short_side_and_has_the_bits_of_its_rung() -> None:
    assert [(r.name, r.max_bitrate) for r in ladder(media(1080, 1920), PROFILE)] == [
        ("v1080", 6_000_000),
        ("v720", 3_200_000),
        ("v480", 1_500_000),
        ("v360", 800_000),
    ]


def test_a_source_between_two_rungs_has_the_bits_of_the_upper_one() -> None:
    assert [(r.name, r.max_bitrate) for r in ladder(media(1600, 900), PROFILE)][:2] == [
        ("v900", 6_000_000),
        ("v720", 3_200_000),
    ]


sides = st.integers(min_value=1, max_value=10_000)
aspects = st.fractions(min_value=Fraction(1, 20), max_value=20)
rungs = st.lists(st.integers(min_value=8, max_value=2160), min_size=1, max_size=10, unique=True).map(
    lambda found: tuple(Rung(short_side=2 * side, max_bitrate=100_000 + side) for side in sorted(found, reverse=True))
)
codecs: st.SearchStrategy[VideoCodec] = st.sampled_from(("h264", "hevc", "av1"))


@given(width=sides, height=sides, aspect=aspects, turn=st.sampled_from([0, 90, 180, 270]), steps=rungs, codec=codecs)
def test_renditions_are_even_distinct_and_never_larger_than_the_source_or_the_one_above(
    width: int, height: int, aspect: Fraction, turn: int, steps: tuple[Rung, ...], codec: VideoCodec
) -> None:
    source = media(width, height, aspect=aspect, rotation=turn)

    found = ladder(source, VideoProfile(codec=codec, ladder=steps))

    shown = display_size(source)
    assert 1 <= len(found) <= len(steps)
    assert len({rendition.name for rendition in found}) == len(found)
    for rendition in found:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert 2 <= rendition.width <= max(2, shown[0])
        assert 2 <= rendition.height <= max(2, shown[1])
        assert rendition.short_side <= max(2, steps[0].short_side)
        assert max(rendition.width, rendition.height) <= LONGEST_SIDE[codec]
    for upper, lower in pairwise(found):
        assert lower.short_side < upper.short_side
        assert lower.max_bitrate < upper.max_bitrate


@given(width=st.integers(min_value=100, max_value=8000), height=st.integers(min_value=100, max_value=8000))
def test_renditions_keep_the_shape_of_the_picture_to_a_pixel(width: int, height: int) -> None:
    for rendition in ladder(media(width, height), PROFILE):
        factor = max(rendition.width / width, rendition.height / height)
        assert abs(width * factor - rendition.width) <= 2 * max(1, width / height)
        assert abs(height * factor - rendition.height) <= 2 * max(1, height / width)
