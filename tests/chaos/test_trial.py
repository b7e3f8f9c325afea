"""What a trial does is known before it begins."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.chaos.trial import BAD, GOOD, Deployment, KillWorker, Trial, blows, orders

TRIAL = Trial(seed=7)


def test_a_seed_says_what_is_uploaded_and_who_is_struck_when() -> None:
    again, other = Trial(seed=7), Trial(seed=8)
    assert (orders(TRIAL), blows(TRIAL)) == (orders(again), blows(again))
    assert orders(TRIAL) != orders(other)
    assert blows(TRIAL) != blows(other)


def test_a_few_of_the_uploads_are_no_videos_however_few_there_are() -> None:
    assert len(orders(TRIAL)) == 60
    clips = Counter(order.clip for order in orders(TRIAL))
    assert sum(clips[clip] for clip in BAD) == 5
    assert set(clips) <= {*BAD, *GOOD}
    (only,) = orders(replace(TRIAL, uploads=1))
    assert only.clip in BAD


def test_everything_happens_while_there_is_trouble_and_in_every_place() -> None:
    struck = blows(TRIAL)
    times = [at for at, _ in struck] + [order.at for order in orders(TRIAL)]
    assert all(timedelta(0) <= at < TRIAL.trouble for at in times)
    assert [at for at, _ in struck] == sorted(at for at, _ in struck)
    places = {blow.place for _, blow in struck if not isinstance(blow, KillWorker)}
    assert places == {0, 1, 2}
    assert any(isinstance(blow, Deployment) and blow.mercy is not None for _, blow in struck)


def test_uploads_come_in_bursts_and_many_blows_follow_one() -> None:
    times = [order.at for order in orders(TRIAL)]
    assert max(Counter(times).values()) >= 4
    assert len(set(times)) >= 10
    soon = [at for at, _ in blows(TRIAL) if any(timedelta(0) <= at - time < timedelta(seconds=4) for time in times)]
    assert len(soon) > len(blows(TRIAL)) / 2


def test_workers_are_struck_only_if_asked_and_change_nothing_else() -> None:
    both = blows(replace(TRIAL, workers=True))
    assert tuple(entry for entry in both if not isinstance(entry[1], KillWorker)) == blows(TRIAL)
    assert len(both) > len(blows(TRIAL))
