"""What plan decides, rule by rule, and what it never decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders as b
from vidctl.model import FailureClass, Redrive, Source, Task
from vidctl.reconciler import classify
from vidctl.reconciler.actions import (
    Action,
    CreateIntent,
    DeclareDead,
    DeleteDeliveries,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    Plan,
    Publish,
    Raise,
    RecordOutcome,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
    StopTasks,
)
from vidctl.reconciler.glance import Glance, Hopeless, Sight, Unknown
from vidctl.reconciler.observation import LaunchGate, Observation
from vidctl.reconciler.plan import claims, plan
from vidctl.reconciler.wants import wants_glance, wants_tasks
from vidctl.records import Outcome, Record

INFRASTRUCTURE = FailureClass.INFRASTRUCTURE


def decided(seen: Observation) -> Plan:
    return plan(seen, b.POLICY, b.NOW)


def action(seen: Observation) -> Action | None:
    """Return the one action of the plan."""
    actions = decided(seen).actions
    assert len(actions) <= 1
    return actions[0] if actions else None


# --- a good job, pass by pass ---------------------------------------------------------------------------------------


def test_a_new_upload_gets_an_intent_that_pins_every_parameter_of_its_task() -> None:
    match action(b.observation()):
        case CreateIntent(intent):
            assert str(intent.number) == "1-1"
            assert intent.created_at == b.NOW
            assert intent.source == b.source()
            assert dict(intent.task.environment)["VIDCTL_JOB"]
        case other:
            pytest.fail(f"{other}")


def test_an_open_attempt_without_a_task_is_launched() -> None:
    assert action(b.observation(b.intent())) == RunTask(b.intent())


def test_a_running_task_is_waited_for() -> None:
    plan_ = decided(b.observation(b.intent(), tasks=(b.task(),)))
    assert (plan_.actions, plan_.requeue_after) == ((), b.POLICY.poll)


def test_a_success_whose_outputs_are_there_is_published() -> None:
    seen = b.observation(b.intent(), b.result(), outputs=(b.seen_as(b.output()),))
    match action(seen):
        case Publish(manifest, None):
            assert manifest.outputs == (b.output(),)
            assert manifest.source_etag == b.ETAG
        case other:
            pytest.fail(f"{other}")


def test_a_published_attempt_is_closed_then_raw_deleted_then_the_message() -> None:
    outputs = (b.seen_as(b.output()),)
    published = {"manifest": b.manifest(), "manifest_etag": "m", "outputs": outputs}
    first = action(b.observation(b.intent(), b.result(), **published))
    assert isinstance(first, RecordOutcome)
    assert (first.outcome.failure, first.outcome.code) == (None, "published")
    closed = (b.intent(), b.result(), first.outcome)
    assert action(b.observation(*closed, **published)) == DeleteRaw(b.source(), published=True)
    assert action(b.observation(*closed, **published, raw=None)) == DeleteDeliveries((b.delivery(),))
    last = decided(b.observation(*closed, **published, raw=None, deliveries=()))
    assert (last.actions, last.requeue_after) == ((), None)


# --- publication ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "there",
    [
        (),
        (replace(b.seen_as(b.output()), size_bytes=9),),
        (replace(b.seen_as(b.output()), sha256="cd" * 32),),
        (replace(b.seen_as(b.output()), sha256=None),),
    ],
)
def test_raw_is_never_deleted_while_a_published_output_is_not_as_published(there: tuple[object, ...]) -> None:
    seen = b.observation(b.intent(), b.outcome(1, None, "published"), manifest=b.manifest(), outputs=there)
    assert isinstance(action(seen), Raise)
    assert decided(seen).requeue_after == b.POLICY.recall


def test_outputs_that_are_not_as_reported_are_a_failed_attempt() -> None:
    match action(b.observation(b.intent(), b.result(), outputs=())):
        case RecordOutcome(outcome):
            assert (outcome.failure, outcome.code) == (FailureClass.APP, "verify_failed")
            assert "video.mp4" in outcome.detail
        case other:
            pytest.fail(f"{other}")


def test_a_publication_of_another_source_is_replaced_by_its_etag() -> None:
    older = b.manifest(job="a" * 26, uploaded_at=b.ago(hours=3))
    seen = b.observation(b.intent(), b.result(), manifest=older, manifest_etag="old", outputs=(b.seen_as(b.output()),))
    assert isinstance(action(seen), Publish)
    assert action(seen).replacing == "old"  # type: ignore[union-attr]


def test_a_late_success_of_an_attempt_that_was_given_up_as_lost_is_published() -> None:
    lost = b.outcome(1, INFRASTRUCTURE, "lost")
    seen = b.observation(b.intent(), lost, b.result(), b.intent(2), outputs=(b.seen_as(b.output()),))
    assert isinstance(action(seen), Publish)


def test_the_task_of_another_attempt_is_stopped_once_one_is_published() -> None:
    seen = b.observation(
        b.intent(), b.intent(2), b.outcome(1, INFRASTRUCTURE, "lost"), manifest=b.manifest(), tasks=(b.task(2),)
    )
    assert action(seen) == StopTasks((b.task(2).arn,), classify.STOPPED_AS_SUPERSEDED)


def test_the_task_of_the_published_attempt_ends_by_itself_unless_it_hangs() -> None:
    written = (b.intent(), b.outcome(1, None, "published"))
    told = {"manifest": b.manifest(), "raw": None, "deliveries": ()}
    assert decided(b.observation(*written, **told, tasks=(b.task(),))).actions == ()
    late = b.task(started_at=b.ago(hours=13, minutes=1))
    assert action(b.observation(*written, **told, tasks=(late,))) == StopTasks(
        (late.arn,), classify.STOPPED_FOR_DEADLINE
    )


def test_an_attempt_overtaken_by_the_publication_of_another_is_superseded() -> None:
    seen = b.observation(b.intent(), b.outcome(1, INFRASTRUCTURE, "lost"), b.intent(2), manifest=b.manifest())
    match action(seen):
        case RecordOutcome(outcome):
            assert (str(outcome.number), outcome.failure, outcome.code) == ("1-2", None, "superseded")
        case other:
            pytest.fail(f"{other}")


# --- open attempts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), RunTask),
        (timedelta(minutes=44, seconds=59), RunTask),
        (timedelta(minutes=45), None),
        (timedelta(minutes=54, seconds=59), None),
        (timedelta(minutes=55), RecordOutcome),
    ],
)
def test_an_unseen_task_is_asked_for_while_its_token_is_safe_then_waited_for_then_lost(
    age: timedelta, expected: type[Action] | None
) -> None:
    found = action(b.observation(b.intent(at=b.NOW - age)))
    assert (None if found is None else type(found)) is expected


def test_a_lost_attempt_is_nobody_s_fault() -> None:
    match action(b.observation(b.intent(at=b.ago(hours=1)))):
        case RecordOutcome(outcome):
            assert (outcome.failure, outcome.code) == (INFRASTRUCTURE, "lost")
        case other:
            pytest.fail(f"{other}")


def test_an_attempt_that_was_never_launched_because_of_the_breaker_blames_the_configuration() -> None:
    match action(b.observation(b.intent(at=b.ago(hours=1)), gate=LaunchGate(launch=False, paused="access_denied"))):
        case RecordOutcome(outcome):
            assert outcome.failure is FailureClass.CONFIGURATION
        case other:
            pytest.fail(f"{other}")


def test_an_open_attempt_waits_for_a_launch_token() -> None:
    assert decided(b.observation(b.intent(), gate=LaunchGate(launch=False))).actions == ()


def test_failures_of_run_task_are_settled_then_counted_as_lack_of_capacity() -> None:
    early = b.observation(b.intent(), refusals=(b.refusal(at=b.ago(minutes=4)),))
    assert decided(early).requeue_after == timedelta(minutes=1)
    match action(b.observation(b.intent(), refusals=(b.refusal(at=b.ago(minutes=5)),))):
        case RecordOutcome(outcome):
            assert outcome.failure is FailureClass.CAPACITY
        case other:
            pytest.fail(f"{other}")


def test_a_task_that_started_in_spite_of_failures_is_waited_for() -> None:
    seen = b.observation(b.intent(), refusals=(b.refusal(at=b.ago(minutes=9)),), tasks=(b.task(),))
    assert decided(seen).why == "running"


def test_a_task_that_does_not_start_in_time_is_stopped() -> None:
    late = b.task(status="PENDING", created_at=b.ago(minutes=16))
    assert action(b.observation(b.intent(), tasks=(late,))) == StopTasks((late.arn,), classify.STOPPED_FOR_START)


def test_a_task_past_its_deadline_is_stopped_not_asked_again_at_once() -> None:
    late = b.task(started_at=b.ago(hours=13, minutes=1))
    plan_ = decided(b.observation(b.intent(), tasks=(late,)))
    assert plan_.actions == (StopTasks((late.arn,), classify.STOPPED_FOR_DEADLINE),)
    assert plan_.requeue_after == b.POLICY.stop_interval


def test_a_failed_result_ends_the_attempt_when_ecs_has_forgotten_the_task() -> None:
    match action(b.observation(b.intent(at=b.ago(hours=2)), b.result(failure=FailureClass.PERMANENT, code="corrupt"))):
        case RecordOutcome(outcome):
            assert (outcome.failure, outcome.code) == (FailureClass.PERMANENT, "corrupt")
        case other:
            pytest.fail(f"{other}")


def test_a_live_task_of_an_attempt_that_is_over_is_adopted_rather_than_doubled() -> None:
    seen = b.observation(b.intent(), b.outcome(1, INFRASTRUCTURE, "lost", at=b.ago(hours=3)), tasks=(b.task(1),))
    assert decided(seen).actions == ()
    assert decided(seen).requeue_after is not None


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (b.task(status="PENDING", created_at=b.ago(minutes=16)), classify.STOPPED_FOR_START),
        (b.task(started_at=b.ago(hours=13, minutes=1)), classify.STOPPED_FOR_DEADLINE),
    ],
)
def test_an_adopted_task_that_hangs_is_not_waited_for_for_ever(late: Task, reason: str) -> None:
    seen = b.observation(b.intent(), b.outcome(1, INFRASTRUCTURE, "lost", at=b.ago(hours=3)), tasks=(late,))
    assert action(seen) == StopTasks((late.arn,), reason)


# --- the next attempt -----------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_followed_by_the_next_after_a_backoff() -> None:
    just = b.observation(b.intent(), b.outcome(at=b.ago(seconds=1)))
    wait = decided(just).requeue_after
    assert wait is not None
    assert timedelta(seconds=4) <= wait <= timedelta(seconds=9)
    match action(b.observation(b.intent(), b.outcome(at=b.ago(minutes=1)))):
        case CreateIntent(intent):
            assert str(intent.number) == "1-2"
        case other:
            pytest.fail(f"{other}")


def test_the_backoff_doubles_to_its_cap() -> None:
    delays = [b.POLICY.delay(b.JOB, b.number(n), n) for n in range(1, 12)]
    for n, delay in enumerate(delays):
        whole = min(timedelta(seconds=10) * 2**n, timedelta(minutes=10))
        assert whole / 2 <= delay <= whole


@pytest.mark.parametrize(
    ("failure", "times", "dead"),
    [
        (FailureClass.PERMANENT, 1, True),
        (FailureClass.APP, 2, False),
        (FailureClass.APP, 3, True),
        (FailureClass.INFRASTRUCTURE, 100, False),
        (FailureClass.CAPACITY, 100, False),
        (FailureClass.THROTTLE, 100, False),
        (FailureClass.CONFIGURATION, 100, False),
    ],
)
def test_only_its_own_input_or_a_spent_budget_gives_a_job_up(failure: FailureClass, times: int, dead: bool) -> None:  # noqa: FBT001 - a column
    written = [r for n in range(1, times + 1) for r in (b.intent(n), b.outcome(n, failure, "x", at=b.ago(days=2)))]
    assert isinstance(action(b.observation(*written)), DeclareDead) is dead


@pytest.mark.parametrize(("others", "dead"), [(None, False), (b.ago(days=3), False), (b.ago(hours=1), True)])
def test_a_job_lost_to_the_infrastructure_again_and_again_is_blamed_only_if_others_succeed(
    others: object,
    dead: bool,  # noqa: FBT001 - a column
) -> None:
    written = [r for n in range(1, 21) for r in (b.intent(n), b.outcome(n, INFRASTRUCTURE, "lost", at=b.ago(days=2)))]
    assert isinstance(action(b.observation(*written, others_succeeded_at=others)), DeclareDead) is dead


def test_twenty_losses_within_a_day_give_nobody_up() -> None:
    written = [r for n in range(1, 21) for r in (b.intent(n), b.outcome(n, INFRASTRUCTURE, "lost", at=b.ago(hours=20)))]
    assert isinstance(action(b.observation(*written, others_succeeded_at=b.ago(hours=1))), CreateIntent)


def test_lacks_of_memory_and_of_disk_each_take_one_larger_size() -> None:
    lacks = [b.outcome(1, FailureClass.APP, "out_of_memory"), b.outcome(2, FailureClass.APP, "disk_full")]
    match action(b.observation(b.intent(1), b.intent(2), *lacks)):
        case CreateIntent(intent):
            assert intent.size == 2
            assert intent.task.memory_mib == b.POLICY.sizes[-1].memory_mib
        case other:
            pytest.fail(f"{other}")


def test_a_place_without_room_is_followed_by_the_next() -> None:
    match action(b.observation(b.intent(), b.outcome(1, FailureClass.CAPACITY, "no_capacity"))):
        case CreateIntent(intent):
            assert intent.task.capacity_provider == "FARGATE"
        case other:
            pytest.fail(f"{other}")


def test_without_a_slot_a_job_waits_in_line() -> None:
    plan_ = decided(b.observation(gate=LaunchGate(begin=False)))
    assert (plan_.actions, plan_.wants_slot) == ((), True)


def test_too_large_an_upload_is_given_up_without_an_attempt() -> None:
    match action(b.observation(raw=b.source(size_bytes=6 * 1024**3))):
        case DeclareDead(dead):
            assert (dead.failure, dead.code, dead.attempts) == (FailureClass.PERMANENT, "over_limits", 0)
        case other:
            pytest.fail(f"{other}")


# --- at a glance ----------------------------------------------------------------------------------------------------

LARGE_ONE = b.seen_inside(3600, 3840, 2160)
HOPELESS = Hopeless(code="no_video_stream", detail="the file has no video stream, only: audio")


def glanced(sight: Sight, *written: Record, of: Source | None = None, **known: object) -> Observation:
    return b.observation(*written, glance=Glance(source=of or b.source(), sight=sight), **known)


def test_a_hopeless_source_is_given_up_without_an_attempt_in_the_worker_s_words() -> None:
    match action(glanced(HOPELESS)):
        case DeclareDead(dead):
            assert (dead.failure, dead.code, dead.detail) == (FailureClass.PERMANENT, HOPELESS.code, HOPELESS.detail)
            assert dead.attempts == 0
        case other:
            pytest.fail(f"{other}")


@pytest.mark.parametrize(
    ("sight", "size"), [(LARGE_ONE, 1), (b.seen_inside(60), 0), (Unknown(why="no index"), 0)], ids=str
)
def test_the_first_attempt_s_task_is_as_large_as_its_source_asks_for(sight: Sight, size: int) -> None:
    match action(glanced(sight)):
        case CreateIntent(intent):
            assert intent.size == size
            assert intent.task.cpu_units == b.POLICY.sizes[size].cpu_units
        case other:
            pytest.fail(f"{other}")


def test_what_was_seen_of_another_upload_says_nothing_of_this_one() -> None:
    assert isinstance(action(glanced(HOPELESS, of=b.source(etag="e" * 32))), CreateIntent)


@pytest.mark.parametrize("gate", [LaunchGate(begin=False), LaunchGate(begin=False, paused="access_denied")])
def test_a_job_that_cannot_begin_wants_no_glance(gate: LaunchGate) -> None:
    assert wants_glance(b.observation(gate=gate), b.POLICY, b.NOW) is None


def test_the_first_attempt_of_a_round_wants_a_glance_at_what_it_would_read_and_no_other_attempt_does() -> None:
    kept = b.kept()
    failed = (b.intent(), b.outcome())
    reopened = (*failed, b.dead(), b.dead_letter(), b.opened())
    for seen, wanted in (
        (b.observation(), b.source()),
        (b.observation(kept, raw=None, kept=(kept.source,)), kept.source),
        (b.observation(*reopened), b.source()),
        (b.observation(*failed), None),
        (b.observation(b.intent()), None),
        (b.observation(b.dead()), None),
        (b.observation(b.cancel()), None),
        (b.observation(raw=b.source(size_bytes=0)), None),
        (b.observation(raw=b.source(at=b.ago(hours=41))), None),
    ):
        assert wants_glance(seen, b.POLICY, b.NOW) == wanted


# --- the end --------------------------------------------------------------------------------------------------------


def test_a_dead_job_is_kept_then_told_then_its_message_deleted() -> None:
    assert action(b.observation(b.dead())) == KeepRaw(b.JOB, b.source())
    assert action(b.observation(b.dead(), b.kept())) == SendDeadLetter(b.dead(), "{}")
    assert action(b.observation(b.dead(), b.kept(), b.dead_letter())) == DeleteDeliveries((b.delivery(),))
    assert decided(b.observation(b.dead(), b.kept(), b.dead_letter(), deliveries=())).requeue_after is None


def test_a_dead_job_s_task_is_stopped() -> None:
    seen = b.observation(b.dead(), b.kept(), b.dead_letter(), tasks=(b.task(),))
    assert isinstance(action(seen), StopTasks)


def test_a_plain_event_never_reopens_a_dead_job_but_its_own_dead_letter_does() -> None:
    written = (b.dead(), b.kept(), b.dead_letter())
    stale = b.delivery(redrive=Redrive(job=b.JOB, round=7))
    assert isinstance(action(b.observation(*written, deliveries=(stale,))), DeleteDeliveries)
    answer = b.delivery(redrive=Redrive(job=b.JOB, round=1))
    assert isinstance(action(b.observation(*written, deliveries=(answer,))), OpenRound)


def test_a_new_round_has_fresh_budgets() -> None:
    spent = [r for n in (1, 2, 3) for r in (b.intent(n), b.outcome(n))]
    match action(b.observation(*spent, b.dead(), b.kept(), b.dead_letter(), b.opened())):
        case CreateIntent(intent):
            assert str(intent.number) == "2-1"
        case other:
            pytest.fail(f"{other}")


def test_a_new_round_reads_the_copy_when_raw_has_expired() -> None:
    copy = b.kept()
    match action(b.observation(b.dead(), copy, b.dead_letter(), b.opened(), raw=None, kept=(copy.source,))):
        case CreateIntent(intent):
            assert intent.source == copy.source
        case other:
            pytest.fail(f"{other}")


def test_a_vanished_raw_object_ends_its_job() -> None:
    assert isinstance(action(b.observation(b.intent(), raw=None, tasks=(b.task(),))), StopTasks)
    closing = action(b.observation(b.intent(), raw=None))
    assert isinstance(closing, RecordOutcome)
    assert closing.outcome.code == "source_gone"
    assert isinstance(action(b.observation(raw=None)), DeleteDeliveries)


def test_an_unfinished_raw_object_near_its_expiry_is_kept() -> None:
    assert action(b.observation(raw=b.source(at=b.ago(hours=41)))) == KeepRaw(b.JOB, b.source(at=b.ago(hours=41)))


def test_a_cancelled_video_is_taken_apart_in_order() -> None:
    told = {"manifest": b.manifest(), "manifest_etag": "m", "leftovers": (b.output().key,)}
    assert isinstance(action(b.observation(b.cancel(), b.intent(), tasks=(b.task(),), **told)), StopTasks)
    assert isinstance(action(b.observation(b.cancel(), b.intent(), **told)), RecordOutcome)
    assert action(b.observation(b.cancel(), **told)) == RemoveManifest("m")
    assert action(b.observation(b.cancel(), leftovers=(b.output().key,))) == RemoveOutputs((b.output().key,))
    assert action(b.observation(b.cancel())) == DeleteRaw(b.source(), published=False)
    assert isinstance(action(b.observation(b.cancel(), raw=None)), DeleteDeliveries)


def test_a_record_of_an_unknown_version_is_an_alarm_and_a_wait() -> None:
    seen = b.observation(records=b.records(b.intent(), unreadable=("jobs/x",)))
    assert isinstance(action(seen), Raise)
    assert not decided(seen).acts


def test_ecs_is_asked_for_tasks_only_when_a_launch_cannot_be_the_lookup() -> None:
    assert not wants_tasks(b.records().job(b.JOB), b.POLICY, b.NOW)
    assert not wants_tasks(b.records(b.intent()).job(b.JOB), b.POLICY, b.NOW)
    assert wants_tasks(b.records(b.intent(at=b.ago(minutes=50))).job(b.JOB), b.POLICY, b.NOW)
    assert wants_tasks(b.records(b.intent(), b.outcome()).job(b.JOB), b.POLICY, b.NOW)
    assert not wants_tasks(b.records(b.intent(), b.outcome(), b.dead(), b.dead_letter()).job(b.JOB), b.POLICY, b.NOW)
    assert not wants_tasks(b.records(b.intent(), b.outcome(1, None, "published")).job(b.JOB), b.POLICY, b.NOW)


# --- whatever is seen -----------------------------------------------------------------------------------------------

ages = st.sampled_from([0, 1, 20, 44, 46, 56, 70, 1500, 2500])
failures = st.sampled_from(FailureClass)
numbers = st.integers(1, 4)
written_records = st.lists(
    st.one_of(
        st.builds(lambda n, age: b.intent(n, at=b.ago(minutes=age)), numbers, ages),
        st.builds(lambda n, failure: b.result(n, failure=failure), numbers, st.none() | failures),
        st.builds(
            lambda n, failure, age: b.outcome(n, failure, "code", at=b.ago(minutes=age)),
            numbers,
            st.none() | failures,
            ages,
        ),
        st.builds(b.dead, st.integers(1, 2)),
        st.builds(b.dead_letter, st.integers(1, 2)),
        st.builds(b.opened),
        st.builds(b.kept),
        st.builds(b.cancel),
    ),
    max_size=8,
)
tasks = st.lists(
    st.builds(
        lambda n, status, age, code: b.task(n, status, started_at=b.ago(minutes=age), exit_code=code),
        numbers,
        st.sampled_from(["PROVISIONING", "RUNNING", "STOPPED", "UNHEARD_OF"]),
        ages,
        st.sampled_from([None, 0, 65, 137]),
    ),
    max_size=3,
)
sights = st.sampled_from([None, LARGE_ONE, HOPELESS, Unknown(why="no index")])
observations = st.builds(
    lambda written, raw, manifest, outputs, live, gate, sight: b.observation(
        *written,
        raw=raw,
        kept=() if raw is not None else tuple(r.source for r in written if isinstance(r, type(b.kept())))[:1],
        manifest=manifest,
        manifest_etag=None if manifest is None else "m",
        outputs=outputs,
        tasks=tuple(live),
        gate=gate,
        glance=None if raw is None or sight is None else Glance(source=raw, sight=sight),
    ),
    written_records,
    st.none() | st.builds(lambda age: b.source(at=b.ago(minutes=age)), ages),
    st.none() | st.builds(lambda n: b.manifest(n), numbers),  # noqa: PLW0108 - hypothesis would pass keywords
    st.sampled_from([(), (b.seen_as(b.output()),), tuple(b.seen_as(b.output(n=n)) for n in range(1, 5))]),
    tasks,
    st.builds(LaunchGate, begin=st.booleans(), launch=st.booleans(), paused=st.none() | st.just("paused")),
    sights,
)


@settings(max_examples=1500)
@given(observations)
def test_whatever_is_seen_there_is_an_answer_and_it_is_safe(seen: Observation) -> None:
    plan_ = decided(seen)
    assert plan_ == decided(seen)
    assert len(plan_.actions) <= 1
    assert not plan_.acts or plan_.requeue_after is not None
    for found in plan_.actions:
        check(found, seen)


def check(found: Action, seen: Observation) -> None:
    """Hold an action against the invariants of the design."""
    job = seen.job(b.JOB)
    match found:
        case DeleteRaw(source, published):
            assert source == seen.raw
            if published:
                assert seen.manifest is not None
                assert seen.manifest.job == seen.job_of(source.upload_etag)
                assert not seen.mismatches(seen.manifest.outputs)
            else:
                assert seen.records.cancel is not None
        case CreateIntent(intent):
            assert not job.records.open_intents
            assert not job.live_tasks
            assert job.records.dead is None
            assert job.source is not None
            assert all(intent.number > o.number for o in job.records.outcomes if o.number.round == intent.number.round)
        case RunTask(intent):
            assert b.NOW - intent.created_at < b.POLICY.relaunch_until
            assert job.records.outcome(intent.number) is None
        case Publish(manifest, _):
            assert not seen.mismatches(manifest.outputs)
            assert job.records.dead is None
        case DeleteDeliveries():
            ended = seen.manifest is not None or job.records.dead is not None or job.source is None
            assert ended or seen.records.cancel is not None
        case RecordOutcome(outcome):
            assert job.records.outcome(outcome.number) is None
        case _:
            pass


def test_a_message_that_was_received_a_hundred_times_is_held_against_nobody() -> None:
    restless = replace(b.delivery(), receive_count=100)
    assert isinstance(action(b.observation(deliveries=(restless,))), CreateIntent)


def test_the_publication_of_one_upload_leaves_the_message_of_the_next() -> None:
    own, next_ = b.delivery(), replace(b.delivery(etag="next"), message_id="message-2")
    closed = (b.intent(), b.result(), b.outcome(1, None, "published"))
    later = b.source(etag="next")
    seen = b.observation(*closed, manifest=b.manifest(), manifest_etag="m", raw=later, deliveries=(own, next_))
    assert action(seen) == DeleteDeliveries((own,))


def test_a_success_without_outputs_is_none() -> None:
    match action(b.observation(b.intent(), replace(b.result(), outputs=()))):
        case RecordOutcome(outcome):
            assert (outcome.failure, outcome.code) == (FailureClass.APP, "no_outputs")
        case other:
            pytest.fail(f"{other}")


def test_outputs_that_were_found_wanting_are_not_published_when_they_look_right_later() -> None:
    refuted = (b.intent(), b.result(), b.outcome(1, FailureClass.APP, "verify_failed"))
    assert isinstance(action(b.observation(*refuted, outputs=(b.seen_as(b.output()),))), CreateIntent)


@pytest.mark.parametrize(
    "later",
    [{"raw": b.source(etag="next")}, {"raw": None, "manifest": b.manifest(job="a" * 26), "manifest_etag": "m"}],
    ids=["uploaded", "published"],
)
def test_the_late_success_of_a_replaced_upload_takes_no_later_one_s_place(later: dict[str, object]) -> None:
    match action(b.observation(b.intent(), b.result(), outputs=(b.seen_as(b.output()),), **later)):
        case RecordOutcome(outcome):
            assert outcome.code == "source_gone"
        case other:
            pytest.fail(f"{other}")


def test_a_job_that_was_published_while_it_was_given_up_is_given_up() -> None:
    both = {"manifest": b.manifest(), "manifest_etag": "m", "outputs": (b.seen_as(b.output()),)}
    assert action(b.observation(b.intent(), b.outcome(), b.dead(), **both)) == KeepRaw(b.JOB, b.source())
    assert isinstance(action(b.observation(b.intent(), b.outcome(), b.dead(), b.kept(), **both)), SendDeadLetter)


def test_a_cancelled_video_leaves_no_copy_behind() -> None:
    copy = b.kept().source
    seen = b.observation(b.cancel(), b.kept(), raw=None, kept=(copy,))
    assert action(seen) == RemoveKept((copy,))
    assert action(replace(seen, kept=())) == DeleteDeliveries((b.delivery(),))


# --- to the letter --------------------------------------------------------------------------------------------------


def closed(code: str, detail: str = "", failure: FailureClass | None = None) -> RecordOutcome:
    return RecordOutcome(
        Outcome(key=b.KEY, job=b.JOB, number=b.number(), at=b.NOW, failure=failure, code=code, detail=detail)
    )


OTHER_PUBLISHED = {"manifest": b.manifest(2), "manifest_etag": "m"}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.observation(b.cancel(), b.intent()), closed("cancelled", "the owner cancelled")),
        (b.observation(b.dead(), b.kept(), b.dead_letter(), b.intent()), closed("superseded", "the job is dead")),
        (b.observation(b.intent(), manifest=b.manifest()), closed("published")),
        (b.observation(b.intent(), **OTHER_PUBLISHED), closed("superseded", "attempt 1-2 was published")),
        (b.observation(b.intent(), raw=None), closed("source_gone", "the raw object is gone")),
        (
            b.observation(b.intent(at=b.ago(hours=1))),
            closed("lost", "no task was seen, nor a result", INFRASTRUCTURE),
        ),
        (
            b.observation(b.intent(at=b.ago(hours=1)), gate=LaunchGate(launch=False, paused="access_denied")),
            closed("launch_refused", "access_denied", FailureClass.CONFIGURATION),
        ),
        (
            b.observation(b.intent(), b.result()),
            closed("verify_failed", "outputs not as reported: video.mp4", FailureClass.APP),
        ),
    ],
    ids=["cancelled", "dead", "published", "overtaken", "gone", "lost", "refused", "wrong"],
)
def test_an_outcome_says_what_ended_the_attempt_and_when(seen: Observation, expected: RecordOutcome) -> None:
    assert action(seen) == expected


def test_a_redrive_opens_the_round_after_the_dead_one() -> None:
    asked = b.delivery(redrive=Redrive(job=b.JOB, round=1))
    assert action(b.observation(b.dead(), deliveries=(asked,))) == OpenRound(replace(b.opened(2), at=b.NOW))


def test_a_dead_job_without_a_message_is_told_of_all_the_same() -> None:
    seen = b.observation(b.dead(), b.kept(), deliveries=())
    assert action(seen) == SendDeadLetter(b.dead(), None)
    assert action(replace(seen, deliveries=(b.delivery(),))) == SendDeadLetter(b.dead(), "{}")


def test_the_outputs_to_look_at_are_those_that_a_decision_may_depend_on() -> None:
    made, published = b.observation(b.intent(), b.result()), b.observation(b.intent(), manifest=b.manifest())
    assert claims(made) == (b.output(),)
    assert claims(published) == (b.output(),)
    assert claims(replace(published, raw=None)) == (), "nothing is left to be deleted"
    assert claims(b.observation(b.intent(), b.result(), b.outcome(1, FailureClass.APP, "verify_failed"))) == ()
    both = b.observation(b.intent(), b.result(1), b.intent(2), b.result(2))
    assert claims(both) == (b.output(n=2), b.output(n=1))


def test_a_stopped_task_closes_its_attempt_by_its_end_and_the_worker_s_word() -> None:
    spot = b.task(1, "STOPPED", stop_code="SpotInterruption", stopped_reason="taken back")
    taken = closed("spot_interrupted", "stop code SpotInterruption; taken back", INFRASTRUCTURE)
    assert action(b.observation(b.intent(), tasks=(spot,))) == taken
    ended = b.task(1, "STOPPED", stop_code="EssentialContainerExited", exit_code=65)
    said = b.result(failure=FailureClass.PERMANENT, code="not_a_video")
    refused = closed("not_a_video", "not_a_video", FailureClass.PERMANENT)
    assert action(b.observation(b.intent(), said, tasks=(ended,))) == refused


def test_a_broken_publication_is_an_alarm_and_its_upload_kept_before_it_expires() -> None:
    published = (b.intent(), b.outcome(1, None, "published"))
    broken = b.observation(*published, manifest=b.manifest())
    assert action(broken) == Raise("published_output_missing", "video.mp4 of attempt 1-1")
    old = b.source(at=b.ago(hours=41))
    assert action(replace(broken, raw=old)) == KeepRaw(b.JOB, old)
    kept = b.observation(*published, b.kept(), manifest=b.manifest(), raw=old)
    assert isinstance(action(kept), Raise)


def test_a_manifest_says_what_was_published_of_which_upload_and_when() -> None:
    seen = b.observation(b.intent(), b.result(), outputs=(b.seen_as(b.output()),))
    assert action(seen) == Publish(replace(b.manifest(), published_at=b.NOW), None)


@pytest.mark.parametrize(
    ("seen", "wait"),
    [
        (b.observation(b.intent(), tasks=(b.task(1, "PENDING"),)), b.POLICY.poll),
        (b.observation(b.intent(), tasks=(b.task(),)), b.POLICY.poll),
        (b.observation(b.intent(at=b.ago(minutes=50))), timedelta(minutes=5)),
        (b.observation(b.intent(), gate=LaunchGate(launch=False)), b.POLICY.slot_interval),
        (b.observation(b.intent(), gate=LaunchGate(launch=False, paused="denied")), b.POLICY.slot_interval),
        (b.observation(gate=LaunchGate(begin=False)), b.POLICY.slot_interval),
    ],
    ids=["starting", "running", "token too old", "no token", "breaker open", "no slot"],
)
def test_what_is_waited_for_is_looked_at_again_in_time(seen: Observation, wait: timedelta) -> None:
    assert (decided(seen).actions, decided(seen).requeue_after) == ((), wait)
