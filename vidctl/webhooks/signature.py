"""The signature of a webhook: HMAC-SHA256 over time and body, once for each secret (P)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

SIGNATURE = "Vidctl-Signature"
EVENT_ID = "Vidctl-Event-Id"


def signature(body: bytes, *, at: datetime, secrets: Sequence[bytes]) -> str:
    """Return the header's value: ``t=`` the second of Unix time, and a ``v1=`` (hex) for each secret.

    What is signed is the second in decimal, a full stop, and the body as it is sent. A receiver that knows one of the
    secrets can verify it, so that a secret can be replaced without a pause.
    """
    second = int(at.timestamp())
    signed = f"{second}.".encode() + body
    return ",".join([f"t={second}", *(f"v1={hmac.digest(secret, signed, 'sha256').hex()}" for secret in secrets)])
