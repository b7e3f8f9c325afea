"""Uploads the outputs of an attempt under its own prefix; the manifest, which publishes them, is the reconciler's."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from vidctl import layout
from vidctl.model import JobSpec
from vidctl.ports import Objects
from vidctl.records import Output
from vidctl.worker.retry import Patience

_CONTENT_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Uploads files to the final bucket."""

    final: Objects
    job: JobSpec
    patience: Patience

    async def __call__(self, path: Path) -> Output:
        """Upload one file under its own name, with its SHA-256, which is checked on the way.

        Raises:
            WorldError: the store did not take it.

        """
        output = await asyncio.to_thread(_describe, path, self.job)
        etag = await self.patience(
            lambda: self.final.upload_file(output.key, path, content_type=output.content_type, sha256=output.sha256)
        )
        return replace(output, etag=etag)


def _describe(path: Path, job: JobSpec) -> Output:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Output(
        name=path.name,
        key=layout.attempt_prefix(job.key, job.job, job.number) + path.name,
        content_type=_CONTENT_TYPES[path.suffix],
        size_bytes=path.stat().st_size,
        sha256=digest,
    )
