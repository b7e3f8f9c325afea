"""The lean signer writes what botocore writes, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiobotocore.session import get_session

from vidctl.clients import CALL_TIMEOUT, _client
from vidctl.sigv4 import Credentials, UrlSigner

ODD = "videos/a.20b/x +é?versionId=1&%2F#~:*'(),;=@$!.m4s"
EMULATOR = "http://127.0.0.1:4566"


@asynccontextmanager
async def botocore(token: str | None, endpoint: str | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    given = {"ACCESS_KEY_ID": "AKIDEXAMPLE", "SECRET_ACCESS_KEY": "wJalrXUt/nFEMI+", "SESSION_TOKEN": token}
    for name, value in (given | {"ENDPOINT_URL": endpoint, "DEFAULT_REGION": "eu-central-1"}).items():
        monkeypatch.delenv(f"AWS_{name}", raising=False)
        if value is not None:
            monkeypatch.setenv(f"AWS_{name}", value)
    async with _client(get_session(), "s3", CALL_TIMEOUT, 1, None) as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("token", [None, "IQoJb3/JpZ2+luX2Vj=="])
@pytest.mark.parametrize("endpoint", [None, EMULATOR])
@pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
async def test_a_url_is_what_botocore_writes(
    method: str, token: str | None, endpoint: str | None, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with botocore(token, endpoint, monkeypatch) as client:
        expected = await client.generate_presigned_url(
            f"{method.lower()}_object", Params={"Bucket": bucket, "Key": ODD}, ExpiresIn=3600
        )
        probe = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"})
    written = parse_qs(urlsplit(expected).query)["X-Amz-Date"][0]
    at = datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signer = UrlSigner(
        probe.partition("/key?")[0],
        region="eu-central-1",
        credentials=Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUt/nFEMI+", session_token=token),
        at=at,
        until=at + timedelta(hours=1),
    )
    assert signer.url(ODD, method=method) == expected


@pytest.mark.parametrize("end", [None, timedelta(minutes=20), timedelta(hours=2)])
def test_a_signature_ends_with_its_credentials(end: timedelta | None) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    credentials = Credentials(
        access_key_id="AKIDEXAMPLE", secret_access_key="secret", expires_at=None if end is None else noon + end
    )
    signer = UrlSigner(
        EMULATOR, region="eu-central-1", credentials=credentials, at=noon, until=noon + timedelta(hours=1)
    )
    assert signer.expires_at == noon + min(end or timedelta(hours=1), timedelta(hours=1))
    assert "secret" not in repr(credentials)
