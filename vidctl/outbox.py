"""The outbox: every dispatch that is still to be told, over any ``Objects``. It is empty when everybody was told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass

from vidctl import codec, outbox_keys
from vidctl.dispatch import Dispatch
from vidctl.errors import NotFound, PreconditionFailed
from vidctl.outbox_keys import DispatchName
from vidctl.ports import Objects
from vidctl.records import Notice

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A dispatch as it stands, with the ETag that a change of it must name."""

    dispatch: Dispatch
    etag: str


class Outbox:
    """The dispatches of the final bucket. Each is changed on condition that nobody else did."""

    def __init__(self, objects: Objects) -> None:
        """Read and write in ``objects``, the final bucket."""
        self._objects = objects

    async def post(self, notice: Notice, receivers: Iterable[str]) -> tuple[DispatchName, ...]:
        """Put a notice there for each receiver, where it does not lie already; return the names of all.

        Raises:
            WorldError: it may lie there for some of them: do it again.

        """
        dispatches = [Dispatch(receiver=receiver, notice=notice, not_before=notice.at) for receiver in receivers]
        for dispatch in dispatches:
            try:
                await self._objects.create(
                    outbox_keys.dispatch_key(dispatch.name), codec.encode(dispatch), content_type=JSON
                )
            except PreconditionFailed:
                continue  # another replica's, or the echo of this very write
        return tuple(dispatch.name for dispatch in dispatches)

    async def names(self) -> AsyncIterator[DispatchName]:
        """Yield every dispatch, by receivers, the oldest of each first."""
        async for stat in self._objects.list(outbox_keys.OUTBOX_PREFIX):
            name = outbox_keys.parse_dispatch_key(stat.key)
            if name is not None:
                yield name

    async def get(self, name: DispatchName) -> Waiting | None:
        """Return a dispatch, None if it is there no more; raises as ``codec.decode``."""
        stored = await self._objects.get(outbox_keys.dispatch_key(name))
        if stored is None:
            return None
        return Waiting(dispatch=codec.decode(Dispatch, stored.body), etag=stored.etag)

    async def change(self, waiting: Waiting, dispatch: Dispatch) -> Waiting:
        """Write ``dispatch`` in place of what was read.

        Raises:
            PreconditionFailed: somebody else changed or removed it. WriteConflict: try again.

        """
        key = outbox_keys.dispatch_key(dispatch.name)
        try:
            etag = await self._objects.replace(key, codec.encode(dispatch), content_type=JSON, if_match=waiting.etag)
        except NotFound as error:
            raise PreconditionFailed(f"{key}: was removed") from error
        return Waiting(dispatch=dispatch, etag=etag)

    async def remove(self, waiting: Waiting) -> None:
        """Remove a dispatch whose receiver was told, if it still is this one; raises as ``change``."""
        await self._objects.delete(outbox_keys.dispatch_key(waiting.dispatch.name), if_match=waiting.etag)

    async def give_up(self, name: DispatchName) -> None:
        """Move a dispatch to where it is kept, whoever wrote it last: first there, then away from here."""
        stored = await self._objects.get(outbox_keys.dispatch_key(name))
        if stored is None:
            return
        with suppress(PreconditionFailed):  # moved before, by somebody who did not come to the removal
            await self._objects.create(outbox_keys.undelivered_key(name), stored.body, content_type=JSON)
        await self._objects.delete(outbox_keys.dispatch_key(name), if_match=stored.etag)
