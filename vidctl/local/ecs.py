"""A local ECS: Amazon's API over HTTP for the calls that vidctl makes, its tasks as processes of this machine.

It has the semantics that emulators lack and the reconciler relies on: launch tokens, ``failures[]``, quotas, statuses,
SIGTERM then SIGKILL, exit codes, state-change events. Requests are neither authenticated nor signed. What should go
wrong is told to ``LocalEcs.faults``, or over HTTP:

- ``POST /_local/faults {"kind": "capacity", "operation": "RunTask", "times": 3, "reason": "…"}``, ``DELETE``
- ``GET /_local/tasks``: every task with the process id of its program and its log
- ``POST /_local/tasks/{id}/stop {"code": "SpotInterruption", "reason": "…"}``: stopped by another than a user
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from vidctl import logs
from vidctl.errors import Malformed, WorldError
from vidctl.groups import TaskGroup
from vidctl.local import wire
from vidctl.local.cluster import Cluster
from vidctl.local.definition import EcsSetup
from vidctl.local.faults import Fault, FaultKind, FaultScript
from vidctl.local.tasks import LocalTask
from vidctl.local.throttle import Throttle
from vidctl.local.wire import Refusal
from vidctl.ports import Clock, Ids, Queue

TARGET = "AmazonEC2ContainerServiceV20141113."
CONTENT_TYPE = "application/x-amz-json-1.1"

log = logs.get(__name__)


class LostReply(Exception):
    """The call took effect and its answer is to be lost."""


class LocalEcs:
    """The API over one cluster. Open it with ``serving``."""

    def __init__(
        self, setup: EcsSetup, *, events: Queue | None, clock: Clock, ids: Ids, begin: Callable[[LocalTask], None]
    ) -> None:
        self.url = ""
        self.faults = FaultScript()
        self.cluster = Cluster(setup=setup, clock=clock, ids=ids, begin=begin, changed=self._note)
        self._throttle = Throttle(setup.quotas, clock=clock)
        self._name, self._clock, self._ids, self._events = setup.cluster, clock, ids, events
        self._changes: asyncio.Queue[str] = asyncio.Queue()
        self._operations: dict[str, Callable[[dict[str, Any], Fault | None], dict[str, Any]]] = {
            "RunTask": lambda body, fault: self.cluster.run(wire.parse(wire.RunTask, body), body, fault),
            "DescribeTasks": lambda body, _: self.cluster.describe(wire.parse(wire.DescribeTasks, body)),
            "ListTasks": lambda body, _: self.cluster.list(wire.parse(wire.ListTasks, body)),
            "StopTask": lambda body, _: self.cluster.stop(wire.parse(wire.StopTask, body)),
        }

    def application(self) -> web.Application:
        """Return the HTTP application."""
        application = web.Application(client_max_size=1024**2)
        application.add_routes([
            web.post("/", self._call),
            web.post("/_local/faults", self._add_fault),
            web.delete("/_local/faults", self._clear_faults),
            web.get("/_local/tasks", self._show_tasks),
            web.post("/_local/tasks/{task}/stop", self._stop_task),
        ])  # fmt: skip
        return application

    async def deliver(self) -> None:
        """Send state changes to the queue, in their order, until cancelled. One that cannot be sent is lost."""
        while True:
            event = await self._changes.get()
            if self._events is None:
                continue
            try:
                await self._events.send(event)
            except WorldError as error:
                log.warning("task_event_lost", code=error.code, detail=str(error))

    # --- the API ------------------------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        try:
            return _json(self._answer(request.headers.get("X-Amz-Target", ""), await request.text()))
        except Refusal as refusal:
            body = {"__type": refusal.kind, "message": str(refusal), **refusal.fields}
            return _json(body, status=refusal.status)
        except LostReply:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    def _answer(self, target: str, text: str) -> dict[str, Any]:
        operation = target.removeprefix(TARGET)
        act = self._operations.get(operation)
        if act is None or not target.startswith(TARGET):
            raise Refusal("UnknownOperationException", f"{target!r} is not an operation of the local ECS.")
        fault = self.faults.take(operation)
        _refuse(operation, fault)
        if not self._throttle.admits(operation):
            raise Refusal("ThrottlingException", "Rate exceeded")
        answer = act(_body(text), fault)
        if fault is not None and fault.kind is FaultKind.LOST_REPLY:
            raise LostReply
        return answer

    def _note(self, task: LocalTask) -> None:
        event_id = str(UUID(bytes=self._ids(16), version=4))
        self._changes.put_nowait(
            wire.state_change(
                task.view(), event_id=event_id, at=self._clock(), region=self._name.region, account=self._name.account
            )
        )

    # --- control ------------------------------------------------------------------------------------------------------

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self.faults.add(TypeAdapter(Fault).validate_json(await request.text()))
        except (ValidationError, Malformed) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.Response(status=204)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def _show_tasks(self, _: web.Request) -> web.Response:
        tasks = [
            {**task.view(), "pid": task.program and task.program.pid, "log": str(task.log)}
            for task in self.cluster.tasks
        ]
        return _json({"tasks": tasks})

    async def _stop_task(self, request: web.Request) -> web.Response:
        try:
            body = _body(await request.text())
            self.cluster.task(request.match_info["task"]).stop(code=str(body["code"]), reason=str(body["reason"]))
        except (Refusal, KeyError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.Response(status=204)


@asynccontextmanager
async def serving(setup: EcsSetup, *, events: Queue | None, clock: Clock, ids: Ids) -> AsyncIterator[LocalEcs]:
    """Serve a local ECS on 127.0.0.1 while the block runs. Its tasks are killed at the end of the block.

    ``events`` gets the state changes; None: nobody wants them.
    """
    setup.directory.mkdir(parents=True, exist_ok=True)
    async with TaskGroup() as group:
        running: set[asyncio.Task[None]] = set()

        def begin(task: LocalTask) -> None:
            job = group.create_task(task.live())
            running.add(job)
            job.add_done_callback(running.discard)

        ecs = LocalEcs(setup, events=events, clock=clock, ids=ids, begin=begin)
        delivery = group.create_task(ecs.deliver())
        try:
            async with _listening(ecs.application(), setup.port) as ecs.url:
                yield ecs
        finally:
            for job in (delivery, *running):
                job.cancel()


@asynccontextmanager
async def _listening(application: web.Application, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _refuse(operation: str, fault: Fault | None) -> None:
    match fault and fault.kind:
        case FaultKind.THROTTLED:
            raise Refusal("ThrottlingException", (fault and fault.reason) or "Rate exceeded")
        case FaultKind.ACCESS_DENIED:
            raise Refusal("AccessDeniedException", f"User is not authorized to perform: ecs:{operation}")
        case FaultKind.SERVER_ERROR:
            raise Refusal("ServerException", "Service Unavailable. Please try again later.", status=500)


def _body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Refusal("SerializationException", f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refusal("SerializationException", "The body is not a JSON object.")
    return body


def _json(body: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=wire.answer(body), status=status, content_type=CONTENT_TYPE)
