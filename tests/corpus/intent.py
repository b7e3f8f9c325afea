"""What an input of the corpus is, and what must become of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.corpus.recipe import Recipe
from vidctl.model import FailureClass

Look = tuple[str, str, str, str]
"""Colours as they are seen, ``rrggbb``: top left, top right, bottom left, bottom right quarter of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a viewer must get.

    ``size`` is the progressive MP4's, in square pixels; ``seconds``, within ``tolerance``, and ``frames`` (None: any
    number) are those of its picture; ``heard`` is when its sound ends, None: with the picture. ``sounds`` and
    ``subtitles`` are the languages of the tracks of the stream, in their order; ``channels`` are those of the sound of
    the progressive MP4, ``captions`` the channels of closed captions within the picture. ``hdr``: the source is, and
    what is published must not say that it is. ``look`` is held against the first picture.
    """

    size: tuple[int, int] = (160, 90)
    seconds: float = 1.0
    tolerance: float = 0.1
    frames: int | None = 30
    heard: float | None = None
    sounds: tuple[str, ...] = ("und",)
    channels: int = 1
    subtitles: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    hdr: bool = False
    look: Look | None = None

    def __str__(self) -> str:
        """Read as a cell of the table."""
        width, height = self.size
        told = [f"{width} x {height}", f"{self.seconds:g} s"]
        told += [] if self.frames is None else [f"{self.frames} frames"]
        told += [f"sound {', '.join(self.sounds)} ({self.channels} ch)"] if self.sounds else ["no sound"]
        told += [] if self.heard is None else [f"sound until {self.heard:g} s"]
        told += [f"subtitles {', '.join(self.subtitles)}"] if self.subtitles else []
        told += [f"closed captions {', '.join(self.captions)}"] if self.captions else []
        return "published: " + "; ".join(told + (["HDR to SDR"] if self.hdr else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What the uploader must be told, and ``why`` that is right. Of most inputs it is that no attempt can do better."""

    code: str
    why: str
    failure: FailureClass = FailureClass.PERMANENT

    def __str__(self) -> str:
        """Read as a cell of the table."""
        return f"refused: {self.failure}, {self.code}"


Intent = Published | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file of the corpus. ``special`` says in a sentence what about it goes wrong elsewhere."""

    name: str
    special: str
    recipe: Recipe
    intent: Intent
