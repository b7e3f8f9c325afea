"""Serve the HTTP side over buckets in memory, and let schemathesis try it: ``make fuzz``.

Three times: with no limit of requests; with limits so low that most answers are 429; and, of what is let in by links
alone, with links that are good, which no chance would find. The exit code is schemathesis's: 0 if no answer was a
server error, none was undocumented, and none let in what the document forbids.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

import jwt

from tests.interface.links import BY_LINK, configuration
from tests.process.http_service import HTTP, SECRET, Service
from vidctl import logs
from vidctl.settings import LimitSettings, UploadSettings

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
    """A service with these limits, of which each operation is asked at most ``examples`` times by chance.

    With ``links`` only what they lead to.
    """

    limits: LimitSettings
    checks: tuple[str, ...]
    examples: int
    links: bool = False


def runs(examples: int) -> tuple[Run, ...]:
    """Return what is run one after the other."""
    unlimited = LimitSettings(reads_per_minute=0, writes_per_minute=0, refusals_per_minute=0)
    limited = LimitSettings(reads_per_minute=5, writes_per_minute=5, refusals_per_minute=5)
    return (
        Run(limits=unlimited, checks=CHECKS, examples=examples),
        # Where everything is refused, nothing can be said of tokens and methods.
        Run(limits=limited, checks=ANSWERS, examples=3),
        Run(limits=unlimited, checks=CHECKS, examples=examples, links=True),
    )


async def main() -> int:
    """Run all; return the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="most cases that each operation is given by chance")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    arguments = parser.parse_args()
    logs.configure(level="error", json=False)
    codes = [await _tried(run, arguments.seed) for run in runs(arguments.examples)]
    return next((code for code in codes if code), 0)


async def _tried(run: Run, seed: int | None) -> int:
    http = HTTP.model_copy(update={"stream_life": STREAM_LIFE})
    uploads = UploadSettings(session_uploads=1000)
    async with Service(limits=run.limits, http=http, uploads=uploads).running() as service:
        with NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(await configuration(service) if run.links else "")
            file.flush()
            process = await asyncio.create_subprocess_exec(*_command(service.port, run, seed, file.name))
            return await process.wait()


def _command(port: int, run: Run, seed: int | None, file: str) -> list[str]:
    url = f"http://127.0.0.1:{port}"
    return [
        *(PROGRAM, "--config-file", file),
        *("run", f"{url}/openapi.json", "--url", url, "--header", f"Authorization: Bearer {_token()}"),
        *("--checks", ",".join(run.checks), "--max-examples", str(run.examples)),
        # Which cases chance gives up is nothing that the service has done.
        *("--continue-on-failure", "--generation-database", "none", "--suppress-health-check", "filter_too_much"),
        *(["--include-path-regex", BY_LINK] if run.links else []),
        *([] if seed is None else ["--seed", str(seed)]),
    ]


def _token() -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the library's own clock
    return jwt.encode({"sub": "ada", "exp": expires}, SECRET, "HS256")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
