"""What is noted of a video, when, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from vidctl.model import Kind
from vidctl.reconciler.actions import Action, CreateNotice, DeleteDeliveries, DeleteRaw, PostNotice
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.plan import plan
from vidctl.records import Cancel, DeadLetterSent, Notice, Record

PUBLISHED = (b.intent(), b.result())
CANCEL = Cancel(key=b.KEY, at=b.ago(minutes=3))
SENT = DeadLetterSent(key=b.KEY, job=b.JOB, round=1, at=b.ago(minutes=1))


def published(*more: Record, **known: object) -> Observation:
    """Return a video whose attempt is over and published."""
    known.setdefault("manifest", b.manifest())
    known.setdefault("manifest_etag", "m")
    known.setdefault("outputs", (b.seen_as(b.output()),))
    return b.observation(*PUBLISHED, b.outcome(failure=None, code="published"), *more, **known)


def action(seen: Observation, *kinds: Kind) -> Action | None:
    """Return what is done when somebody is to be told of these kinds, of all by default."""
    telling = replace(b.TELLING.telling, kinds=kinds or tuple(Kind))
    actions = plan(seen, replace(b.TELLING, telling=telling), b.NOW).actions
    return actions[0] if actions else None


def noted(seen: Observation) -> Notice:
    done = action(seen)
    assert isinstance(done, CreateNotice), done
    return done.notice


def test_a_publication_is_noted_before_its_raw_object_goes_and_the_message_last() -> None:
    notice = noted(published())
    assert (notice.about, notice.job, notice.fact_at) == (Kind.PUBLISHED, b.JOB, b.manifest().published_at)
    assert notice.outputs == b.manifest().outputs
    assert action(published(notice)) == PostNotice(notice)
    told = published(notice, b.posted())
    assert isinstance(action(told), DeleteRaw)
    assert isinstance(action(replace(told, raw=None)), DeleteDeliveries)


def test_what_nothing_is_left_to_do_about_was_settled_before_anybody_was_to_be_told() -> None:
    assert action(published(raw=None, deliveries=())) is None


@pytest.mark.parametrize("left", ["message", "raw object"])
def test_whatever_is_left_to_do_a_publication_is_noted(left: str) -> None:
    seen = published(deliveries=()) if left == "raw object" else published(raw=None)
    assert isinstance(action(seen), CreateNotice)


def test_only_what_somebody_wants_to_hear_is_noted() -> None:
    assert isinstance(action(published(), Kind.FAILED), DeleteRaw)
    assert isinstance(plan(published(), b.POLICY, b.NOW).actions[0], DeleteRaw)


def test_what_is_noted_is_posted_though_nobody_is_to_be_told_any_more() -> None:
    assert plan(published(b.notice()), b.POLICY, b.NOW).actions == (PostNotice(b.notice()),)


def test_another_publication_is_another_notice_and_the_later_one() -> None:
    early = replace(b.notice(fact_at=b.ago(days=1)), at=b.NOW + timedelta(minutes=1))
    notice = noted(published(early, b.posted()))
    assert notice.n == 2
    assert notice.at == early.at + timedelta(milliseconds=1), "of a replica whose clock is slow"


def test_a_failure_is_noted_before_its_letter_is_sent_and_not_afterwards() -> None:
    # Kept safe, as a failed video is before anybody is told.
    seen = b.observation(b.intent(), b.outcome(), b.dead(), raw=None)
    notice = noted(seen)
    assert (notice.about, notice.code, notice.fact_at) == (Kind.FAILED, b.dead().code, b.dead().at)
    settled = b.observation(b.intent(), b.outcome(), b.dead(), SENT, raw=None)
    assert isinstance(action(settled), DeleteDeliveries)


def test_a_deletion_is_noted_while_something_is_left_and_posted_when_nothing_is() -> None:
    notice = noted(b.observation(CANCEL))
    assert (notice.about, notice.fact_at) == (Kind.DELETED, CANCEL.at)
    assert not isinstance(action(b.observation(CANCEL, notice)), PostNotice)
    bare = b.observation(CANCEL, notice, raw=None)
    assert action(bare) == PostNotice(notice)


def test_an_upload_that_vanished_while_it_was_worked_on_has_failed() -> None:
    notice = noted(b.observation(b.intent(), raw=None))
    assert (notice.about, notice.code, notice.fact_at) == (Kind.FAILED, "source_gone", b.intent().created_at)
