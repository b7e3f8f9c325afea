"""The verdict sees everything that must not be: each of these is a scene without fault, and one thing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests import builders as b
from tests.chaos.scene import Case, Scene, Sent, Stored
from tests.chaos.verdict import OUTPUTS, Figures, figures, violations
from vidctl import layout
from vidctl.model import FailureClass
from vidctl.ports import QueueDepth
from vidctl.records import Manifest, Output, Record, gathered

EMPTY = QueueDepth(visible=0, in_flight=0)
NO_VIDEO = (b.intent(), b.outcome(1, FailureClass.PERMANENT, "not_a_video"), b.dead(), b.kept(), b.dead_letter())


def output(name: str) -> Output:
    return replace(b.output(name), sha256="ab" * 32)


def manifest(*outputs: Output) -> Manifest:
    return replace(b.manifest(), outputs=outputs or tuple(output(name) for name in sorted(OUTPUTS)))


def stored(*outputs: Output) -> dict[str, Stored]:
    return {out.key: Stored(size_bytes=out.size_bytes, sha256=out.sha256) for out in outputs}


def case(*records: Record, clip: str = "good", told: str | None = "published", **changes: Any) -> Case:
    """Return a video that was published in one attempt."""
    facts: dict[str, Any] = {
        "sent": Sent(video_id=b.KEY.video_id, clip=clip, size_bytes=1000, told=told),
        "records": gathered(b.KEY, records or (b.intent(), b.outcome(1, None, "published"))),
        "manifest": manifest(),
        "stored": stored(*manifest().outputs),
        "tasks": ((b.JOB, b.number(1)),),
        "announced": 1,
    }
    return Case(**(facts | changes))


def dead(*records: Record, clip: str = "text", told: str | None = "failed", **changes: Any) -> Case:
    """Return a video that was given up as none."""
    facts: dict[str, Any] = {"manifest": None, "announced": 0, "raw": True, "kept": (1000,), "letters": ("no video",)}
    return case(*(records or NO_VIDEO), clip=clip, told=told, **(facts | changes))


def scene(*cases: Case, **changes: Any) -> Scene:
    facts: dict[str, Any] = {"queues": {"raw": EMPTY, "task": EMPTY}, "held": {"a": 0.0}}
    return Scene(cases=cases, **(facts | changes))


KILLED_ONCE = (b.intent(1), b.outcome(1, code="killed"), b.intent(2), b.outcome(2, None, "published"))
SECOND = replace(
    b.manifest(2),
    outputs=tuple(
        replace(o, key=layout.attempt_prefix(b.KEY, b.JOB, b.number(2)) + o.name) for o in manifest().outputs
    ),
)
RETRIED: dict[str, Any] = {
    "manifest": SECOND,
    "stored": stored(*SECOND.outputs),
    "tasks": ((b.JOB, b.number(1)), (b.JOB, b.number(2))),
}


def test_a_video_that_was_published_once_and_one_that_was_given_up_are_well() -> None:
    seen = scene(case(), dead())
    assert violations(seen) == ()
    assert figures(seen) == Figures(uploads=2, published=1, dead=1, letters=1, attempts=2, tasks=2, lost=0, doubled=0)


def test_an_attempt_may_fail_only_if_its_worker_was_killed() -> None:
    assert violations(scene(case(*KILLED_ONCE, **RETRIED, killed=frozenset({b.number(1)})))) == ()
    assert "1-1 ended as killed" in violations(scene(case(*KILLED_ONCE, **RETRIED)))[0]


def test_three_killed_workers_give_a_good_video_up_and_two_do_not() -> None:
    for times, faults in ((2, 1), (3, 0)):
        numbers = [b.number(n) for n in range(1, times + 1)]
        attempts = [r for n in range(1, times + 1) for r in (b.intent(n), b.outcome(n, code="killed"))]
        given_up = dead(
            *attempts,
            *(b.dead(), b.kept(), b.dead_letter()),
            clip="good",
            tasks=tuple((b.JOB, number) for number in numbers),
            killed=frozenset(numbers),
        )
        assert len(violations(scene(given_up))) == faults


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (case(b.intent(), manifest=None, announced=0), "neither published nor given up"),
        (case(b.intent()), "intents 1-1 have outcomes none"),
        (case(tasks=()), "intents 1-1 have tasks none"),
        (case(tasks=((b.JOB, b.number(1)),) * 2), "doubled"),
        (case(announced=2), "doubled"),
        (case(*KILLED_ONCE[:2], b.intent(2), b.outcome(2, None, "published")), "has not the outcome"),
        (case(manifest=manifest(output("video.mp4"))), "names ['video.mp4']"),
        (case(stored={}), "video.mp4 is not there"),
        (case(stored=stored(output("video.mp4"), replace(output("poster.jpg"), sha256="cd" * 32))), "poster.jpg"),
        (case(stored=stored(output("video.mp4"), replace(output("poster.jpg"), size_bytes=9))), "poster.jpg"),
        (case(raw=True), "left raw"),
        (case(letters=("sorry",)), "dead letters ('sorry',)"),
        (case(clip="text"), "no video, and was published"),
        (case(told=None), "told None"),
        (case(told="failed"), "told failed"),
        (dead(clip="good"), "given up after 0 failures"),
        (dead(told="published"), "told published"),
        (dead(letters=()), "without a reason"),
        (dead(kept=()), "was kept as ()"),
        (dead(kept=(999,)), "was kept as (999,)"),
        (dead(clip="audio_only"), "ended as not_a_video"),
        (dead(manifest=manifest(), announced=1), "doubled"),
    ],
)
def test_whatever_is_wrong_with_a_video_is_seen(wrong: Case, word: str) -> None:
    assert word in "\n".join(violations(scene(wrong)))


def test_outputs_of_another_attempt_are_seen() -> None:
    mixed = manifest(output("video.mp4"), b.output("poster.jpg", n=2))
    found = violations(scene(case(manifest=mixed, stored=stored(*mixed.outputs))))
    assert any("is not of the published attempt" in what for what in found)


@pytest.mark.parametrize(
    ("left", "word"),
    [
        ({"strays": ("videos/x.mp4",)}, "videos/x.mp4 belongs to no upload"),
        ({"queues": {"raw": QueueDepth(visible=1, in_flight=0)}}, "raw queue is not empty"),
        ({"queues": {"task": QueueDepth(visible=0, in_flight=1)}}, "task queue is not empty"),
        ({"held": {"a": 2.0}}, "a still holds 2 messages"),
        ({"running": ("x",)}, "a task of x still runs"),
    ],
)
def test_whatever_is_left_behind_is_seen(left: dict[str, Any], word: str) -> None:
    (found,) = violations(scene(case(), **left))
    assert word in found


def test_what_is_lost_or_doubled_is_counted() -> None:
    lost, twice = case(b.intent(), manifest=None, announced=0), case(tasks=((b.JOB, b.number(1)),) * 2)
    counted = figures(scene(lost, twice))
    assert (counted.lost, counted.doubled) == (1, 1)
