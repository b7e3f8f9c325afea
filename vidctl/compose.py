"""Settings into the values that the reconciler is built of."""

from __future__ import annotations

from vidctl.reconciler.holds import HoldPolicy
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.policy import InputLimits, Placement, Policy, TaskSize
from vidctl.settings import ReconcilerSettings, TaskSettings, UploadSettings, WorkerSettings, WorldSettings


def policy(
    place: WorldSettings, task: TaskSettings, loop: ReconcilerSettings, upload: UploadSettings, worker: WorkerSettings
) -> Policy:
    """Return the numbers that decisions use."""
    return Policy(
        raw_bucket=place.raw_bucket,
        final_bucket=place.final_bucket,
        task_definition=task.definition,
        container=task.container,
        security_groups=task.security_groups,
        assign_public_ip=task.assign_public_ip,
        placements=tuple(
            Placement(capacity_provider=provider, subnets=task.subnets)
            for provider in task.capacity_providers or (None,)
        ),
        sizes=tuple(_size(text) for text in task.sizes),
        max_source_bytes=upload.max_bytes,
        input_limits=InputLimits(duration=worker.max_duration, pixels=worker.max_pixels, streams=worker.max_streams),
        app_attempts=loop.app_attempts,
        infrastructure_attempts=loop.infrastructure_attempts,
        infrastructure_patience=loop.infrastructure_patience,
        backoff=loop.backoff,
        backoff_cap=loop.backoff_cap,
        start_deadline=loop.start_deadline,
        run_deadline=loop.run_deadline,
        settle=loop.settle,
        poll=loop.poll,
        keep_after=loop.raw_expiry - loop.keep_before_expiry,
    )


def limits(loop: ReconcilerSettings) -> Limits:
    """Return how hard one replica works."""
    return Limits(
        slots=loop.slots,
        slots_per_user=loop.slots_per_user,
        waiting_room=loop.waiting_room,
        passes=loop.passes,
        launches_per_second=loop.launches_per_second,
        describes_per_second=loop.describes_per_second,
        receivers=loop.receivers,
        receive_wait=loop.receive_wait,
        holds=HoldPolicy(visibility=loop.visibility, renew_after=loop.renew_after),
        sweep=loop.sweep,
        sweep_grace=loop.sweep_grace,
        clean_after=loop.clean_after,
        shutdown=loop.shutdown,
    )


def _size(text: str) -> TaskSize:
    cpu_units, memory_mib, ephemeral_gib = (int(part) for part in text.split("/"))
    return TaskSize(cpu_units=cpu_units, memory_mib=memory_mib, ephemeral_gib=ephemeral_gib)


def family(definition: str) -> str:
    """Return the family of a task definition, which may be given as family, family:revision or ARN."""
    return definition.rpartition("/")[2].partition(":")[0]
