from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.ladder import MAX_LONG_SIDE, Rendition, display_size, ladder
from vidctl.worker.media import Media, VideoStream


def media(width: int, height: int, *, aspect: Fraction = Fraction(1), rotation: int = 0) -> Media:
    video = VideoStream(
        index=0, codec="h264", width=width, height=height, sample_aspect=aspect, rotation_degrees=rotation
    )
    return Media(container="mp4", duration_seconds=1.0, streams=1, video=video)


@pytest.mark.parametrize(
    ("source", "size"),
    [
        (media(1920, 1080), (1920, 1080)),
        (media(640, 360), (640, 360)),
        (media(3840, 2160), (1920, 1080)),
        (media(161, 91), (160, 90)),
        (media(1080, 1920), (1080, 1920)),
        (media(2160, 3840), (1080, 1920)),
        (media(1920, 1080, rotation=90), (1080, 1920)),
        (media(1920, 1080, rotation=270), (1080, 1920)),
        (media(1920, 1080, rotation=180), (1920, 1080)),
        (media(1920, 1080, rotation=45), (1920, 1080)),
        (media(720, 576, aspect=Fraction(64, 45)), (1024, 576)),
        (media(720, 576, aspect=Fraction(64, 45), rotation=90), (576, 1024)),
        (media(1440, 1080, aspect=Fraction(4, 3)), (1920, 1080)),
        (media(1920, 1080, aspect=Fraction(1, 2)), (960, 1080)),
        (media(8192, 1024), (4096, 512)),
        (media(1, 1), (2, 2)),
        (media(64, 1), (64, 2)),
        (media(3413, 1920), (1918, 1080)),
    ],
)
def test_the_rendition_has_the_size_at_which_the_source_is_watched(source: Media, size: tuple[int, int]) -> None:
    width, height = size

    assert ladder(source, max_short_side=1080) == (Rendition(name="video.mp4", width=width, height=height),)


sides = st.integers(min_value=1, max_value=10_000)
aspects = st.fractions(min_value=Fraction(1, 20), max_value=20)


@given(width=sides, height=sides, aspect=aspects, rotation=st.sampled_from([0, 90, 180, 270]), limit=sides)
def test_a_rendition_is_even_within_its_limits_and_never_larger_than_the_source(
    width: int, height: int, aspect: Fraction, rotation: int, limit: int
) -> None:
    source = media(width, height, aspect=aspect, rotation=rotation)

    (rendition,) = ladder(source, max_short_side=limit)

    shown = display_size(source)
    assert rendition.width % 2 == rendition.height % 2 == 0
    assert 2 <= rendition.width <= max(2, shown[0])
    assert 2 <= rendition.height <= max(2, shown[1])
    assert min(rendition.width, rendition.height) <= max(2, limit)
    assert max(rendition.width, rendition.height) <= MAX_LONG_SIDE


@given(width=st.integers(min_value=100, max_value=8000), height=st.integers(min_value=100, max_value=8000))
def test_a_rendition_keeps_the_shape_of_the_picture_to_a_pixel(width: int, height: int) -> None:
    (rendition,) = ladder(media(width, height), max_short_side=1080)

    factor = max(rendition.width / width, rendition.height / height)
    assert abs(width * factor - rendition.width) <= 2 * max(1, width / height)
    assert abs(height * factor - rendition.height) <= 2 * max(1, height / width)
