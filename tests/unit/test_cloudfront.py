"""Signatures of CloudFront, checked as the distribution would: with the public key alone."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vidctl.http.playback.cloudfront import PolicySigner, Signature

RESOURCE = "https://cdn.example.org/videos/ada/0193/job-1-1/*"
UNTIL = datetime(2026, 11, 24, 12, tzinfo=UTC)

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def raw(text: str) -> bytes:
    """Undo what AWS asks for: ``-_~`` in place of ``+=/``."""
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)


def verify(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, policy: bytes, signature: bytes) -> None:
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, policy, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.public_key().verify(signature, policy, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ecdsa"])
def test_a_policy_says_what_may_be_read_until_when_and_is_signed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    signed = PolicySigner(private_key=pem(key), key_pair_id="K123").sign(RESOURCE, until=UNTIL)
    policy = raw(signed.policy)
    verify(key, policy, raw(signed.signature))
    assert json.loads(policy) == {
        "Statement": [{"Resource": RESOURCE, "Condition": {"DateLessThan": {"AWS:EpochTime": 1795521600}}}]
    }
    assert b" " not in policy
    with pytest.raises(InvalidSignature):
        verify(key, policy.replace(b"ada", b"eve"), raw(signed.signature))


def test_a_signature_is_the_end_of_a_url_or_four_cookies() -> None:
    signed = Signature(policy="P", signature="S", key_pair_id="K123")
    assert signed.query == "Policy=P&Signature=S&Key-Pair-Id=K123&Hash-Algorithm=SHA256"
    assert signed.cookies == {
        "CloudFront-Policy": "P",
        "CloudFront-Signature": "S",
        "CloudFront-Key-Pair-Id": "K123",
        "CloudFront-Hash-Algorithm": "SHA256",
    }


@pytest.mark.parametrize(
    "key",
    ["", "not PEM", pem(rsa.generate_private_key(65537, 3072)), pem(ec.generate_private_key(ec.SECP384R1()))],
    ids=["empty", "text", "rsa-3072", "p-384"],
)
def test_a_key_that_cloudfront_does_not_take_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match=r"^(is no private key in PEM|must be an RSA key of 2048 bits)") as refusal:
        PolicySigner(private_key=key, key_pair_id="K123")
    assert not key or key not in str(refusal.value)
