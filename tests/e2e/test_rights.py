"""What each process may not do, as the emulator enforces it for the credentials that the process has."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.e2e.machine import now
from tests.e2e.studio import Studio
from vidctl import layout
from vidctl.clients import Endpoints, open_client
from vidctl.errors import AccessDenied, Misconfigured
from vidctl.local.world import LocalWorld
from vidctl.metrics import Metrics
from vidctl.model import AttemptNumber
from vidctl.multipart import PARTS, Parts
from vidctl.s3 import S3Objects

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def bucket(name: str, *, of: Mapping[str, str], parts: Parts = PARTS) -> AsyncIterator[S3Objects]:
    """Open a bucket with the credentials in a process's environment."""
    endpoints = Endpoints(
        aws=of["AWS_ENDPOINT_URL"],
        region=of["AWS_REGION"],
        access_key_id=of["AWS_ACCESS_KEY_ID"],
        secret_access_key=of["AWS_SECRET_ACCESS_KEY"],
    )
    async with open_client("s3", Metrics(CollectorRegistry()), endpoints=endpoints) as client:
        yield S3Objects(client=client, files=client, bucket=name, clock=now, parts=parts)


async def test_a_worker_cannot_publish_nor_delete(running: LocalWorld, studio: Studio) -> None:
    video_id = await studio.upload("good")
    await studio.published(video_id)
    ((task, job),) = studio.tasks(video_id)
    async with bucket(running.facts.final_bucket, of=task.environment) as final:
        assert await final.get(layout.manifest_key(job.key)) is not None
        with pytest.raises(AccessDenied):
            await final.overwrite(layout.manifest_key(job.key), b"{}", content_type="application/json")
        with pytest.raises(AccessDenied):
            await final.delete(layout.manifest_key(job.key))
        with pytest.raises(AccessDenied):
            await final.delete_many([layout.manifest_key(job.key)])
    async with bucket(running.facts.raw_bucket, of=task.environment) as raw:
        with pytest.raises(AccessDenied):
            await raw.overwrite(studio.raw_key(video_id), b"", content_type="video/mp4")


async def test_a_worker_can_upload_in_parts_and_leaves_none_that_it_gives_up(
    running: LocalWorld, studio: Studio, tmp_path: Path
) -> None:
    video_id = await studio.upload("good")
    await studio.published(video_id)
    ((task, job),) = studio.tasks(video_id)
    key = layout.attempt_prefix(job.key, job.job, AttemptNumber(9, 9)) + "video.mp4"
    path = tmp_path / "video.mp4"
    path.write_bytes(body := bytes(6 * 1024**2))
    name = running.facts.final_bucket
    async with bucket(name, of=task.environment, parts=Parts(threshold_bytes=0, part_bytes=5 * 1024**2)) as final:
        with pytest.raises(Misconfigured):
            await final.upload_file(key, path, content_type="video/mp4", sha256="00" * 32)
        unfinished = await studio.final._client.call("list_multipart_uploads", Bucket=name)
        assert not unfinished.get("Uploads")
        sha256 = hashlib.sha256(body).hexdigest()
        etag = await final.upload_file(key, path, content_type="video/mp4", sha256=sha256)
    async with bucket(name, of=running.services.environment) as final:
        assert [stat.etag async for stat in final.list(key)] == [etag]
        await final.delete_many([key])
        assert await final.head(key) is None


async def test_a_worker_can_tell_an_upload_that_is_gone_from_one_it_may_not_read(
    running: LocalWorld, studio: Studio
) -> None:
    video_id = await studio.upload("good")
    await studio.published(video_id)
    ((task, job),) = studio.tasks(video_id)
    async with bucket(running.facts.raw_bucket, of=task.environment) as raw:
        # AWS says so only to those who may list the bucket.
        assert [stat.key async for stat in raw.list("absent/")] == []
        assert await raw.head(layout.kept_key(job.key, job.job)) is None


async def test_the_service_cannot_write_outputs(running: LocalWorld, studio: Studio) -> None:
    video_id = await studio.upload("good")
    video = await studio.published(video_id)
    async with bucket(running.facts.final_bucket, of=running.services.environment) as final:
        with pytest.raises(AccessDenied):
            await final.overwrite(video.outputs[0].key, b"", content_type="video/mp4")


async def test_a_wrong_secret_opens_nothing(running: LocalWorld) -> None:
    forged = {**running.services.environment, "AWS_SECRET_ACCESS_KEY": "guessed"}
    async with bucket(running.facts.final_bucket, of=forged) as final:
        with pytest.raises(AccessDenied):
            await final.get("anything")
