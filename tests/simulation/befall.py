"""What befalls a run from outside its calls: notifications, services that go away, clocks, deployments, sudden ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from tests.simulation.catalogue import Fault
from tests.simulation.fleet import Replica
from tests.simulation.story import Nature, Scene, content, nature_of
from tests.world.loop import clock
from tests.world.notifications import s3_event, s3_record, s3_test_event, task_event
from tests.world.objects import Created
from tests.world.seam import Role, acting
from vidctl import layout
from vidctl.events import parse_redrive

if TYPE_CHECKING:
    from tests.simulation.swarm import Swarm

LONGEST_DELAY = 3600.0
OLD = timedelta(minutes=10)
"""Age from which a message may be too old for its queue: what was sent a moment ago is not."""
BATCHING = 60.0
"""Seconds for which an event waits for another one to share a message with."""
SERVICES = ("objects", "queue", "tasks", "raw", "final")


class Befall:
    """The trouble of a run."""

    def __init__(self, world: Swarm) -> None:
        self._world = world
        self._dice = world.dice
        self._pending: list[dict[str, Any]] = []
        self._removed: list[tuple[str, bytes, str | None]] = []
        self._sent: dict[str, str] = {}
        """The last event sent of each raw object, by its sequencer."""

    # --- S3 events ------------------------------------------------------------------------------------------------

    def event(self, created: Created) -> None:
        """Let S3 tell of an upload, if it does."""
        if not created.key.startswith(layout.RAW_PREFIX):
            return
        dice, name = self._dice, f"{created.key} {created.sequencer}"
        if dice.happens(Fault.EVENT_LOST, name):
            return
        if created.key in self._sent and dice.happens(Fault.TWO_WRITES_ONE_EVENT, name):
            return
        delay = 0.0
        if dice.happens(Fault.EVENT_DELAYED, name):
            delay = LONGEST_DELAY * dice.share(f"delay {name}") ** 3
        self._later(delay, created)
        if dice.happens(Fault.EVENT_DOUBLED, name):
            self._later(delay + 300 * dice.share(f"double {name}"), created)

    def _later(self, delay: float, created: Created) -> None:
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, created)
        else:
            self._send(created)

    def _send(self, created: Created) -> None:
        dice, name = self._dice, f"{created.key} {created.sequencer}"
        if self._sent.get(created.key, "") > created.sequencer:
            dice.reach(Fault.EVENT_REORDERED)
        self._sent[created.key] = max(self._sent.get(created.key, ""), created.sequencer)
        if self._world.raw.stat(created.key) is None:
            dice.reach(Fault.EVENT_OF_WHAT_IS_GONE)
        if dice.happens(Fault.SEVERAL_RECORDS, name):
            self._pending.append(s3_record(created))
            asyncio.get_running_loop().call_later(BATCHING, self._flush)
            return
        if self._pending:
            self._pending.append(s3_record(created))
            self._flush()
            return
        body = s3_event(created)
        if dice.happens(Fault.KEY_ENCODED, name):
            body = body.replace(quote_plus(created.key, safe="/"), quote_plus(created.key, safe=""))
        self._world.raw_queue.put(body)

    def _flush(self) -> None:
        if self._pending:
            self._world.raw_queue.put(json.dumps({"Records": self._pending}))
            self._pending = []

    # --- task events ----------------------------------------------------------------------------------------------

    def task_event(self, detail: dict[str, Any]) -> None:
        """Let EventBridge tell of a task, if it does."""
        dice, name = self._dice, f"{detail['taskArn'][-6:]} {detail['version']}"
        if dice.happens(Fault.TASK_EVENT_LOST, name) or self._world.tasks.is_hidden(detail["taskArn"]):
            return
        body = task_event(detail, clock())
        put, loop = self._world.task_queue.put, asyncio.get_running_loop()
        if dice.happens(Fault.TASK_EVENT_LATE, name):
            loop.call_later(600 * dice.share(f"late {name}") ** 2, put, body)
        else:
            put(body)
        if dice.happens(Fault.TASK_EVENT_DOUBLED, name):
            loop.call_later(60 * dice.share(f"double {name}"), put, body)

    # --- minute by minute -----------------------------------------------------------------------------------------

    def minute(self, minute: int) -> None:
        """Let a minute's trouble come: to processes, clocks, views and the queue."""
        fleet = self._world.fleet
        fleet.look_after()
        for replica in tuple(fleet.replicas):
            self._to_a_replica(replica, minute)
        self._to_the_service(minute)
        self._to_the_queue(minute)
        for token in sorted(self._world.watch.ledger.open):
            if self._world.tasks.outlived(token):
                self._dice.reach(Fault.TOKEN_OUTLIVED)

    def _to_a_replica(self, replica: Replica, minute: int) -> None:
        dice, name = self._dice, f"{replica.name} {minute}"
        if dice.happens(Fault.STALLED, name):
            replica.weather.stand_still(30)
        if dice.happens(Fault.CLOCK_STEP, name):
            replica.weather.skew = timedelta(seconds=300 * (2 * dice.share(f"step {name}") - 1))
        if dice.happens(Fault.VIEW_LAGS, f"{replica.name} {minute // 10}"):
            replica.tasks.lag = timedelta(seconds=dice.among(f"lag {name}", 5, 60, 240, 900))
        else:
            replica.tasks.lag = timedelta()
        if dice.happens(Fault.LOOP_ENDS, name):
            loops = replica.controller._loops
            loops[int(dice.share(f"loop {name}") * len(loops))].cancel()
        if dice.happens(Fault.TERMINATED, name):
            self._world.fleet.terminate(replica)

    def _to_the_service(self, minute: int) -> None:
        dice, fleet = self._dice, self._world.fleet
        if dice.happens(Fault.SCALED, f"{minute}"):
            fleet.wanted = int(dice.among(f"scale {minute}", 1, 3, 5))
            for replica in fleet.replicas[fleet.wanted :]:
                fleet.terminate(replica)
        if dice.happens(Fault.SLOTS_SHRUNK, f"{minute}"):
            fleet.start(slots=1)
            fleet.terminate(fleet.replicas[0])
        missing = fleet.wanted - len(fleet.replicas)
        if missing > 0 and not self._world.services.down and dice.share(f"restart {minute}") < 0.5:
            fleet.start()

    def _to_the_queue(self, minute: int) -> None:
        dice, queue = self._dice, self._world.raw_queue
        if dice.happens(Fault.TEST_EVENT, f"{minute}"):
            queue.put(s3_test_event(self._world.raw.bucket, clock()))
        if dice.happens(Fault.RAW_REMOVED_BY_HAND, f"{minute}"):
            self._remove_raw(dice.share(f"remove {minute}"))
        old = clock() - OLD
        # A letter that was sent back is a wish that nothing else tells of: who loses it has to wish again.
        waiting = [m for m in queue.messages if m.sent_at < old and parse_redrive(m.attributes) is None]
        if waiting and dice.happens(Fault.MESSAGE_EXPIRED, f"{minute}"):
            queue.drop(waiting[int(dice.share(f"expires {minute}") * len(waiting))].message_id)
        if dice.happens(Fault.POISON_MESSAGE, f"{minute}"):
            poison = ("no json", '{"Records": []}', '{"Records": [{"eventName": "ObjectRemoved:Delete"}]}', "[]", "{}")
            queue.put(poison[int(dice.share(f"poison {minute}") * len(poison))])

    # --- what lasts -----------------------------------------------------------------------------------------------

    def long_ones(self) -> list[Coroutine[Any, Any, None]]:
        """Return the troubles that last: each is to run beside the story."""
        return [
            self._service_away(),
            self._bucket_away(),
            self._all_down(),
            self._deployment(),
            self._ten_deployments(),
            self._starve(),
        ]

    async def _starve(self) -> None:
        if self._world.story.scene is Scene.STARVED and not self._dice.is_fault_free:
            await self._away("tasks", hours=46)

    async def _service_away(self) -> None:
        if self._dice.happens(Fault.SERVICE_AWAY, "run"):
            await self._sometime("away")
            await self._away(SERVICES[int(self._dice.share("which") * 3)], hours=self._dice.among("how long", 1, 2, 4))

    async def _bucket_away(self) -> None:
        if self._dice.happens(Fault.BUCKET_AWAY, "run"):
            await self._sometime("bucket")
            await self._away(SERVICES[3 + int(self._dice.share("which bucket") * 2)], hours=0.1)

    async def _away(self, service: str, *, hours: float) -> None:
        self._world.trace.note(service, "goes away")
        self._world.services.away.add(service)
        await asyncio.sleep(hours * 3600)
        self._world.services.away.discard(service)

    async def _all_down(self) -> None:
        if not self._dice.happens(Fault.ALL_DOWN, "run"):
            return
        await self._sometime("down")
        self._world.services.down = True
        for replica in tuple(self._world.fleet.replicas):
            self._world.fleet.kill(replica)
        if self._dice.happens(Fault.ZONE_LOST, "run"):
            for task in self._world.tasks.live:
                self._world.tasks.kill(task.arn, exit_code=None, stop_code="InfrastructureHealth", reason="zone lost")
        await asyncio.sleep(3600 * (1 + 3 * self._dice.share("down for") ** 2))
        self._world.services.down = False

    async def _deployment(self) -> None:
        """Let a newer version take over, replica by replica; for a while both run."""
        if not self._dice.happens(Fault.TWO_VERSIONS, "run"):
            return
        await self._sometime("deployment")
        self._world.fleet.newer = True
        await self._roll(1200)

    async def _ten_deployments(self) -> None:
        if self._dice.happens(Fault.TEN_DEPLOYMENTS, "run"):
            await self._sometime("deployments")
            for _ in range(10):
                await self._roll(30)

    async def _roll(self, longest: float) -> None:
        """Replace every replica by a new one; for up to so many seconds both run."""
        fleet = self._world.fleet
        for replica in tuple(fleet.replicas):
            fleet.start()
            await asyncio.sleep(longest * self._dice.share(f"roll {replica.name}"))
            if replica in fleet.replicas:
                fleet.terminate(replica)

    async def _sometime(self, name: str) -> None:
        await asyncio.sleep(self._world.story.seconds * self._dice.share(name))

    def end(self) -> None:
        """End what would last, send what waits, and restore what somebody removed."""
        self._flush()
        for key, body, sha256 in self._removed:
            self._world.final.put(key, body, content_type="video/mp4", sha256=sha256)

    # --- by hand --------------------------------------------------------------------------------------------------

    def overwrite(self, key: str) -> None:
        """Put another good file over a good one, at the worst moment."""
        video = layout.parse_raw_key(key)
        bodies = self._world.bodies[video]
        if nature_of(bodies[-1]) is not Nature.GOOD:
            return  # the story would end otherwise than without faults
        with acting(Role.USER, "a user"):
            self._world.put(video, content(Nature.GOOD, 7000 + len(bodies)))

    def _remove_raw(self, share: float) -> None:
        """Remove a raw object, as a person may."""
        standing = self._world.raw.keys(layout.RAW_PREFIX)
        if standing:
            key = standing[int(share * len(standing))]
            self._world.removed.add(layout.parse_raw_key(key))
            self._world.trace.note("user", "remove", key)
            self._world.raw.remove(key)

    def remove_an_output(self, manifest_key: str) -> None:
        """Remove an object of a publication, a file or one of a folder, as a person may."""
        video = layout.parse_video_folder(manifest_key)
        manifest = None if video is None else self._world.watch.ledger.manifests.get(video)
        if manifest is None:
            return
        final = self._world.final
        standing = [key for output in manifest.outputs for key in final.keys(output.key)]
        if not standing:
            return
        key = standing[int(self._dice.share(f"remove {manifest_key}") * len(standing))]
        stat, body = final.stat(key), final.body(key)
        assert stat is not None
        assert body is not None
        self._removed.append((key, body, stat.sha256))
        with acting(Role.USER, "a person"):
            final.remove(key)
