from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from vidctl.http.access.signing import TokenExpired, TokenForged, Tokens

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(hours=1)
KEY, OTHER = b"k" * 32, b"o" * 32
TOKENS = Tokens([KEY], purpose="playback")


def test_what_was_issued_is_read_until_its_end() -> None:
    token = TOKENS.issue(b"of ada", expires_at=UNTIL)
    read = TOKENS.read(token, now=UNTIL - timedelta(seconds=1))
    assert (read.payload, read.expires_at) == (b"of ada", UNTIL)
    with pytest.raises(TokenExpired):
        TOKENS.read(token, now=UNTIL)


def test_a_token_is_what_its_description_says() -> None:
    said = int(UNTIL.timestamp()).to_bytes(5, "big") + b"of ada"
    own = hmac.new(KEY, b"vidctl|playback", hashlib.sha256).digest()
    mac = hmac.new(own, said, hashlib.sha256).digest()[:16]
    assert base64.urlsafe_b64decode(TOKENS.issue(b"of ada", expires_at=UNTIL) + "==") == mac + said


def test_no_letter_of_a_token_can_be_changed_and_none_left_out_or_added() -> None:
    token = TOKENS.issue(b"of ada", expires_at=UNTIL)
    swapped = [f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}" for at in range(len(token))]
    cut = [token[:length] for length in range(len(token))]
    for other in (*swapped, *cut, token + "A", token + "=", f" {token}", f"{token}\n", token.replace("A", "\u00c4")):
        if other != token:
            with pytest.raises(TokenForged):
                TOKENS.read(other, now=NOON)


@pytest.mark.parametrize("other", [Tokens([OTHER], purpose="playback"), Tokens([KEY], purpose="upload")])
def test_a_token_of_another_key_or_purpose_is_forged(other: Tokens) -> None:
    with pytest.raises(TokenForged):
        TOKENS.read(other.issue(b"of ada", expires_at=UNTIL), now=NOON)


def test_a_key_can_be_replaced_while_its_tokens_are_in_use() -> None:
    old, new = TOKENS.issue(b"of ada", expires_at=UNTIL), Tokens([OTHER, KEY], purpose="playback")
    assert new.read(old, now=NOON).payload == b"of ada"
    assert (
        Tokens([OTHER], purpose="playback").read(new.issue(b"of eve", expires_at=UNTIL), now=NOON).payload == b"of eve"
    )
