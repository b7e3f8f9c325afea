"""Hands out uploads and puts them together, whichever door they are asked for through: ours, Uppy's, a session's.

Each is noted in the ledger before anything is signed, and its ticket says later to whom it belongs: a key and an upload
id are worth nothing to anybody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from vidctl import layout, logs
from vidctl.errors import Misconfigured, NotFound, PreconditionFailed
from vidctl.http.uploads.assembly import UploadTooLarge, assembled
from vidctl.http.uploads.grants import Grant, SessionSpent, Standing, UploadNotFound, UploadRefused
from vidctl.http.uploads.request import Fault, InvalidRequest, UploadRequest
from vidctl.journal import Journal
from vidctl.ledger import Ledger
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.parts import MOST_PART_BYTES, MOST_PARTS, part_bytes, part_count, size_of
from vidctl.ports import Clock, Objects, SignedUrl
from vidctl.settings import UploadSettings
from vidctl.tickets import Ticket, Way
from vidctl.uploads import Algorithm, Call, Part, SignedForm, Uploads

log = logs.get(__name__)


class Intake:
    """Uploads to the raw bucket, each with its ticket."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        raw: Objects,
        journal: Journal,
        ledger: Ledger,
        settings: UploadSettings,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._uploads = uploads
        self._raw = raw
        self._journal = journal
        self._ledger = ledger
        self._settings = settings
        self._metrics = metrics
        self._clock = clock

    # --- handing out ----------------------------------------------------------------------------------------------

    async def put(self, grant: Grant, wanted: UploadRequest) -> tuple[Ticket, SignedUrl]:
        """Hand out a signed PUT of exactly this file."""
        ticket = await self._noted(grant, wanted, Way.PUT)
        signed = await self._uploads.sign_put(
            layout.raw_key(ticket.key),
            content_type=wanted.content_type,
            size_bytes=wanted.size_bytes,
            checksum=wanted.checksum,
            expires_in=self._settings.expiry,
        )
        return self._counted(ticket), signed

    async def plain_put(self, grant: Grant, wanted: UploadRequest) -> tuple[Ticket, SignedUrl]:
        """Hand out a PUT for clients that send no header that we ask for: its size is seen when it has come."""
        ticket = await self._noted(grant, wanted, Way.PUT)
        signed = await self._uploads.sign_put(
            layout.raw_key(ticket.key), content_type=None, size_bytes=None, expires_in=self._settings.expiry
        )
        return self._counted(ticket), signed

    async def form(self, grant: Grant, wanted: UploadRequest) -> tuple[Ticket, SignedForm]:
        """Hand out a form for a file whose size is not known, or at most as large as it was said to be."""
        ticket = await self._noted(grant, wanted, Way.POST)
        most = min(grant.max_bytes, MOST_PART_BYTES, wanted.size_bytes or MOST_PART_BYTES)
        signed = await self._uploads.sign_form(
            layout.raw_key(ticket.key),
            content_type=wanted.content_type,
            max_bytes=most,
            expires_in=self._settings.parts_expiry,
        )
        return self._counted(ticket), signed

    async def begin(self, grant: Grant, wanted: UploadRequest, *, cut: bool) -> Ticket:
        """Begin an upload in parts; ``cut``: we say how large they are, which then is part of their signatures."""
        whole = None if wanted.checksum is None else Algorithm.CRC64NVME

        async def begun(key: VideoKey) -> str:
            return await self._uploads.begin(layout.raw_key(key), content_type=wanted.content_type, whole=whole)

        size = part_bytes(wanted.size_bytes, self._settings.part_bytes) if cut and wanted.size_bytes else None
        return self._counted(await self._noted(grant, wanted, Way.MULTIPART, part=size, begin=begun))

    async def begin_elsewhere(self, grant: Grant, wanted: UploadRequest) -> Ticket:
        """Note an upload in parts that the client begins at S3 itself."""
        return self._counted(await self._noted(grant, wanted, Way.MULTIPART))

    async def _noted(
        self,
        grant: Grant,
        wanted: UploadRequest,
        way: Way,
        *,
        part: int | None = None,
        begin: Callable[[VideoKey], Awaitable[str]] | None = None,
    ) -> Ticket:
        for video_id in grant.video_ids:
            key = VideoKey(user_id=grant.user_id, video_id=video_id)
            if grant.session is not None and await self._ledger.ticket(key) is not None:
                continue
            ticket = Ticket(
                key=key,
                at=self._time_of(key, grant),
                way=way,
                content_type=wanted.content_type,
                filename=wanted.filename,
                size_bytes=wanted.size_bytes,
                upload_id=None if begin is None else await begin(key),
                part_bytes=part,
                crc64nvme=wanted.crc64nvme,
                max_bytes=grant.max_bytes,
                session=grant.session,
            )
            try:
                await self._ledger.note(ticket)
            except PreconditionFailed:
                if ticket.upload_id is not None:
                    await self._uploads.abort(layout.raw_key(key), ticket.upload_id)
                earlier = await self._ledger.ticket(key)
                if grant.session is None and earlier is not None and earlier.way is way:
                    return earlier  # the same request, sent again
                continue
            return ticket
        raise SessionSpent("All uploads of this session were handed out.")

    def _time_of(self, key: VideoKey, grant: Grant) -> datetime:
        """Return when the video was handed out: a repetition of a request writes its ticket again, to the letter.

        Two requests of a session never write the same.
        """
        issued = layout.issued_at(key.user_id, key.video_id) if grant.session is None else None
        return issued or self._clock()

    def _counted(self, ticket: Ticket) -> Ticket:
        self._metrics.uploads_signed.inc()
        log.info(
            "upload_signed",
            user_id=ticket.key.user_id,
            video_id=ticket.key.video_id,
            way=ticket.way,
            size_bytes=ticket.size_bytes,
        )
        return ticket

    # --- going on -------------------------------------------------------------------------------------------------

    async def ticket(self, grant: Grant, video_id: str) -> Ticket:
        """Return the ticket of an upload in parts that the caller may go on with.

        Raises:
            UploadNotFound: there is none, or it is somebody else's.

        """
        if layout.is_video_id(video_id) and layout.issued_at(grant.user_id, video_id) is not None:
            ticket = await self._ledger.ticket(VideoKey(user_id=grant.user_id, video_id=video_id))
            ours = ticket is not None and grant.session in (None, ticket.session)
            if ticket is not None and ours and ticket.way is Way.MULTIPART:
                return ticket
        raise UploadNotFound("You have no such upload in parts.")

    @staticmethod
    def upload_id(ticket: Ticket) -> str:
        """Return S3's name of an upload that we began.

        Raises:
            UploadNotFound: its client began it.

        """
        if ticket.upload_id is None:
            raise UploadNotFound("You have no such upload in parts.")
        return ticket.upload_id

    async def sign_call(self, ticket: Ticket, call: Call, upload_id: str) -> SignedUrl:
        """Sign a call of a client that speaks to S3 itself."""
        return await self._uploads.sign_call(
            layout.raw_key(ticket.key),
            call,
            upload_id=upload_id,
            content_type=ticket.content_type,
            expires_in=self._settings.parts_expiry,
        )

    async def sign_part(self, ticket: Ticket, upload_id: str, number: int) -> SignedUrl:
        """Sign the sending of one part, of exactly its size where that is known.

        Raises:
            InvalidRequest: there is no part of this number.

        """
        size, most = None, MOST_PARTS
        if ticket.size_bytes is not None and ticket.part_bytes is not None:
            most = part_count(ticket.size_bytes, ticket.part_bytes)
            size = size_of(number, size_bytes=ticket.size_bytes, part=ticket.part_bytes)
        if not 1 <= number <= most:
            raise InvalidRequest((Fault(field="partNumber", detail="is out of range", fix=f"from 1 to {most}"),))
        key, life = layout.raw_key(ticket.key), self._settings.parts_expiry
        return await self._uploads.sign_part(key, upload_id, number, size_bytes=size, expires_in=life)

    async def standing(self, ticket: Ticket, upload_id: str) -> Standing:
        """Return how far an upload is.

        Raises:
            UploadNotFound: it was given up.

        """
        try:
            return Standing(parts=await self._uploads.parts(layout.raw_key(ticket.key), upload_id))
        except NotFound:
            return Standing(parts=(), etag=await self._arrived(ticket.key))

    async def complete(self, ticket: Ticket, upload_id: str, named: Mapping[int, str] | None) -> str:
        """Put the parts together; return the object's ETag. Doing it again, at whatever time, is harmless.

        Raises:
            UploadTooLarge, UploadIncomplete: as ``assembled``; what is too large is removed.
            UploadRefused: S3 does not make a file of them.
            UploadNotFound: the upload was given up.

        """
        standing = await self.standing(ticket, upload_id)
        if standing.etag is not None:
            return standing.etag
        parts = await self.checked(ticket, upload_id, standing.parts, named)
        try:
            return await self._uploads.complete(
                layout.raw_key(ticket.key), upload_id, parts, crc64nvme=ticket.crc64nvme
            )
        except (NotFound, PreconditionFailed):
            return await self._arrived(ticket.key)  # the SDK asks twice, and so may the client
        except Misconfigured as error:
            log.info("upload_refused", video_id=ticket.key.video_id, error=str(error))
            raise UploadRefused("S3 does not make a file of these parts: compare sizes and checksum.") from error

    async def checked(
        self, ticket: Ticket, upload_id: str, there: Sequence[Part], named: Mapping[int, str] | None
    ) -> tuple[Part, ...]:
        """Return the parts that make the file, as ``assembled`` does; give up what is too large."""
        try:
            return assembled(ticket, there, named, max_bytes=ticket.max_bytes or self._settings.max_bytes)
        except UploadTooLarge:
            await self.abort(ticket, upload_id)
            raise

    async def abort(self, ticket: Ticket, upload_id: str) -> None:
        """Give up an upload and remove its parts; what has become a video stays one."""
        await self._uploads.abort(layout.raw_key(ticket.key), upload_id)

    async def _arrived(self, key: VideoKey) -> str:
        """Return the ETag of what an upload has become, though the object may have been published and removed."""
        stat = await self._raw.head(layout.raw_key(key))
        if stat is not None:
            return stat.etag
        records = await self._journal.records(key)
        for job in records.jobs:
            if job.intents or job.deads:
                return job.intents[0].source.upload_etag if job.intents else job.deads[0].source.upload_etag
        published = await self._journal.manifest(key)
        if published is not None:
            return published.manifest.source_etag
        raise UploadNotFound("The upload was given up, or has expired.")
