"""What the users of a run do, drawn from its seed: the same with and without faults, so that both must end alike.

What becomes of a video is in its bytes: most are good, some can never be published, some only on a larger task or after
a person sent their dead letter back.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tests.files import FTYP, content_of, moov, mp4
from tests.files import video as picture
from vidctl.model import VideoKey


class Nature(StrEnum):
    """What an input is like."""

    GOOD = "good"
    HUNGRY = "hungry"
    """Needs the next task size."""
    REFUSED = "refused"
    """Is no video."""
    CRASHING = "crashing"
    """Kills every worker."""
    CURED = "cured"
    """Is refused in the first round, and published in the second: the worker was mended."""
    EMPTY = "empty"
    HOPELESS = "hopeless"
    """Is a text file, as its first bytes tell."""


WEIGHTS = {
    Nature.GOOD: 75,
    Nature.HUNGRY: 6,
    Nature.REFUSED: 6,
    Nature.CRASHING: 4,
    Nature.CURED: 5,
    Nature.EMPTY: 4,
    Nature.HOPELESS: 3,
}


class Scene(StrEnum):
    """What kind of time a run is."""

    ORDINARY = "ordinary"
    LONG_JOBS = "long jobs"
    """Every transcode takes 14 hours: longer than a message can be held."""
    STARVED = "starved"
    """ECS is away for two days: uploads come near their expiry."""
    FORGOTTEN = "forgotten"
    """Nobody looks at the dead letters for a fortnight."""


SCENES = {Scene.ORDINARY: 1000, Scene.LONG_JOBS: 15, Scene.STARVED: 15, Scene.FORGOTTEN: 8}
FEW = 5
"""Videos that can share one slot in the time of a run."""
SIZES = (1, 2, 5, 12, 30, 80)
"""How many videos a run may have."""


def content(nature: Nature, number: int) -> bytes:
    """Return the bytes of an upload."""
    text = f"{nature} {number}".encode()
    match nature:
        case Nature.EMPTY:
            return b""
        case Nature.HOPELESS:
            return text
        case Nature.GOOD if number % 4 == 1:
            seconds = 3600.0 * (number % 3)
            return mp4(text, index=moov(seconds, picture(seconds)))
        case _:
            return mp4(text)


def nature_of(body: bytes) -> Nature:
    """Return what an upload is like."""
    text = content_of(body) if body.startswith(FTYP) else body
    return Nature(text.split()[0].decode()) if text else Nature.EMPTY


def video(number: int) -> VideoKey:
    """Return the video with a number."""
    return VideoKey(user_id=f"user{number % 3}", video_id=str(UUID(int=number + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Somebody uploads a file, perhaps over another one."""

    at: float
    video: int
    body: bytes
    multipart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Somebody wants his video gone."""

    at: float
    video: int


Act = Put | Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the users do in ``seconds``, and with how many replicas and slots they are served."""

    seed: int
    seconds: float
    replicas: int
    slots: int
    acts: tuple[Act, ...]
    scene: Scene
    told: bool = False
    """Whether a webhook and a bus are told of what becomes of the videos."""


def draw_story(seed: int, *, uploads: int | None = None) -> Story:
    """Draw the story of a seed; ``uploads`` None: as many videos as it says."""
    chance = random.Random(f"story {seed}")
    seconds = chance.uniform(0.3, 2.0) * 3600
    scene = chance.choices(tuple(SCENES), weights=tuple(SCENES.values()))[0]
    sizes = SIZES if scene is Scene.ORDINARY else SIZES[:3]
    number = uploads or chance.choices(sizes, weights=(1, 1, 2, 4, 5, 6)[: len(sizes)])[0]
    acts: list[Act] = []
    for n in range(number):
        acts += _of_video(chance, n, seconds)
    return Story(
        seed=seed,
        seconds=seconds,
        replicas=chance.choice((1, 2, 3, 3)),
        slots=chance.choice((1, 4, 20)) if number <= FEW else chance.choice((6, 20, 40)),
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        scene=scene,
        # One in four: telling costs every job some calls, and so every run some time.
        told=seed % 4 == 0,
    )


def _of_video(chance: random.Random, n: int, seconds: float) -> list[Act]:
    nature = chance.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))[0]
    at = chance.uniform(0, seconds * 0.8)
    bodies = [content(nature, n)]
    acts: list[Act] = [Put(at=at, video=n, body=bodies[0], multipart=chance.random() < 0.2)]
    while chance.random() < 0.15:
        at = min(at + chance.choice((1.0, 60.0, 600.0, 2400.0)) * chance.random(), seconds)
        again = chance.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))[0]
        # Not one that is cured by sending its dead letter back: whether that comes before or after is a matter of luck.
        before = [body for body in bodies if nature_of(body) is not Nature.CURED]
        repeats = before and chance.random() < 0.3
        bodies.append(chance.choice(before) if repeats else content(again, 1000 * len(bodies) + n))
        acts.append(Put(at=at, video=n, body=bodies[-1]))
    if chance.random() < 0.06:
        acts.append(Cancelled(at=chance.uniform(acts[0].at, seconds), video=n))
        if chance.random() < 0.3:
            acts.append(Put(at=chance.uniform(acts[-1].at, seconds), video=n, body=content(Nature.GOOD, 9000 + n)))
    return acts
