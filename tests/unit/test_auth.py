"""Tokens, honest and not."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

import hypothesis
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vidctl.errors import InvalidSettings, VidctlError
from vidctl.http.access.auth import (
    Authenticator,
    InsufficientScope,
    InvalidToken,
    InvalidUser,
    MissingToken,
    Permission,
)
from vidctl.http.access.keys import FixedKey, open_keys
from vidctl.metrics import Metrics
from vidctl.settings import AuthSettings

SECRET = "a secret of at least thirty-two bytes"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
NOW = int(datetime.now(UTC).timestamp())  # noqa: TID251 - the library reads the real clock
CLAIMS = {"sub": "ada", "exp": NOW + 86_400, "iss": "https://issuer", "aud": "vidctl"}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def settings(**fields: Any) -> AuthSettings:
    given = {"secret": SecretStr(SECRET)} if not fields.keys() & {"public_key", "jwks_url"} else {}
    return AuthSettings(**{"issuer": "https://issuer", "audience": "vidctl", **given, **fields})


def token(claims: dict[str, Any] | None = None, *, key: Any = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    merged = {**(CLAIMS if claims is None else claims), **changes}
    return jwt.encode({name: value for name, value in merged.items() if value is not None}, key, algorithm)


def unsigned(header: Any, payload: Any = CLAIMS, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def caller(*authorization: str, metrics: Metrics | None = None, **fields: Any) -> str:
    chosen = settings(**fields)
    async with open_keys(chosen, clock=lambda: datetime.now(UTC)) as keys:  # noqa: TID251
        found = Authenticator(settings=chosen, keys=keys, metrics=metrics or Metrics(CollectorRegistry()))
        return (await found.caller(authorization, Permission.UPLOAD)).user_id


async def owner(text: str, *, user: str | None, **fields: Any) -> str:
    chosen = settings(**fields)
    door = Authenticator(settings=chosen, keys=FixedKey(SECRET.encode()), metrics=Metrics(CollectorRegistry()))
    return await door.owner((f"Bearer {text}",), Permission.READ, user=user)


async def refusal(text: str, **fields: Any) -> str:
    """Return the reason, which must also have been counted."""
    metrics = Metrics(CollectorRegistry())
    with pytest.raises(InvalidToken) as caught:
        await caller(f"Bearer {text}", metrics=metrics, **fields)
    reason = caught.value.reason
    assert metrics.registry.get_sample_value("vidctl_auth_refused_total", {"reason": reason}) == 1
    assert text not in str(caught.value)
    assert not set('"\\\r\n') & set(str(caught.value))
    return reason


# --- accepted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_good_token_names_its_user_whatever_the_case_of_the_scheme(scheme: str) -> None:
    assert await caller(f"{scheme} {token()}") == "ada"


async def test_public_keys_of_both_kinds_are_accepted() -> None:
    assert await caller(f"Bearer {token(key=RSA, algorithm='RS256')}", public_key=pem(RSA)) == "ada"
    assert await caller(f"Bearer {token(key=EC, algorithm='ES256')}", public_key=pem(EC)) == "ada"


async def test_a_public_key_may_be_written_in_one_line() -> None:
    one_line = pem(RSA).replace("\n", "\\n")
    assert await caller(f"Bearer {token(key=RSA, algorithm='RS256')}", public_key=one_line) == "ada"


async def test_a_subject_cannot_leave_its_prefix() -> None:
    assert await caller(f"Bearer {token(sub='../../eve/x')}") == ".2E.2E.2F.2E.2E.2Feve.2Fx"


async def test_clocks_may_differ_a_little() -> None:
    just_now = int(datetime.now(UTC).timestamp())  # noqa: TID251 - the library reads the real clock
    assert await caller(f"Bearer {token(exp=just_now - 10)}") == "ada"


@pytest.mark.parametrize("claims", [{"scope": "a video:write"}, {"scp": ["video:write"]}, {"scp": "b video:write"}])
async def test_a_required_scope_may_stand_in_either_claim(claims: dict[str, Any]) -> None:
    assert await caller(f"Bearer {token(**claims)}", upload_scope="video:write") == "ada"


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 600}, "expired"),
        ({"nbf": NOW + 86_400}, "immature"),
        ({"iat": NOW + 86_400}, "immature"),
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "claims"),
        ({"aud": {"x": 1}}, "audience"),
        ({"iss": "https://evil"}, "issuer"),
        ({"iss": None}, "claims"),
        ({"sub": None}, "claims"),
        ({"exp": None}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sub": 7}, "claims"),
        ({"sub": "x" * 257}, "claims"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": 1e400}, "malformed"),
    ],
)
async def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert await refusal(token(**changes)) == reason


async def test_a_subject_is_needed_even_if_the_settings_require_none() -> None:
    assert await refusal(token(sub=None), required_claims=()) == "claims"


async def test_no_signature_is_no_signature() -> None:
    for name in ("none", "None", "NONE", "nOnE", "", None, 7, ["HS256"]):
        assert await refusal(unsigned({"alg": name, "typ": "JWT"})) == "algorithm"
    assert await refusal(unsigned({"typ": "JWT"})) == "algorithm"
    assert await refusal(unsigned({"alg": "HS256"})) == "signature"


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_secret(name: str) -> None:
    # Signed by hand, since the library refuses to make such a token.
    public = pem(RSA).encode()
    algorithm = jwt.get_algorithm_by_name(name)
    head = unsigned({"alg": name, "typ": "JWT"}).rsplit(".", 1)[0]
    forged = f"{head}.{base64.urlsafe_b64encode(algorithm.sign(head.encode(), public)).rstrip(b'=').decode()}"
    assert await refusal(forged, public_key=public.decode()) == "algorithm"


async def test_a_key_never_serves_an_algorithm_of_another_kind() -> None:
    # Even if the settings were to allow both.
    chosen = settings(public_key=pem(RSA), algorithms=("RS256", "ES256"))
    found = Authenticator(settings=chosen, keys=FixedKey(RSA.public_key()), metrics=Metrics(CollectorRegistry()))
    with pytest.raises(InvalidToken, match="unknown key"):
        await found.caller((f"Bearer {token(key=EC, algorithm='ES256')}",), Permission.READ)


async def test_another_signer_is_refused() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await refusal(token(key=stranger, algorithm="RS256"), public_key=pem(RSA)) == "signature"
    assert await refusal(token(key=SECRET + "!")) == "signature"


async def test_a_changed_payload_is_refused() -> None:
    head, _, signature = token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps({**CLAIMS, "sub": "eve"}).encode()).rstrip(b"=").decode()
    assert await refusal(f"{head}.{payload}.{signature}") == "signature"


@pytest.mark.parametrize("header", [{"kid": 7}, {"crit": ["x"]}, {"b64": False}, {"kid": "../../dev/null"}])
async def test_odd_headers_are_refused(header: dict[str, Any]) -> None:
    assert await refusal(unsigned({"alg": "HS256", **header})) in {"malformed", "signature", "claims"}


async def test_deeply_nested_headers_are_refused() -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 2500 + b"]" * 2500 + b"}").rstrip(b"=").decode()
    assert await refusal(f"{deep}.e30.x") == "malformed"


async def test_no_token_is_another_answer_than_a_bad_one() -> None:
    with pytest.raises(MissingToken):
        await caller()


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer\ta.b.c", "Bearer é.b.c"]
)
async def test_other_authorization_is_refused(header: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        await caller(header)
    assert caught.value.reason == "malformed"


async def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises(InvalidToken, match="more than one"):
        await caller(f"Bearer {token()}", f"Bearer {token(sub='eve')}")


@pytest.mark.parametrize(
    "claims", [{}, {"scope": "video:writer"}, {"scope": ["video:read"]}, {"scp": {"video:write": 1}}]
)
async def test_a_missing_scope_is_forbidden(claims: dict[str, Any]) -> None:
    metrics = Metrics(CollectorRegistry())
    with pytest.raises(InsufficientScope):
        await caller(f"Bearer {token(**claims)}", upload_scope="video:write", metrics=metrics)
    assert metrics.registry.get_sample_value("vidctl_auth_refused_total", {"reason": "scope"}) == 1


async def test_each_permission_needs_its_own_scope() -> None:
    scopes = {f"{word}_scope": f"video:{word}" for word in Permission}
    door = Authenticator(
        settings=settings(**scopes), keys=FixedKey(SECRET.encode()), metrics=Metrics(CollectorRegistry())
    )
    for held in Permission:
        text = f"Bearer {token(scope=f'other video:{held}')}"
        for wanted in Permission:
            if wanted is held:
                assert (await door.caller((text,), wanted)).user_id == "ada"
            else:
                with pytest.raises(InsufficientScope, match=f"video:{wanted}"):
                    await door.caller((text,), wanted)


async def test_nobody_sees_anothers_videos_but_an_administrator() -> None:
    assert await owner(token(), user=None) == "ada"
    assert await owner(token(), user="ada") == "ada"
    with pytest.raises(InsufficientScope, match="No token"):
        await owner(token(scope="admin"), user="eve")
    with pytest.raises(InsufficientScope, match="staff"):
        await owner(token(scope="admin"), user="eve", admin_scope="staff")
    assert await owner(token(scope="staff"), user="eve@example", admin_scope="staff") == "eve.40example"


async def test_an_administrator_needs_the_permission_itself_too() -> None:
    with pytest.raises(InsufficientScope, match="look"):
        await owner(token(scope="staff"), user="eve", admin_scope="staff", read_scope="look")
    assert await owner(token(scope="staff look"), user="eve", admin_scope="staff", read_scope="look") == "eve"


@pytest.mark.parametrize("user", ["", "x" * 257])
async def test_a_user_whom_no_token_can_name_is_told(user: str) -> None:
    with pytest.raises(InvalidUser, match="user: must"):
        await owner(token(scope="staff"), user=user, admin_scope="staff")


@hypothesis.settings(deadline=None)
@given(text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_garbage_is_never_more_than_refused(text: str) -> None:
    with pytest.raises(VidctlError):
        asyncio.run(caller(f"Bearer {text}"))


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=3)


@hypothesis.settings(deadline=None)
@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk"]), ODD))
def test_any_header_is_never_more_than_refused(header: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        asyncio.run(caller(f"Bearer {unsigned(header)}"))


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"public_key": "no key"}, "PEM"),
        ({"public_key": pem(RSA), "algorithms": ("ES256",)}, "for none of ES256"),
        ({"public_key": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))}, "2048"),  # noqa: S505
        ({"public_key": pem(ec.generate_private_key(ec.SECP384R1())), "algorithms": ("ES256",)}, "curve"),
        ({"secret": SecretStr(pem(RSA))}, "asymmetric"),
        ({"algorithms": ("HS512",)}, "64"),
    ],
)
async def test_a_key_that_could_never_work_ends_the_start(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettings, match=message):
        await caller("Bearer x", **fields)


async def test_edwards_keys_serve_when_the_settings_say_so() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    text = f"Bearer {token(key=key, algorithm='EdDSA')}"
    assert await caller(text, public_key=pem(key), algorithms=("EdDSA",)) == "ada"


async def test_a_token_for_an_audience_is_refused_where_none_is_configured() -> None:
    # RFC 7519, section 4.1.3: who does not find itself in `aud` must refuse.
    assert await refusal(token(), audience=None) == "audience"
    assert await caller(f"Bearer {token(aud=None)}", audience=None) == "ada"
