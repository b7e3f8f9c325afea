"""Which of the workers' words may be published. Pure."""

from __future__ import annotations

from vidctl.records import JobRecords, Result


def successes(records: JobRecords) -> tuple[Result, ...]:
    """Return the results that may be published, the latest first: not those whose outputs were found wanting."""
    refuted = {outcome.number for outcome in records.outcomes if outcome.code == "verify_failed"}
    known = {intent.number for intent in records.intents}.difference(refuted)
    return tuple(r for r in reversed(records.results) if r.failure is None and r.outputs and r.number in known)
