"""Reads what became of a video out of both buckets: what every route that tells of videos is made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from vidctl import codec, history, layout, logs
from vidctl.errors import Malformed, VidctlError, WorldError
from vidctl.groups import TaskGroup, first_error
from vidctl.history import History, State
from vidctl.http.videos.line import Line
from vidctl.journal import Journal
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.ports import Clock, Objects
from vidctl.progress import Progress
from vidctl.records import Intent
from vidctl.tickets import Way
from vidctl.timeline import Arrival, Evidence

UPLOAD_GRACE = timedelta(hours=6)
"""How long a PUT may go on that began just before its URL expired: S3 checks the expiry only at its beginning, and
5 GiB over 2 Mbit/s take 6 h."""

PARTS_GRACE = timedelta(days=2)
"""How long an upload in parts may go on: its lifecycle rule ends it at the midnight after its first day."""

MOST_ATTEMPTS = 25
"""Ended attempts of a round whose progress counts: its budgets have no room for more that came some way."""

REMEMBERED = 10_000
"""Ended attempts whose progress is remembered."""

log = logs.get(__name__)


class VideoNotFound(VidctlError):
    """There is no such video of this user: unknown, malformed, expired and somebody else's are all the same."""

    code = "video_not_found"


class Histories:
    """Reads what the raw and the final bucket say of a video. ``expiry``: how long URLs and forms live."""

    def __init__(
        self,
        *,
        raw: Objects,
        raw_bucket: str,
        final: Objects,
        journal: Journal,
        ledger: Ledger,
        expiry: Mapping[Way, timedelta],
        line: Line,
        clock: Clock,
    ) -> None:
        self._raw = raw
        self._raw_bucket = raw_bucket
        self._final = final
        self._journal = journal
        self._ledger = ledger
        self._awaited = {way: life + UPLOAD_GRACE for way, life in expiry.items()} | {Way.MULTIPART: PARTS_GRACE}
        self._line = line
        self._clock = clock
        self._last: OrderedDict[str, Progress | None] = OrderedDict()

    async def history(self, key: VideoKey) -> History:
        """Read what became of a video.

        Raises:
            VideoNotFound: nothing is there, and nothing can arrive any more.
            WorldError: the buckets do not answer.

        """
        evidence = await self.evidence(key)
        if history.state_of(evidence) not in history.UNDER_WAY:
            return history.tell(evidence)
        ended = history.ended_attempts(evidence)
        with first_error():
            async with TaskGroup() as reads:
                current = reads.create_task(self._current(evidence))
                earlier = [reads.create_task(self._last_words(intent)) for intent in ended[-MOST_ATTEMPTS:]]
        words = [words for task in earlier if (words := task.result()) is not None]
        told = history.tell(evidence, progress=current.result(), earlier=words)
        return replace(told, ahead=await self._ahead(evidence, told))

    async def evidence(self, key: VideoKey) -> Evidence:
        """Read what there is of a video; raises as ``history``."""
        with first_error():
            async with TaskGroup() as reads:
                arrival = reads.create_task(self._arrival(key))
                records = reads.create_task(self._journal.records(key))
                published = reads.create_task(self._journal.manifest(key))
        found = published.result()
        evidence = Evidence(
            records=records.result(),
            manifest=None if found is None else found.manifest,
            arrival=arrival.result(),
            issued_at=layout.issued_at(key.user_id, key.video_id),
        )
        if history.state_of(evidence) is State.AWAITING_UPLOAD and not await self._may_arrive(key, evidence.issued_at):
            raise VideoNotFound("You have no such video.")
        if evidence.records.cancel is not None:
            return replace(evidence, leftovers=await self._leftovers(key))
        return evidence

    async def _arrival(self, key: VideoKey) -> Arrival | None:
        raw_key = layout.raw_key(key)
        stat = await self._raw.head(raw_key)
        if stat is None:
            return None
        return Arrival(job=layout.job_id(self._raw_bucket, raw_key, stat.etag), at=stat.last_modified)

    async def _leftovers(self, key: VideoKey) -> bool:
        return await _any(self._final, layout.outputs_prefix(key)) or await _any(self._raw, layout.kept_prefix(key))

    async def _current(self, evidence: Evidence) -> Progress | None:
        intent = history.open_attempt(evidence)
        return None if intent is None else await self._progress(intent)

    async def _last_words(self, intent: Intent) -> Progress | None:
        """Return the progress of an attempt that has ended: it stays as it is, and is remembered."""
        name = layout.launch_token(intent.job, intent.number)
        if name not in self._last:
            self._last[name] = await self._progress(intent)
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
        return self._last[name]

    async def _progress(self, intent: Intent) -> Progress | None:
        key = layout.progress_key(intent.key, intent.job, intent.number)
        stored = await self._final.get(key)
        if stored is None:
            return None
        try:
            return codec.decode(Progress, stored.body)
        except Malformed as error:
            # Progress is a courtesy: a version that this one cannot read must not hide the rest.
            log.warning("progress_unreadable", key=key, error=str(error))
            return None

    async def _ahead(self, evidence: Evidence, told: History) -> int | None:
        """Return how many uploads are before this one; a courtesy, too."""
        if told.state is not State.QUEUED or told.attempts or evidence.arrival is None:
            return None
        try:
            return await self._line.ahead(evidence.records.key, evidence.arrival.at)
        except WorldError as error:
            log.warning("line_unknown", code=error.code, error=str(error))
            return None

    async def _may_arrive(self, key: VideoKey, issued_at: datetime | None) -> bool:
        if issued_at is None or (age := self._clock() - issued_at) >= PARTS_GRACE:
            return False
        if age < min(self._awaited.values()):
            return True
        ticket = await self._ledger.ticket(key)
        if ticket is None:
            return False
        # The id of a session's upload is as old as the session.
        return self._clock() - ticket.at < self._awaited[ticket.way]


async def _any(objects: Objects, prefix: str) -> bool:
    """Whether any object's key begins with ``prefix``."""
    async for _ in objects.list(prefix, limit=1):
        return True
    return False
