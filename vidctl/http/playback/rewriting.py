"""Puts other addresses into what players read: playlists, manifests, storyboards (P).

Each function takes the text as the worker wrote it and a ``place``, which is asked for every address that does not lead
to another playlist, as it is written there, and returns what stands there instead. All else stays, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.sax.saxutils import escape, unescape

Place = Callable[[str], str]

_URI = re.compile(r'(?<![A-Z-])URI="([^"]*)"')
_TEMPLATE = re.compile(r'(?<= )(initialization|media)="([^"]*)"')
_BASE_URL = re.compile(r"<BaseURL>([^<]*)</BaseURL>")
_PICTURE = re.compile(r"^([^\s#]+)(#xywh=\S+)$", re.MULTILINE)
_DURATION = re.compile(r"^#EXTINF:([0-9.]+)", re.MULTILINE)

PLAYLIST = ".m3u8"


def hls(text: str, place: Place) -> str:
    """Rewrite an HLS playlist (RFC 8216bis): the lines of addresses, and the attribute URI of every tag."""
    return "\n".join(_line(line, place) for line in text.split("\n"))


def dash(text: str, place: Place) -> str:
    """Rewrite a DASH manifest (ISO/IEC 23009-1): templates, whose ``$…$`` stay, and base addresses.

    Nothing but what ``worker.cmaf.dash`` writes is expected, so that no XML of whoever took a worker over is parsed.
    """
    text = _TEMPLATE.sub(lambda found: f'{found[1]}="{_escaped(found[2], place)}"', text)
    return _BASE_URL.sub(lambda found: f"<BaseURL>{_escaped(found[1], place)}</BaseURL>", text)


def storyboard(text: str, place: Place) -> str:
    """Rewrite a storyboard: WebVTT whose cues are places on pictures, ``address#xywh=…``."""
    return _PICTURE.sub(lambda found: place(found[1]) + found[2], text)


def extent(text: str) -> tuple[int, float]:
    """Return how many segments an HLS playlist has, and for how many seconds it plays."""
    durations = [float(found) for found in _DURATION.findall(text)]
    return len(durations), sum(durations)


def _line(line: str, place: Place) -> str:
    if line.startswith("#"):
        return _URI.sub(lambda found: f'URI="{_unless_playlist(found[1], place)}"', line)
    return _unless_playlist(line, place) if line else line


def _unless_playlist(uri: str, place: Place) -> str:
    return uri if uri.endswith(PLAYLIST) else place(uri)


def _escaped(text: str, place: Place) -> str:
    quotes = {'"': "&quot;"}
    return escape(place(unescape(text, {"&quot;": '"'})), quotes)
