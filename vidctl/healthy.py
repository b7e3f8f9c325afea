"""Whether the service on this machine should go on: a container checks its health so, without shell or curl."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PATIENCE = timedelta(seconds=4)
"""Below the 5 s that the task definition gives the check."""


def complaint(port: int) -> str | None:
    """Ask ``/healthz`` of the service on ``port``; return None if it is well, else what is wrong."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE.total_seconds())
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return f"no answer on port {port}: {error}"
    finally:
        connection.close()
    return None if answer.status == HTTPStatus.OK else said
