"""Signs what a CloudFront distribution serves: one signature for all that an attempt published (P).

AWS: "Create a signed URL using a custom policy", "Set signed cookies using a custom policy". A policy whose resource
ends in ``*`` is good for every file below, so that a playlist needs one signature however many segments it names.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA_BITS = 2048
"""AWS: CloudFront takes RSA keys of 2048 bits, and ECDSA keys on the curve P-256."""

_IN_A_URL = str.maketrans("+=/", "-_~")
"""AWS: characters that a query string or a cookie cannot hold, and what stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signed policy. Whoever has it may read what the policy names."""

    policy: str
    signature: str
    key_pair_id: str

    @property
    def query(self) -> str:
        """As the end of a URL."""
        return "&".join(f"{name}={value}" for name, value in self._fields().items())

    @property
    def cookies(self) -> dict[str, str]:
        """As the cookies that CloudFront reads."""
        return {f"CloudFront-{name}": value for name, value in self._fields().items()}

    def _fields(self) -> dict[str, str]:
        # SHA-1 unless it is said; it is no longer fit for a signature.
        signed = {"Policy": self.policy, "Signature": self.signature}
        return {**signed, "Key-Pair-Id": self.key_pair_id, "Hash-Algorithm": "SHA256"}


class PolicySigner:
    """Signs with the private key (PEM) of the public key that CloudFront knows as ``key_pair_id``."""

    def __init__(self, *, private_key: str, key_pair_id: str) -> None:
        """Read the key.

        Raises:
            ValueError: it is none, or none that CloudFront takes.

        """
        self._key = _checked(private_key)
        self._key_pair_id = key_pair_id

    def sign(self, resource: str, *, until: datetime) -> Signature:
        """Allow reading ``resource``, a URL in which ``*`` stands for anything, before ``until``."""
        condition = {"DateLessThan": {"AWS:EpochTime": int(until.timestamp())}}
        statement = {"Resource": resource, "Condition": condition}
        policy = json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()
        return Signature(policy=_text(policy), signature=_text(self._signed(policy)), key_pair_id=self._key_pair_id)

    def _signed(self, policy: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(policy, PKCS1v15(), hashes.SHA256())
        return self._key.sign(policy, ECDSA(hashes.SHA256()))


def _checked(private_key: str) -> RSAPrivateKey | EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError) as error:
        # The library's words may quote the key.
        raise ValueError("is no private key in PEM without a password") from error
    if isinstance(key, RSAPrivateKey) and key.key_size == RSA_BITS:
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError(f"must be an RSA key of {RSA_BITS} bits or an ECDSA key on the curve P-256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode().translate(_IN_A_URL)
