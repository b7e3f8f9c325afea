"""Uploads the outputs of an attempt under its own prefix; the manifest, which publishes them, is the reconciler's."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from vidctl import folders, layout
from vidctl.folders import Entry
from vidctl.model import JobSpec
from vidctl.ports import Objects
from vidctl.records import Output
from vidctl.worker.cmaf import dash, hls
from vidctl.worker.retry import Patience

_CONTENT_TYPES = {
    ".m3u8": hls.MEDIA_TYPE,
    ".mpd": dash.MEDIA_TYPE,
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".m4a": "audio/mp4",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
}
"""By suffix, in the order in which outputs are told."""


IMMUTABLE = "public, max-age=31536000, immutable"
"""What browsers and CDNs are told of every output: under the prefix of an attempt nothing ever changes. A year is the
longest that RFC 2616 let a server say, and what caches understand as for ever."""


class Publish:
    """Uploads files to the final bucket, and gathers what is to be published of them.

    Single files are outputs of their own; those in a folder are one output together, since there may be thousands.
    """

    def __init__(self, *, final: Objects, job: JobSpec, patience: Patience) -> None:
        self._final = final
        self._prefix = layout.attempt_prefix(job.key, job.job, job.number)
        self._patience = patience
        self._files: list[Output] = []
        self._folders: dict[str, list[Entry]] = {}

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What was uploaded: the files by their kind, then the folders. They went up in any order."""
        together = (self._folder(name, entries) for name, entries in self._folders.items())
        return (*sorted(self._files, key=_place), *together)

    async def file(self, path: Path) -> None:
        """Upload one file under its own name, with its SHA-256, which is checked on the way.

        Raises:
            WorldError: the store did not take it.

        """
        size_bytes, sha256 = await asyncio.to_thread(_digest, path)
        key, kind = self._prefix + path.name, _CONTENT_TYPES[path.suffix]
        etag = await self._patience(
            lambda: self._final.upload_file(key, path, content_type=kind, sha256=sha256, cache_control=IMMUTABLE)
        )
        self._files.append(
            Output(name=path.name, key=key, content_type=kind, size_bytes=size_bytes, sha256=sha256, etag=etag)
        )

    async def small(self, name: str, body: bytes) -> None:
        """Upload a small object: ``name`` is a file's, or ``folder/…``; raises as ``file``."""
        key, kind, sha256 = self._prefix + name, _CONTENT_TYPES[Path(name).suffix], hashlib.sha256(body).hexdigest()
        etag = await self._patience(
            lambda: self._final.upload(key, body, content_type=kind, sha256=sha256, cache_control=IMMUTABLE)
        )
        folder, slash, rest = name.partition("/")
        if slash:
            entry = Entry(name=rest, size_bytes=len(body), etag=etag)
            self._folders.setdefault(folder + slash, []).append(entry)
            return
        self._files.append(
            Output(name=name, key=key, content_type=kind, size_bytes=len(body), sha256=sha256, etag=etag)
        )

    def _folder(self, name: str, entries: list[Entry]) -> Output:
        folded = folders.fold(entries)
        return Output(
            name=name,
            key=self._prefix + name,
            content_type=folders.CONTENT_TYPE,
            size_bytes=folded.size_bytes,
            sha256=folded.sha256,
        )


def _place(output: Output) -> tuple[int, str]:
    return list(_CONTENT_TYPES).index(Path(output.name).suffix), output.name


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
