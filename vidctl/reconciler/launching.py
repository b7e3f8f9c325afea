"""Call RunTask and StopTask, and take from RunTask's answer what all launches share."""

from __future__ import annotations

from vidctl import layout, logs
from vidctl.errors import (
    AccessDenied,
    CapacityUnavailable,
    LaunchConflict,
    Misconfigured,
    Throttled,
    Unavailable,
    VidctlError,
)
from vidctl.metrics import Metrics
from vidctl.ports import Launch, World
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.observation import Refusal
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.tasks import TaskView
from vidctl.records import Intent

log = logs.get(__name__)


class Stale(VidctlError):
    """The readings behind a decision are too old to act on: look again."""

    code = "stale"


class Launcher:
    """Starts and stops tasks."""

    def __init__(self, world: World, *, view: TaskView, launches: Launches, policy: Policy, metrics: Metrics) -> None:
        self._world = world
        self._view = view
        self._launches = launches
        self._policy = policy
        self._metrics = metrics

    async def launch(self, intent: Intent) -> None:
        """Start the task of an attempt, or find the one that its token started.

        Raises:
            Stale: the token may have outlived its task. WorldError: refused, or nobody knows.

        """
        # The reading may be fresh and the Intent old all the same: the token's life is what counts.
        if self._world.clock() - intent.created_at >= self._policy.relaunch_until:
            raise Stale(f"attempt {intent.number} is too old to be launched")
        if not self._launches.take():
            raise Throttled("ecs: the share of the launch quota is spent")
        try:
            launch = await self._run(intent)
        except CapacityUnavailable as error:
            self._refused(intent, (str(error),))
        except LaunchConflict as error:
            self._counted("conflict", intent)
            await self._adopt(error.task_arns)
        else:
            await self._answered(intent, launch)

    async def stop(self, arns: tuple[str, ...], reason: str) -> None:
        """Ask tasks to stop."""
        for arn in arns:
            await self._world.tasks.stop(arn, reason=reason)
            log.info("task_stopped", task_arn=arn, reason=reason)

    async def _run(self, intent: Intent) -> Launch:
        token = layout.launch_token(intent.job, intent.number)
        try:
            return await self._world.tasks.run(intent.task, token=token, started_by=intent.job)
        except Throttled:
            self._launches.throttled()
            self._counted("throttled", intent)
            raise
        except (AccessDenied, Misconfigured) as error:
            self._launches.refused(f"{error.code}: {error}")
            self._counted("refused", intent)
            raise
        except Unavailable:
            self._counted("unknown", intent)
            raise

    async def _answered(self, intent: Intent, launch: Launch) -> None:
        if launch.task is None:
            self._refused(intent, launch.failures or ("RunTask answered neither task nor failure",))
            return
        first = (intent.number.round, intent.number.n) == (1, 1)
        if first and self._view.knows(launch.task.arn) is None:
            waited = self._world.clock() - intent.source.last_modified
            self._metrics.upload_to_launch.observe(waited.total_seconds())
        if launch.task.spec is None:
            # Of a task that stopped meanwhile a repeated call tells ARN and status only (AWS: ECS idempotency).
            await self._adopt((launch.task.arn,))
        self._view.learn(launch.task)
        self._launches.accepted()
        self._counted("started", intent, task_arn=launch.task.arn)

    async def _adopt(self, arns: tuple[str, ...]) -> None:
        """Learn of tasks by their ARNs; what ECS does not find yet must not be asked for again at once."""
        await self._view.describe(arns)
        if not any(self._view.knows(arn) for arn in arns):
            raise Unavailable(f"{', '.join(arns)} was started, and is not described yet")

    def _refused(self, intent: Intent, reasons: tuple[str, ...]) -> None:
        refusal = Refusal(job=intent.job, number=intent.number, at=self._world.clock(), reasons=reasons)
        self._view.refuse(intent.key, refusal)
        self._counted("capacity", intent, reasons=reasons)

    def _counted(self, result: str, intent: Intent, **fields: object) -> None:
        self._metrics.launches.labels(result).inc()
        log.info("launch", result=result, attempt=str(intent.number), **fields)
