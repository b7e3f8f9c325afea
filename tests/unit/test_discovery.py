"""What an OpenID provider says of itself, and what is believed of it."""

from __future__ import annotations

from typing import Any

import pytest

from vidctl.errors import Malformed
from vidctl.http.access.discovery import Provider, key_set_url
from vidctl.http.access.documents import Documents, DocumentUnavailable

ISSUER = "https://id.example/realm"
GOOD = {"issuer": ISSUER, "jwks_uri": "https://keys.example/set", "token_endpoint": "https://id.example/token"}


class Shelf(Documents):
    """Documents that lie there: an absent one cannot be read."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    async def read(self, url: str) -> dict[str, Any]:
        self.asked.append(url)
        try:
            return self.found[url]
        except KeyError as error:
            raise DocumentUnavailable(url) from error


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://id.example", "https://id.example/.well-known/openid-configuration"),
        ("https://id.example/", "https://id.example/.well-known/openid-configuration"),
        (ISSUER, f"{ISSUER}/.well-known/openid-configuration"),
    ],
)
async def test_the_document_is_where_the_standard_says(issuer: str, url: str) -> None:
    shelf = Shelf()
    shelf.found[url] = GOOD | {"issuer": issuer}
    assert await Provider(issuer, documents=shelf).key_set_url() == "https://keys.example/set"
    assert shelf.asked == [url]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": ISSUER + "/"}, "calls itself"),
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"issuer": None}, "calls itself"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"jwks_uri": 7}, "jwks_uri"),
        ({"jwks_uri": "http://keys.example/set"}, "jwks_uri"),
        ({"jwks_uri": "file:///etc/keys"}, "jwks_uri"),
        ({"jwks_uri": "http://localhost.evil.example/"}, "jwks_uri"),
    ],
)
def test_what_is_not_to_be_believed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        key_set_url(GOOD | changes, ISSUER)


async def test_what_was_said_serves_through_an_outage_and_a_move_is_noticed() -> None:
    shelf, url = Shelf(), f"{ISSUER}/.well-known/openid-configuration"
    provider = Provider(ISSUER, documents=shelf)
    with pytest.raises(DocumentUnavailable):
        await provider.key_set_url()
    shelf.found[url] = GOOD
    assert await provider.key_set_url() == "https://keys.example/set"
    for useless in ({}, GOOD | {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/set"}):
        shelf.found[url] = useless
        assert await provider.key_set_url() == "https://keys.example/set"
    del shelf.found[url]
    assert await provider.key_set_url() == "https://keys.example/set"
    shelf.found[url] = GOOD | {"jwks_uri": "https://moved.example/set"}
    assert await provider.key_set_url() == "https://moved.example/set"
