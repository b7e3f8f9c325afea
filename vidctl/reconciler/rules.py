"""Every rule of ``plan`` by its name, in the order in which they are tried: the first that applies decides. Pure.

The names count what the reconciler does (``vidctl_plans_total``); ``docs/plan.md`` is the table of all.
"""

from __future__ import annotations

from enum import StrEnum


class Section(StrEnum):
    """What a group of rules is about: the state that they find."""

    UNREADABLE = "A record cannot be read"
    NOTED = "A notice waits"
    CANCELLED = "Cancelled by the owner"
    NOTING = "Published, and not noted"
    DEAD = "Given up"
    PUBLISHED = "Published"
    VERIFYING = "A success to verify"
    GONE = "No raw object"
    EXPIRING = "The raw object nears its expiry"
    OPEN = "An attempt is open"
    UNSEEN = "An attempt is open and nobody sees its task"
    ADOPTING = "A task of an earlier attempt is alive"
    NEXT = "Nothing is under way"
    UNKNOWN = "Nothing is known"


class Rule(StrEnum):
    """One decision of ``plan``: its name, its section, what is seen (all rules before it do not apply), and the reason.

    The reason may be empty where what is seen says it all.
    """

    section: Section
    seen: str
    reason: str

    def __new__(cls, name: str, section: Section, seen: str, reason: str = "") -> Rule:  # noqa: PYI034 - no subclass
        """Make a member whose value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.section, member.seen, member.reason = section, seen, reason
        return member

    UNREADABLE_RECORD = (
        "unreadable_record",
        Section.UNREADABLE,
        "a record of a version that this one does not know",
        "in the middle of a deployment the newer replica goes on with it; nothing is guessed",
    )

    UNPOSTED = (
        "unposted",
        Section.NOTED,
        "a notice of a publication or a failure, not posted to everybody",
        "what is noted is told, whatever came after",
    )

    CANCELLED_UNNOTED = (
        "cancelled_unnoted",
        Section.CANCELLED,
        "anything of it is left, somebody is to be told of deletions, and this one is not noted",
        "afterwards nothing would say that there was something to tell",
    )
    CANCELLED_TASK_ALIVE = (
        "cancelled_task_alive",
        Section.CANCELLED,
        "a live task",
        "first, so that nothing is written after the removal",
    )
    CANCELLED_ATTEMPT_OPEN = ("cancelled_attempt_open", Section.CANCELLED, "an open attempt", "no attempt stays open")
    CANCELLED_MANIFEST = ("cancelled_manifest", Section.CANCELLED, "a manifest", "readers first: none finds it broken")
    CANCELLED_OUTPUTS = ("cancelled_outputs", Section.CANCELLED, "outputs")
    CANCELLED_RAW = ("cancelled_raw", Section.CANCELLED, "the raw object")
    CANCELLED_KEPT = ("cancelled_kept", Section.CANCELLED, "a kept copy")
    CANCELLED_UNPOSTED = (
        "cancelled_unposted",
        Section.CANCELLED,
        "the notice of the deletion, not posted to everybody",
        "told only when it is true",
    )
    CANCELLED_MESSAGE = (
        "cancelled_message",
        Section.CANCELLED,
        "a message",
        "the last step: a crash before it repeats",
    )
    CANCELLED = ("cancelled", Section.CANCELLED, "nothing of it is left")

    PUBLISHED_UNNOTED = (
        "published_unnoted",
        Section.NOTING,
        "raw, an open attempt or a message, somebody is to be told of publications, and this one is not noted",
        "first, since people wait for it; with nothing left to do it is an old one, of which nobody was to be told",
    )
    DEAD_REDRIVEN = (
        "dead_redriven",
        Section.DEAD,
        "the dead letter of this round was sent back, and there is something to read",
        "a round has fresh budgets; a plain event opens none",
    )
    DEAD_RAW_UNKEPT = ("dead_raw_unkept", Section.DEAD, "raw without a kept copy", "kept safe before the queue is told")
    DEAD_UNNOTED = (
        "dead_unnoted",
        Section.DEAD,
        "no dead letter was sent in this round, somebody is to be told of failures, and this one is not noted",
        "the letter is the mark of a round that is settled",
    )
    DEAD_UNTOLD = ("dead_untold", Section.DEAD, "no dead letter was sent in this round")
    DEAD_TASK_ALIVE = ("dead_task_alive", Section.DEAD, "a live task")
    DEAD_ATTEMPT_OPEN = ("dead_attempt_open", Section.DEAD, "an open attempt", "no attempt stays open")
    DEAD_MESSAGE = ("dead_message", Section.DEAD, "a message")
    DEAD = ("dead", Section.DEAD, "nothing of it is left but what is kept")

    PUBLISHED_TASK_ALIVE = (
        "published_task_alive",
        Section.PUBLISHED,
        "a live task of another attempt",
        "the winner ends by itself",
    )
    PUBLISHED_TASK_LATE = (
        "published_task_late",
        Section.PUBLISHED,
        "its own task runs past its deadline",
        "its work is done, and nobody else would stop it",
    )
    PUBLISHED_ATTEMPT_OPEN = ("published_attempt_open", Section.PUBLISHED, "the published attempt is open")
    PUBLISHED_OTHER_OPEN = ("published_other_open", Section.PUBLISHED, "another attempt is open", "it was overtaken")
    PUBLISHED_BROKEN_EXPIRING = (
        "published_broken_expiring",
        Section.PUBLISHED,
        "raw near its expiry without a kept copy, and an output that is not as published",
        "the last good copy is kept safe",
    )
    PUBLISHED_BROKEN = (
        "published_broken",
        Section.PUBLISHED,
        "raw, and an output that is not as published",
        "raw is deleted only if every output is there now; this needs a person",
    )
    PUBLISHED_AGAIN = (
        "published_again",
        Section.PUBLISHED,
        "raw of a later upload of the same file, and every output as published",
        "what was uploaded in between must not be published over it",
    )
    PUBLISHED_RAW = ("published_raw", Section.PUBLISHED, "raw, and every output as published")
    PUBLISHED_MESSAGE = ("published_message", Section.PUBLISHED, "a message")
    PUBLISHED = ("published", Section.PUBLISHED, "nothing of the upload is left")

    OUTPUTS_VERIFIED = (
        "outputs_verified",
        Section.VERIFYING,
        "a Result with success, every output there with its size and checksum",
        "also that of an attempt taken for lost",
    )
    OUTPUTS_WRONG = (
        "outputs_wrong",
        Section.VERIFYING,
        "the open attempt's Result with success, an output not as it says",
        "nothing unverified is published",
    )

    GONE_TASK_ALIVE = ("gone_task_alive", Section.GONE, "a live task", "its result could be for nobody")
    GONE_UNNOTED = (
        "gone_unnoted",
        Section.GONE,
        "an open attempt, no later upload, somebody is to be told of failures, and this one is not noted",
    )
    GONE_ATTEMPT_OPEN = ("gone_attempt_open", Section.GONE, "an open attempt", "no attempt stays open")
    GONE_MESSAGE = ("gone_message", Section.GONE, "a message")
    GONE = ("gone", Section.GONE, "nothing else")

    RAW_EXPIRING = (
        "raw_expiring",
        Section.EXPIRING,
        "no kept copy",
        "its lifecycle rule must never eat work",
    )

    TASK_STOPPED = ("task_stopped", Section.OPEN, "its task has stopped", "by stop code, then Result, then exit code")
    STARTING_LATE = ("starting_late", Section.OPEN, "its task has not started in time")
    STARTING = ("starting", Section.OPEN, "its task has not started yet")
    RUNNING_LATE = ("running_late", Section.OPEN, "its task runs past its deadline")
    RUNNING = ("running", Section.OPEN, "its task runs")

    UNSEEN_RESULT = (
        "unseen_result",
        Section.UNSEEN,
        "a Result that cannot be published",
        "stopped tasks vanish after an hour; the worker's word stays",
    )
    REFUSAL_SETTLING = (
        "refusal_settling",
        Section.UNSEEN,
        "RunTask answered with failures a moment ago",
        "it may have started all the same",
    )
    REFUSED = (
        "refused",
        Section.UNSEEN,
        "RunTask answered with failures",
        "the token would repeat the answer: the next attempt goes elsewhere",
    )
    NEVER_LAUNCHED = (
        "never_launched",
        Section.UNSEEN,
        "too old for any late call, and the breaker is open",
        "the configuration is at fault, not the video",
    )
    LOST = ("lost", Section.UNSEEN, "too old for any late call", "a task would be seen by now")
    TOKEN_TOO_OLD = (
        "token_too_old",
        Section.UNSEEN,
        "too old to ask again",
        "the token may have outlived its task: a repeated call could start a second",
    )
    LAUNCH_PAUSED = ("launch_paused", Section.UNSEEN, "the breaker is open")
    LAUNCH_WAITING = ("launch_waiting", Section.UNSEEN, "no launch token is free")
    LAUNCH = ("launch", Section.UNSEEN, "nothing else", "the token finds the task or starts it: one call for both")

    EARLIER_TASK_LATE = (
        "earlier_task_late",
        Section.ADOPTING,
        "it has not started, or not ended, in time",
        "its attempt is over: nobody else would stop it",
    )
    EARLIER_TASK_ALIVE = (
        "earlier_task_alive",
        Section.ADOPTING,
        "nothing else",
        "it may yet succeed: never two at once",
    )

    UNFIT = ("unfit", Section.NEXT, "a source on which no attempt can succeed")
    BUDGET_SPENT = (
        "budget_spent",
        Section.NEXT,
        "the budget of a failure class is spent",
        "only its own input, or a truly spent budget, gives a job up",
    )
    BACKING_OFF = ("backing_off", Section.NEXT, "the last attempt failed a moment ago")
    BEGIN_PAUSED = ("begin_paused", Section.NEXT, "the breaker is open")
    BEGIN_WAITING = ("begin_waiting", Section.NEXT, "no slot is free", "the backlog stays in the queue")
    HOPELESS = (
        "hopeless",
        Section.NEXT,
        "a glance at the source shows what the worker would refuse",
        "no task is paid for what cannot succeed; whatever is in doubt, the worker decides",
    )
    BEGIN = ("begin", Section.NEXT, "nothing else", "RunTask follows in the next pass: the record is first")

    UNKNOWN = ("unknown", Section.UNKNOWN, "neither object, record, task nor message")
