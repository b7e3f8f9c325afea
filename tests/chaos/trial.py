"""What a trial does, written down before it begins: the same seed gives the same clips and the same blows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

GOOD = ("good", "long", "no_audio", "odd", "portrait", "rotated", "stereo", "hevc", "long_audio", "fragmented")
"""Clips of ``tests.media`` that are published; some take a second, some many."""

BAD = {"text": "not_a_video", "cut_moov_last": "corrupt", "audio_only": "no_video_stream"}
"""Clips that are dead-lettered, with the reason."""

WORKERS_SPARED = 3
"""A worker is hit once for so many blows at replicas: three killed workers are a spent budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How hard, and for how long.

    ``every`` is the mean time between two blows, ``bound`` the time from the end of the trouble until all is settled,
    ``still`` the time after which it must still be as it was then.
    """

    seed: int
    trouble: timedelta = timedelta(minutes=5)
    uploads: int = 60
    replicas: int = 3
    workers: bool = False
    every: timedelta = timedelta(seconds=3)
    bound: timedelta = timedelta(minutes=3)
    still: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A clip that a customer uploads ``at`` a time after the beginning."""

    at: timedelta
    clip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A replica is killed, and another started in its ``place`` after a while."""

    place: int
    down: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenShutdown:
    """A replica is told to end, and killed in the middle of it; another is started after a while."""

    place: int
    mercy: timedelta
    down: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A new replica is started, and the old one told to end once it is ready; ``mercy`` None: it may end in peace."""

    place: int
    mercy: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWorker:
    """The process of a running task is killed: the one at this ``share`` of their list."""

    share: float


Blow = Kill | BrokenShutdown | Deployment | KillWorker


def orders(trial: Trial) -> tuple[Order, ...]:
    """Return what is uploaded and when, in the order of time; about one in twelve is no video."""
    chance = random.Random(f"orders {trial.seed}")
    bad = [list(BAD)[number % len(BAD)] for number in range(max(1, trial.uploads // 12))]
    clips = bad[: trial.uploads] + [chance.choice(GOOD) for _ in range(trial.uploads - len(bad))]
    chance.shuffle(clips)
    times = sorted(_bursts(trial, chance))
    return tuple(Order(at=at, clip=clip) for at, clip in zip(times, clips, strict=True))


def blows(trial: Trial) -> tuple[tuple[timedelta, Blow], ...]:
    """Return what is done to the world and when, in the order of time."""
    chance = random.Random(f"replicas {trial.seed}")
    uploads = [order.at for order in orders(trial)]
    moments = [_aimed(at, uploads, chance) for at in _moments(trial.every, trial.trouble, chance)]
    struck = [(at, _at_a_replica(trial, chance)) for at in moments if at < trial.trouble]
    if trial.workers:
        chance = random.Random(f"workers {trial.seed}")
        every = trial.every * WORKERS_SPARED
        struck += [(at, KillWorker(share=chance.random())) for at in _moments(every, trial.trouble, chance)]
    return tuple(sorted(struck, key=lambda blow: blow[0]))


def _bursts(trial: Trial, chance: random.Random) -> list[timedelta]:
    """Return the moments of the uploads, of which several often come at once: then every pass has company."""
    times: list[timedelta] = []
    while len(times) < trial.uploads:
        times += [trial.trouble * chance.random()] * chance.choice([1, 1, 2, 4, 8])
    return times[: trial.uploads]


def _aimed(at: timedelta, uploads: list[timedelta], chance: random.Random) -> timedelta:
    """Move every other blow to where it meets work: an upload is begun, launched and published within seconds."""
    after = timedelta(seconds=chance.uniform(0, 4))
    return chance.choice(uploads) + after if chance.random() < 1 / 2 else at


def _moments(every: timedelta, until: timedelta, chance: random.Random) -> list[timedelta]:
    moments, at = [], every * chance.expovariate(1)
    while at < until:
        moments.append(at)
        at += every * chance.expovariate(1)
    return moments


def _at_a_replica(trial: Trial, chance: random.Random) -> Blow:
    place, down = chance.randrange(trial.replicas), timedelta(seconds=chance.uniform(0, 4))
    # From the signal to the kill: about as long as an open poll lets a shutdown last.
    mercy = timedelta(seconds=chance.uniform(0, 3))
    match chance.choices(["kill", "broken shutdown", "deployment", "broken deployment"], weights=[6, 2, 1, 1])[0]:
        case "kill":
            return Kill(place=place, down=down)
        case "broken shutdown":
            return BrokenShutdown(place=place, mercy=mercy, down=down)
        case "deployment":
            return Deployment(place=place, mercy=None)
        case _:
            return Deployment(place=place, mercy=mercy)
