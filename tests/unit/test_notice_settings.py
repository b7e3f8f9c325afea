"""Who is told, as it stands in the environment: what is refused, by what words, and what becomes of the rest."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from vidctl.compose import telling
from vidctl.errors import InvalidSettings
from vidctl.model import Kind
from vidctl.reconciler.policy import Telling
from vidctl.settings import NoticeSettings, load

SECRET, HOOK = "s" * 32, "https://example.com/hook"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in tuple(os.environ):  # noqa: TID251 - of this process
        if name.startswith("VIDCTL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VIDCTL_NOTICES_SECRETS", SECRET)
    return monkeypatch


def loaded(environment: pytest.MonkeyPatch, **values: str) -> NoticeSettings:
    for name, value in values.items():
        environment.setenv(f"VIDCTL_NOTICES_{name}", value)
    return load(NoticeSettings)


def test_nobody_is_told_unless_somebody_is_named(environment: pytest.MonkeyPatch) -> None:
    assert telling(loaded(environment)) == Telling()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRETS", "short"),
        ("SECRETS", f"{SECRET},short"),
        ("KINDS", "published"),
        ("TIMEOUT", "0.9"),
        # The lease of an attempt is a minute: half of it is left to clocks that disagree.
        ("TIMEOUT", "31"),
        ("BACKOFF", "59"),
        ("BACKOFF_CAP", "59"),
        ("PATIENCE", "0"),
        ("ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("ALLOWED_NETWORKS", "intranet"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=f"^VIDCTL_NOTICES_{name}: "):
        loaded(environment, **{name: value})


@pytest.mark.parametrize(
    ("hooks", "fault"),
    [
        ("example.com/hook", "URL 1 is no URL"),
        ("https:///secret-path", "URL 1 is no URL"),
        ("ftp://example.com/secret-path", "URL 1 is no URL"),
        ("https://example.com:99999/secret-path", "URL 1 is no URL"),
        (f"{HOOK},http://example.com/secret-path", "URL 2 must be https, or VIDCTL_NOTICES_ALLOW_HTTP set"),
        ("https://user:secret-path@example.com/", "URL 1 must have neither a user nor a fragment"),
        ("https://example.com/secret-path#a", "URL 1 must have neither a user nor a fragment"),
        (f"{HOOK},{HOOK}", "names one URL twice"),
    ],
)
def test_a_url_that_cannot_be_told_is_refused_by_its_number_and_not_shown(
    environment: pytest.MonkeyPatch, hooks: str, fault: str
) -> None:
    with pytest.raises(InvalidSettings, match="VIDCTL_NOTICES_WEBHOOKS") as refusal:
        loaded(environment, WEBHOOKS=hooks)
    assert fault in str(refusal.value)
    assert "secret-path" not in str(refusal.value)


def test_plain_http_is_for_who_says_so(environment: pytest.MonkeyPatch) -> None:
    made = loaded(environment, WEBHOOKS="http://127.0.0.1:9000/", ALLOW_HTTP="true", ALLOWED_NETWORKS="127.0.0.0/8")
    assert made.urls == ("http://127.0.0.1:9000/",)


def test_webhooks_without_a_secret_are_refused_and_a_bus_needs_none(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("VIDCTL_NOTICES_SECRETS")
    assert loaded(environment, BUS="videos").bus == "videos"
    with pytest.raises(InvalidSettings, match="VIDCTL_NOTICES_SECRETS must be set: webhooks are signed"):
        loaded(environment, WEBHOOKS=HOOK)


def test_receivers_have_names_that_tell_no_secret_and_last(environment: pytest.MonkeyPatch) -> None:
    made = telling(loaded(environment, WEBHOOKS=f"{HOOK},https://example.com/secret-path", BUS="videos"))
    assert [name.partition("-")[0] for name in made.receivers] == ["webhook", "webhook", "bus"]
    assert len(set(made.receivers)) == 3
    assert "secret" not in str(made)
    turned = telling(loaded(environment, WEBHOOKS=f"https://example.com/secret-path,{HOOK}"))
    assert turned.receivers == (made.receivers[1], made.receivers[0], made.receivers[2])


def test_a_cap_below_the_first_wait_is_raised_to_it(environment: pytest.MonkeyPatch) -> None:
    made = telling(loaded(environment, BACKOFF="7200", KINDS="video.failed, video.deleted"))
    assert (made.backoff, made.backoff_cap) == (timedelta(hours=2), timedelta(hours=2))
    assert made.kinds == (Kind.FAILED, Kind.DELETED)
