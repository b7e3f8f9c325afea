"""Every metric of vidctl, on a registry that is handed in; label values stand at zero from the start.

Names follow Kubernetes controllers (``workqueue_*``, ``reconcile_*``) with the prefix ``vidctl_``. No label carries a
video or a user. A worker task is not scraped: its numbers come in its Result and are counted here by the reconciler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from vidctl import __version__
from vidctl.errors import NotToldReason, WorldError
from vidctl.model import FailureClass, Kind

CLASSES = tuple(failure.value for failure in FailureClass)
RESULTS = ("success", "error", "requeue", "requeue_after", "stale")
RECEIVED = ("upload", "redrive", "split", "test_event", "bad_message", "task_event", "handed_back")
LATENCIES = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)
CALL_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
PASS_TIMES = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30)


class Metrics:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # A `_created` series beside every counter would double their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry
        self._build_info()
        self._aws()
        self._http()
        self._queues()
        self._loop()
        self._glances()
        self._jobs()
        self._notices()

    def _build_info(self) -> None:
        info = self._gauge("build_info", "The running version.", ("version",))
        info.labels(version=__version__).set(1)

    def _aws(self) -> None:
        names = ("service", "operation", "code")
        self.aws_requests = self._counter("aws_requests", "Calls to AWS by their answer; `ok` for a success.", names)
        self.aws_seconds = self._histogram(
            "aws_request_seconds", "Time of a call to AWS.", ("service", "operation"), CALL_TIMES
        )

    def _http(self) -> None:
        names = ("route", "method", "status")
        self.http_requests = self._counter("http_requests", "Requests by route and status.", names)
        self.http_seconds = self._histogram("http_request_seconds", "Time of a request.", ("route",), CALL_TIMES)
        self.event_streams = self._gauge("event_streams", "Streams of events that are open.")
        self.watched_videos = self._gauge("watched_videos", "Videos that they follow, looked at once for all.")
        self.uploads_signed = self._counter("uploads_signed", "Upload URLs handed out.")
        self.rate_limited = self._counter(
            "rate_limited",
            "Requests refused because somebody made too many of their kind.",
            ("quota",),
            [("read",), ("write",), ("refused",)],
        )
        self.auth_refused = self._counter(
            "auth_refused",
            "Requests refused for their token.",
            ("reason",),
            [
                ("missing",),
                ("malformed",),
                ("expired",),
                ("immature",),
                ("audience",),
                ("issuer",),
                ("signature",),
                ("algorithm",),
                ("claims",),
                ("scope",),
                ("keys_unavailable",),
            ],
        )

    def _queues(self) -> None:
        queues = [("raw",), ("dead_letter",), ("task",)]
        self.queue_depth = self._gauge("queue_messages", "Messages waiting, approximate.", ("queue",), queues)
        self.queue_in_flight = self._gauge(
            "queue_messages_in_flight", "Messages held, approximate.", ("queue",), queues
        )
        self.oldest_message_seconds = self._gauge(
            "queue_oldest_held_message_seconds", "Age of the oldest message that this replica holds."
        )
        self.received = self._counter(
            "messages_received",
            "Messages taken from a queue by what they were.",
            ("kind",),
            [(word,) for word in RECEIVED],
        )
        self.held = self._gauge("held_messages", "Messages that this replica holds.")
        self.hold_losses = self._counter("hold_losses", "Holds that were lost before their job was finished.")
        self.renewals = self._counter("hold_renewals", "Messages sent anew because their hold came near AWS's cap.")

    def _loop(self) -> None:
        names = [("videos",), ("notices",)]
        self.workqueue_depth = self._gauge("workqueue_depth", "Keys that wait for a pass now.", ("name",), names)
        self.workqueue_adds = self._counter("workqueue_adds", "Keys added.", ("name",), names)
        self.workqueue_retries = self._counter("workqueue_retries", "Keys put back after an error.", ("name",), names)
        self.workqueue_queue_seconds = self._histogram(
            "workqueue_queue_duration_seconds", "Time a due key waits for its pass.", ("name",), CALL_TIMES, names
        )
        self.workqueue_work_seconds = self._histogram(
            "workqueue_work_duration_seconds", "Time of the pass on a key.", ("name",), PASS_TIMES, names
        )
        self.workqueue_longest_seconds = self._gauge(
            "workqueue_longest_running_processor_seconds", "Age of the oldest pass at work.", ("name",), names
        )
        self.reconciles = self._counter(
            "reconcile", "Passes by result.", ("result",), [(result,) for result in RESULTS]
        )
        codes = [(error.code,) for error in WorldError.__subclasses__()]
        self.reconcile_errors = self._counter(
            "reconcile_errors", "Passes and sweeps that ended in an error.", ("code",), codes
        )
        self.reconcile_panics = self._counter("reconcile_panics", "Passes that ended in an unexpected exception.")
        self.reconcile_seconds = self._histogram("reconcile_time_seconds", "Time of a pass.", (), PASS_TIMES)
        # Its values stand at zero once the reconciler is there, whose rules they are.
        self.plans = self._counter("plans", "Decisions by the rule that made them (see plan.md).", ("rule",))
        self.active_workers = self._gauge("active_workers", "Passes at work.")
        self.alarms = self._counter(
            "alarms",
            "Situations that should not be, by reason.",
            ("reason",),
            [("unreadable_record",), ("published_output_missing",), ("foreign_raw_object",)],
        )
        self.last_progress = self._gauge("last_progress_timestamp_seconds", "When the loop last made progress.")
        self.sweep_success = self._gauge(
            "sweep_last_success_timestamp_seconds",
            "When a sweep last ended well.",
            ("sweep",),
            [("raw",), ("tasks",), ("notices",), ("daily",)],
        )
        self.missed_events = self._counter(
            "sweep_found_missed_events", "Uploads begun without holding their message: lost events, or a backlog."
        )
        self.swept = self._counter("sweep_removed_objects", "Objects of abandoned attempts removed.")

    def _glances(self) -> None:
        self.glances = self._counter(
            "glances",
            "Looks into a source before its first attempt; `hopeless` costs no task.",
            ("sight",),
            [("seen",), ("hopeless",), ("unknown",)],
        )
        self.glance_bytes = self._counter("glance_read_bytes", "Bytes of sources that were read for them.")

    def _jobs(self) -> None:
        classes = [(name,) for name in CLASSES]
        self.slots = self._gauge("slots", "Jobs that this replica may run at once.")
        self.slots_used = self._gauge("slots_used", "Jobs that it is running.")
        self.waiting = self._gauge("jobs_waiting_for_slot", "Jobs that wait for a slot.")
        self.breaker_open = self._gauge("breaker_open", "1 while launches pause because the configuration is at fault.")
        self.tasks = self._gauge(
            "tasks", "Known worker tasks by state.", ("state",), [("starting",), ("running",), ("stopped",)]
        )
        self.intents = self._counter("intents", "Attempts begun.")
        self.launches = self._counter(
            "launches",
            "RunTask calls by their answer.",
            ("result",),
            [("started",), ("capacity",), ("throttled",), ("refused",), ("conflict",), ("unknown",)],
        )
        self.outcomes = self._counter(
            "outcomes", "Attempts ended, by class; `none` when nothing failed.", ("class",), [("none",), *classes]
        )
        self.published = self._counter("videos_published", "Videos published.")
        self.raw_deleted = self._counter("raw_deleted", "Raw objects deleted after their publication was verified.")
        self.raw_kept = self._counter("raw_kept", "Raw objects copied out of the reach of their lifecycle rule.")
        self.source_gone = self._counter("source_gone", "Jobs whose raw object vanished after an attempt.")
        self.dead = self._counter("jobs_dead", "Jobs given up, by class.", ("class",), classes)
        self.dead_letters = self._counter(
            "dead_letters", "Messages sent to the dead-letter queue.", ("class",), classes
        )
        self.verify_failures = self._counter("verify_failures", "Outputs that did not match what was said of them.")
        self.upload_to_launch = self._histogram("upload_to_launch_seconds", "Upload to RunTask.", (), LATENCIES)
        self.upload_to_published = self._histogram("upload_to_published_seconds", "Upload to published.", (), LATENCIES)
        self.upload_to_deleted = self._histogram(
            "upload_to_raw_deleted_seconds", "Upload to raw deleted.", (), LATENCIES
        )
        self.stage_seconds = self._histogram(
            "worker_stage_seconds",
            "Time of a worker's stage, from its Result.",
            ("stage",),
            LATENCIES,
            [("download",), ("probe",), ("encode",), ("verify",), ("finish",)],
        )

    def _notices(self) -> None:
        self.notices = self._counter(
            "notices", "Final states to be told of.", ("kind",), [(kind.value,) for kind in Kind]
        )
        self.told = self._counter("notices_told", "Notices that a receiver has.")
        self.not_told = self._counter(
            "notices_not_told",
            "Attempts to tell that came to nothing, by reason.",
            ("reason",),
            [(reason,) for reason in get_args(NotToldReason)],
        )
        self.given_up = self._counter(
            "notices_given_up",
            "Notices that a receiver will never have: it is gone for good, or did not take them in time.",
            ("reason",),
            [("gone",), ("expired",)],
        )
        self.undelivered = self._gauge("notices_waiting", "Notices that receivers are still to be told of.")
        self.oldest_notice = self._gauge("notices_oldest_waiting_seconds", "Age of the oldest of them.")
        self.notice_seconds = self._histogram(
            "notices_delay_seconds", "Time from a notice to its receiver's answer.", (), LATENCIES
        )

    def watch(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Take a gauge's value from ``read`` at every scrape."""
        gauge.set_function(read)

    def _counter(
        self, name: str, text: str, labels: tuple[str, ...] = (), values: Iterable[tuple[str, ...]] = ()
    ) -> Counter:
        counter = Counter(f"vidctl_{name}", text, labels, registry=self.registry)
        for value in values:
            counter.labels(*value)
        return counter

    def _gauge(
        self, name: str, text: str, labels: tuple[str, ...] = (), values: Iterable[tuple[str, ...]] = ()
    ) -> Gauge:
        gauge = Gauge(f"vidctl_{name}", text, labels, registry=self.registry)
        for value in values:
            gauge.labels(*value)
        return gauge

    def _histogram(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        buckets: tuple[float, ...],
        values: Iterable[tuple[str, ...]] = (),
    ) -> Histogram:
        histogram = Histogram(f"vidctl_{name}", text, labels, buckets=buckets, registry=self.registry)
        for value in values:
            histogram.labels(*value)
        return histogram
