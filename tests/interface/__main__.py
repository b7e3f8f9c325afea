"""Serve the HTTP side over buckets in memory, and let schemathesis try it: ``make fuzz``.

The exit code is schemathesis's: 0 if no answer was a server error, none was undocumented, and none let in what the
document forbids.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta

import jwt

from tests.process.http_service import SECRET, Service
from vidctl import logs

PROGRAM = ".fuzz/bin/schemathesis"

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


async def main() -> int:
    """Run it once."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=150, help="most cases that each operation is given by chance")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    arguments = parser.parse_args()
    logs.configure(level="error", json=False)
    async with Service().running() as service:
        command = _command(service.port, arguments.examples, arguments.seed)
        process = await asyncio.create_subprocess_exec(*command)
        return await process.wait()


def _command(port: int, examples: int, seed: int | None) -> list[str]:
    url = f"http://127.0.0.1:{port}"
    chance = [] if seed is None else ["--seed", str(seed)]
    return [
        *(PROGRAM, "run", f"{url}/openapi.json", "--url", url, "--header", f"Authorization: Bearer {_token()}"),
        *(
            "--checks",
            ",".join(CHECKS),
            "--max-examples",
            str(examples),
            "--continue-on-failure",
            "--generation-database",
            "none",
        ),
        *chance,
    ]


def _token() -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the library's own clock
    return jwt.encode({"sub": "ada", "exp": expires}, SECRET, "HS256")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
