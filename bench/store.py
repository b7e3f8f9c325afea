"""A store for measurements: as much of S3 as the worker and the AWS CLI's library ask, at so many bytes a second.

A process of its own on loopback, files on disk. Every byte of a body waits for the wire of its direction, of which
there is one for all connections, as a task on Fargate has it. It checks no signature.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

CHUNK = 256 * 1024
READY = "listening on port "
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
LAST_MODIFIED = "Thu, 01 Jan 2026 12:00:00 GMT"


class Wire:
    """One direction: ``rate`` bytes a second, whoever sends them."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    async def carry(self, size_bytes: int) -> None:
        """Wait until so many bytes have passed."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size_bytes / self._rate
        await asyncio.sleep(self._free_at - now)


class Store:
    """Buckets as folders of ``directory``."""

    def __init__(self, directory: Path, rate: float) -> None:
        self._directory = directory
        self._inward, self._outward = Wire(rate), Wire(rate)
        self._etags: dict[Path, str] = {}
        self._number = itertools.count(1)

    def app(self) -> web.Application:
        """Return the application that serves it."""
        app = web.Application(client_max_size=2**40)
        app.router.add_get("/{bucket}", self.listing)
        app.router.add_get("/{bucket}/{key:.+}", self.get)
        app.router.add_put("/{bucket}/{key:.+}", self.put)
        app.router.add_post("/{bucket}/{key:.+}", self.post)
        return app

    async def listing(self, request: web.Request) -> web.Response:
        """ListObjectsV2, all in one page."""
        bucket = self._directory / request.match_info["bucket"]
        keys = sorted(str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file())
        items = [self._item(bucket, key) for key in keys if key.startswith(request.query.get("prefix", ""))]
        return _xml(f"<ListBucketResult {NAMESPACE}>{''.join(items)}</ListBucketResult>")

    async def get(self, request: web.Request) -> web.StreamResponse:
        """GetObject and HeadObject, whole or one range."""
        path = self._path(request)
        if not path.is_file():
            return _xml(f"<Error {NAMESPACE}><Code>NoSuchKey</Code></Error>", status=404)
        size = path.stat().st_size
        wanted = request.http_range
        start, end = wanted.start or 0, min(wanted.stop or size, size)
        headers = {"ETag": self._etag(path), "Last-Modified": LAST_MODIFIED, "Content-Length": str(end - start)}
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        response = web.StreamResponse(status=206 if "Range" in request.headers else 200, headers=headers)
        await response.prepare(request)
        if request.method == "GET":
            with path.open("rb") as file:
                file.seek(start)
                for at in range(start, end, CHUNK):
                    body = file.read(min(CHUNK, end - at))
                    await self._outward.carry(len(body))
                    await response.write(body)
        return response

    async def put(self, request: web.Request) -> web.Response:
        """PutObject and UploadPart."""
        path = self._path(request)
        if "uploadId" in request.query:
            path = path.with_name(f"{path.name}.{request.query['uploadId']}.{int(request.query['partNumber']):05d}")
        elif request.headers.get("If-None-Match") == "*" and path.exists():
            return _xml(f"<Error {NAMESPACE}><Code>PreconditionFailed</Code></Error>", status=412)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, partial = hashlib.md5(usedforsecurity=False), path.with_name(f".{next(self._number)}")
        with partial.open("wb") as file:
            async for body in self._received(request):
                digest.update(body)
                file.write(body)
        partial.rename(path)
        self._etags[path] = f'"{digest.hexdigest()}"'
        return web.Response(headers={"ETag": self._etags[path]})

    async def post(self, request: web.Request) -> web.Response:
        """CreateMultipartUpload and CompleteMultipartUpload."""
        path = self._path(request)
        if "uploads" in request.query:
            upload = f"<UploadId>u{next(self._number)}</UploadId>"
            return _xml(f"<InitiateMultipartUploadResult {NAMESPACE}>{upload}</InitiateMultipartUploadResult>")
        parts = sorted(path.parent.glob(f"{path.name}.{request.query['uploadId']}.*"))
        with path.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
                part.unlink()
        self._etags[path] = f'"{request.query["uploadId"]}-{len(parts)}"'
        etag = f"<ETag>{escape(self._etags[path])}</ETag>"
        return _xml(f"<CompleteMultipartUploadResult {NAMESPACE}>{etag}</CompleteMultipartUploadResult>")

    async def _received(self, request: web.Request) -> AsyncIterator[bytes]:
        async for body in request.content.iter_chunked(CHUNK):
            await self._inward.carry(len(body))
            yield body

    def _path(self, request: web.Request) -> Path:
        return self._directory / request.match_info["bucket"] / request.match_info["key"]

    def _etag(self, path: Path) -> str:
        # Of a file that was laid there nobody knows the digest, nor asks.
        return self._etags.get(path, '"laid"')

    def _item(self, bucket: Path, key: str) -> str:
        told = {
            "Key": key,
            "LastModified": "2026-01-01T12:00:00.000Z",
            "ETag": self._etag(bucket / key),
            "Size": str((bucket / key).stat().st_size),
        }
        return f"<Contents>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in told.items())}</Contents>"


def _xml(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{text}', content_type="text/xml", status=status)


async def serve(directory: Path, rate: float) -> None:
    """Serve on a free port, which is said, until the standard input ends."""
    runner = web.AppRunner(Store(directory, rate).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"{READY}{runner.addresses[0][1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rate", type=float, default=50e6, help="bytes a second in each direction")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.directory, arguments.rate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
