"""Serve the HTTP side over buckets in memory, and let schemathesis try it: ``make fuzz``.

Twice: with no limit of requests, and with limits so low that most answers are 429. The exit code is schemathesis's: 0
if no answer was a server error, none was undocumented, and none let in what the document forbids.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from tests.process.http_service import HTTP, SECRET, Service
from vidctl import logs
from vidctl.settings import LimitSettings

PROGRAM = ".fuzz/bin/schemathesis"

ANSWERS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
CHECKS = (*ANSWERS, "unsupported_method", "allow_header_conformance", "ignored_auth")

STREAM_LIFE = timedelta(milliseconds=50)
"""schemathesis reads an answer to its end, and a stream of events has one only when its life ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A service with these limits, of which each operation is asked at most ``examples`` times by chance."""

    limits: LimitSettings
    checks: tuple[str, ...]
    examples: int


def runs(examples: int) -> tuple[Run, ...]:
    """Return what is run one after the other."""
    unlimited = LimitSettings(reads_per_minute=0, writes_per_minute=0, refusals_per_minute=0)
    limited = LimitSettings(reads_per_minute=5, writes_per_minute=5, refusals_per_minute=5)
    return (
        Run(limits=unlimited, checks=CHECKS, examples=examples),
        # Where everything is refused, nothing can be said of tokens and methods.
        Run(limits=limited, checks=ANSWERS, examples=3),
    )


async def main() -> int:
    """Run both; return the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="most cases that each operation is given by chance")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    arguments = parser.parse_args()
    logs.configure(level="error", json=False)
    codes = [await _tried(run, arguments.seed) for run in runs(arguments.examples)]
    return next((code for code in codes if code), 0)


async def _tried(run: Run, seed: int | None) -> int:
    http = HTTP.model_copy(update={"stream_life": STREAM_LIFE})
    async with Service(limits=run.limits, http=http).running() as service:
        process = await asyncio.create_subprocess_exec(*_command(service.port, run, seed))
        return await process.wait()


def _command(port: int, run: Run, seed: int | None) -> list[str]:
    url = f"http://127.0.0.1:{port}"
    return [
        *(PROGRAM, "run", f"{url}/openapi.json", "--url", url, "--header", f"Authorization: Bearer {_token()}"),
        *("--checks", ",".join(run.checks), "--max-examples", str(run.examples)),
        *("--continue-on-failure", "--generation-database", "none"),
        *([] if seed is None else ["--seed", str(seed)]),
    ]


def _token() -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the library's own clock
    return jwt.encode({"sub": "ada", "exp": expires}, SECRET, "HS256")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
