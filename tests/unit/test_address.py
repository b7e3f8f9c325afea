"""Who is behind a request, and what anybody can write into a header."""

from __future__ import annotations

import pytest

from vidctl.http.limits.address import client_address

PEER = "10.0.0.7"


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "expected"),
    [
        ([], 0, PEER),
        (["203.0.113.9"], 0, PEER),  # nobody is trusted to write it
        (["203.0.113.9"], 1, "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9"], 1, "203.0.113.9"),  # what the client wrote himself is on the left
        (["1.1.1.1", "203.0.113.9"], 1, "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9, 10.0.0.1"], 2, "203.0.113.9"),
        ([], 1, PEER),
        (["203.0.113.9"], 2, PEER),  # past the outer proxy
        (["unknown"], 1, PEER),
        (["203.0.113.999"], 1, PEER),
        ([""], 1, PEER),
        (["203.0.113.9:50123"], 1, "203.0.113.9"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::9]:443"], 1, "2001:db8:1:2::/64"),
        (["::ffff:203.0.113.9"], 1, "203.0.113.9"),
    ],
)
def test_the_client_is_who_the_outermost_trusted_proxy_saw(forwarded_for: list[str], hops: int, expected: str) -> None:
    assert client_address(PEER, forwarded_for, hops=hops) == expected


def test_a_peer_without_an_address_is_one_peer() -> None:
    assert client_address(None, [], hops=0) == "unknown"
    assert client_address("2001:db8::1", [], hops=0) == "2001:db8::/64"
