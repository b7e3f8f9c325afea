"""The filters that make a picture what every player shows right: 8 bits, 4:2:0, limited range, BT.709 or tagged (P).

What becomes of a source's colours:

=====================================  ==========================================================================
PQ, HLG (whatever the primaries)       mapped to BT.709 by the table of ``tonemap``
SDR in BT.2020 or P3                   the same: few players convert primaries, and all would look pale
RGB                                    BT.709
YCbCr of BT.601 or another matrix      kept and tagged as it is: players go by the tag, and a conversion only rounds
YCbCr that says nothing                kept and tagged as what players take it for by its size, so that the smaller
                                       renditions of an HD source are not taken for another
Full range                             limited range
Alpha                                  dropped: the colours are shown as if all were opaque
=====================================  ==========================================================================
"""

from __future__ import annotations

import re

from vidctl.worker.source.media import VideoStream

Filters = tuple[str, ...]

_SD_LONG_SIDE, _SD_SHORT_SIDE = 1279, 576
_BT2020_MATRICES = frozenset({"", "bt2020nc", "bt2020c"})


def filters(video: VideoStream, *, width: int, height: int, cube_path: str | None) -> Filters:
    """Return the filters from a decoded (and deinterlaced) picture to the encoder of SDR.

    ``cube_path`` is where ``tonemap.cube`` of the picture's grade was written, None if it needs none. All in one size
    first, and the largest: a table costs 20 ms of a core for a picture of 1080p, and smaller renditions need no second.
    """
    scale = f"scale={width}:{height}:flags=bicubic"
    if cube_path is not None:
        return (*_to_rgb(video, scale), *_through(cube_path), *_TO_BT709)
    if video.rgb:
        return (f"{scale}:out_color_matrix=bt709:out_range=tv", *_BT709)
    return (f"{scale}:out_range=tv", "format=yuv420p", f"setparams=range=tv{_unsaid(video)}")


_BT709 = ("format=yuv420p", "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709")
_TO_BT709 = ("scale=out_color_matrix=bt709:out_range=tv", *_BT709, "sidedata=mode=delete")


def escaped(path: str) -> str:
    """Return a path as it is written within a filter's options within a graph (ffmpeg-filters, "Notes on escaping")."""
    option = re.sub(r"([\\':])", r"\\\1", path)
    return re.sub(r"([\\'\[\],;])", r"\\\1", option)


def _to_rgb(video: VideoStream, scale: str) -> Filters:
    # 16 bits: ffmpeg 8.1 takes 40 % of the time for the whole chain that it takes with 8, 10 or 12.
    matrix = ":in_color_matrix=bt2020" if video.matrix in _BT2020_MATRICES and not video.rgb else ""
    return (scale + matrix, "format=gbrp16le")


def _through(cube_path: str) -> Filters:
    # Tetrahedral interpolation keeps grey grey: its edges run along the diagonal.
    return (f"lut3d=file={escaped(cube_path)}:interp=tetrahedral",)


def _unsaid(video: VideoStream) -> str:
    """Return the tags for what the source does not say; what it says stays on its frames."""
    sd = max(video.width, video.height) <= _SD_LONG_SIDE and min(video.width, video.height) <= _SD_SHORT_SIDE
    tags = (
        ("colorspace", video.matrix, "smpte170m" if sd else "bt709"),
        ("color_primaries", video.primaries, "bt709"),
        ("color_trc", video.transfer, "bt709"),
    )
    return "".join(f":{name}={guess}" for name, found, guess in tags if not found)
