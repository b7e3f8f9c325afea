"""The command line, and the composition root: the only module that knows every other.

Each command reads its settings, opens its clients, builds one process out of constructors and runs it. Exit codes: 0,
1 (it did not work), 2 (usage), 78 (settings), and the worker's own.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vidctl import __version__, codec, logs, settings, tracing
from vidctl.errors import InvalidSettings, Malformed, VidctlError
from vidctl.model import JobSpec
from vidctl.settings import load

if TYPE_CHECKING:
    from aiohttp.web import Application

    from vidctl.clients import Clients
    from vidctl.metrics import Metrics
    from vidctl.ports import Queue, World
    from vidctl.reconciler.controller import Controller
    from vidctl.uploads import Uploads

EXIT_FAILED, EXIT_CONFIGURATION = 1, 78

log = logs.get(__name__)


def main() -> None:
    """Run one command and exit with its code."""
    arguments = _parser().parse_args()
    try:
        code = arguments.run(arguments)
    except InvalidSettings as error:
        sys.stderr.write(f"vidctl: settings are missing or wrong (docs/settings.md lists them all):\n{error}\n")
        code = EXIT_CONFIGURATION
    except VidctlError as error:
        sys.stderr.write(f"vidctl: {error.code}: {error}\n")
        code = EXIT_FAILED
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidctl", description="Turns uploads into published videos on AWS.")
    parser.add_argument("--version", action="version", version=f"vidctl {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    command("serve", "Run the upload endpoint and the reconciler.", lambda _: asyncio.run(_serve()))
    command("worker", "Do the job in VIDCTL_JOB: the command of the ECS task.", lambda _: asyncio.run(_worker()))
    command("healthy", "Ask the service on this machine how it is: 0 if it should go on, else 1.", _healthy)
    references = (
        *(("settings", "all settings"), ("profiles", "all fields of a profile")),
        *(("metrics", "all metrics"), ("rules", "what plan decides")),
    )
    for name, text in references:
        command(name, f"Print the reference of {text}, in Markdown.", _print_reference).set_defaults(of=name)
    shown = command("profile", "Check a profile and print it with all its defaults, as YAML.", _print_profile)
    shown.add_argument("said", metavar="PROFILE", help="its name, its path, or the profile itself")
    dev = command("dev", "Run everything on this machine and send a sample video through it.", _dev)
    dev.add_argument("--demo", action="store_true", help="end when the sample is published (0), or is not in 120 s (1)")
    return parser


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one clock of the process


# --- serve --------------------------------------------------------------------------------------------------------


async def _serve() -> int:
    from prometheus_client import CollectorRegistry

    from vidctl import compose
    from vidctl.clients import open_clients
    from vidctl.http.app import serving
    from vidctl.metrics import Metrics
    from vidctl.s3_uploads import S3Uploads
    from vidctl.sqs import SqsQueue

    settings.check(
        settings.WorldSettings,
        settings.TaskSettings,
        settings.ReconcilerSettings,
        settings.UploadSettings,
        settings.AuthSettings,
        settings.HttpSettings,
        settings.LimitSettings,
        settings.NoticeSettings,
        settings.PlaybackSettings,
        settings.WorkerSettings,
        settings.LogSettings,
    )
    _observable("serve")
    metrics, http = Metrics(CollectorRegistry()), load(settings.HttpSettings)
    place, task, loop = load(settings.WorldSettings), load(settings.TaskSettings), load(settings.ReconcilerSettings)
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(open_clients(metrics, region=load(settings.AwsSettings).region))
        world = _world(clients, place, task, loop)
        policy = compose.policy(place, task, loop, load(settings.UploadSettings), load(settings.WorkerSettings))
        replica = compose.replica(world, policy, loop, load(settings.NoticeSettings), clients.events, metrics)
        controller = await stack.enter_async_context(replica)
        # Not the client of the holds, whose extensions a burst of wishes must not delay.
        wishes = SqsQueue(client=clients.sqs, url=place.raw_queue_url)
        uploads = S3Uploads(client=clients.s3, slow=clients.files, bucket=place.raw_bucket, clock=_now)
        app = await stack.enter_async_context(_application(world, controller, metrics, wishes=wishes, uploads=uploads))
        port = await stack.enter_async_context(serving(app, host=http.host, port=http.port))
        _on_signals(controller.stop)
        log.info("serving", host=http.host, port=port, version=__version__)
        await controller.run()
    return 0


def _world(
    clients: Clients, place: settings.WorldSettings, task: settings.TaskSettings, loop: settings.ReconcilerSettings
) -> World:
    from vidctl import compose
    from vidctl.ecs import EcsTasks
    from vidctl.ports import World
    from vidctl.s3 import S3Objects
    from vidctl.sqs import SqsQueue

    return World(
        raw=S3Objects(client=clients.s3, files=clients.files, bucket=place.raw_bucket, clock=_now),
        final=S3Objects(client=clients.s3, files=clients.files, bucket=place.final_bucket, clock=_now),
        # Holds have a client of their own: a burst of sends must not delay an extension.
        raw_queue=SqsQueue(
            client=clients.holds, poll=clients.poll, url=place.raw_queue_url, visibility=loop.visibility
        ),
        dead_letter_queue=SqsQueue(client=clients.sqs, url=place.dead_letter_queue_url),
        task_queue=SqsQueue(client=clients.sqs, poll=clients.poll, url=place.task_queue_url),
        tasks=EcsTasks(client=clients.ecs, cluster=place.cluster, family=compose.family(task.definition), clock=_now),
        clock=_now,
    )


@asynccontextmanager
async def _application(
    world: World, controller: Controller, metrics: Metrics, *, wishes: Queue, uploads: Uploads
) -> AsyncIterator[Application]:
    from vidctl.http.access.auth import Authenticator
    from vidctl.http.access.keys import open_keys
    from vidctl.http.app import create_app
    from vidctl.http.limits.limiter import Limiter
    from vidctl.http.routes import Given, all_routes

    auth, http = load(settings.AuthSettings), load(settings.HttpSettings)
    limits = load(settings.LimitSettings)
    limiter = Limiter(settings=limits, metrics=metrics, clock=_now)
    async with open_keys(auth, clock=_now) as keys:
        given = Given(
            authenticator=Authenticator(settings=auth, keys=keys, metrics=metrics, admit=limiter.admit),
            raw=world.raw,
            raw_uploads=uploads,
            final=world.final,
            raw_bucket=load(settings.WorldSettings).raw_bucket,
            raw_queue=wishes,
            look=controller.look,
            uploads=load(settings.UploadSettings),
            http=http,
            playback=load(settings.PlaybackSettings),
            limits=limits,
            metrics=metrics,
            clock=_now,
            ids=secrets.token_bytes,
            alive=controller.stuck,
            ready=controller.unready,
        )
        yield create_app(routes=await all_routes(given), metrics=metrics, settings=http, limiter=limiter)


def _healthy(_: argparse.Namespace) -> int:
    from vidctl.healthy import complaint

    wrong = complaint(load(settings.HttpSettings).port)
    if wrong is not None:
        sys.stderr.write(f"vidctl: {wrong}\n")
    return 0 if wrong is None else EXIT_FAILED


# --- worker -------------------------------------------------------------------------------------------------------


async def _worker() -> int:
    from prometheus_client import CollectorRegistry

    from vidctl.clients import open_clients
    from vidctl.metrics import Metrics
    from vidctl.s3 import S3Objects
    from vidctl.worker import profiles
    from vidctl.worker.ffmpeg import confinement
    from vidctl.worker.run import run

    confinement.shield()
    settings.check(settings.JobSettings, settings.WorkerSettings, settings.LogSettings)
    try:
        job = codec.decode(JobSpec, load(settings.JobSettings).job)
    except Malformed as error:
        raise InvalidSettings(f"VIDCTL_JOB: {error}") from error
    worker = load(settings.WorkerSettings)
    profile = profiles.load(worker.profile)
    _observable("worker")
    interrupted = asyncio.Event()
    _on_signals(interrupted.set)
    async with open_clients(Metrics(CollectorRegistry()), region=load(settings.AwsSettings).region) as clients:
        return await run(
            job,
            raw=S3Objects(client=clients.s3, files=clients.files, bucket=job.raw_bucket, clock=_now),
            final=S3Objects(client=clients.s3, files=clients.files, bucket=job.final_bucket, clock=_now),
            settings=worker,
            profile=profile,
            clock=_now,
            interrupted=interrupted,
        )


# --- the others ---------------------------------------------------------------------------------------------------


def _print_reference(arguments: argparse.Namespace) -> int:
    from vidctl import reference

    tables = {
        "settings": reference.settings_table,
        "profiles": reference.profile_table,
        "metrics": reference.metrics_table,
        "rules": reference.plan_table,
    }
    sys.stdout.write(tables[arguments.of]())
    return 0


def _print_profile(arguments: argparse.Namespace) -> int:
    import yaml

    from vidctl.worker import profiles

    sys.stdout.write(yaml.safe_dump(profiles.load(arguments.said).model_dump(mode="json"), sort_keys=False))
    return 0


def _dev(arguments: argparse.Namespace) -> int:
    from vidctl.local.dev import run

    settings.check(settings.DevSettings, settings.HttpSettings)
    return asyncio.run(
        run(
            load(settings.DevSettings),
            load(settings.HttpSettings),
            demo=arguments.demo,
            inherited=settings.inherited(),
            clock=_now,
            ids=secrets.token_bytes,
        )
    )


def _observable(process: str) -> None:
    written, telemetry = load(settings.LogSettings), load(settings.TelemetrySettings)
    logs.configure(level=written.level, json=None if written.format is None else written.format == "json")
    tracing.configure(process=process, export=bool(telemetry.endpoint or telemetry.traces_endpoint))


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
