"""What a setting may be, and what a wrong one is told."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from pydantic_settings import BaseSettings

from vidctl import settings
from vidctl.compose import policy
from vidctl.errors import InvalidSettings
from vidctl.fields import webhook_fault
from vidctl.reconciler.policy import InputLimits, TaskSize
from vidctl.settings import (
    AuthSettings,
    HttpSettings,
    PlaybackSettings,
    ReconcilerSettings,
    TaskSettings,
    UploadSettings,
    WorkerSettings,
    WorldSettings,
    load,
)

PLACE = WorldSettings(
    raw_bucket="raw",
    final_bucket="final",
    raw_queue_url="q",
    dead_letter_queue_url="d",
    task_queue_url="t",
    cluster="c",
)

LOOP, TASK, UPLOAD, AUTH = "VIDCTL_RECONCILER_", "VIDCTL_TASK_", "VIDCTL_UPLOAD_", "VIDCTL_AUTH_"
HTTP, PLAYBACK = "VIDCTL_HTTP_", "VIDCTL_PLAYBACK_"
GROUPS: dict[str, type[BaseSettings]] = {
    LOOP: ReconcilerSettings,
    TASK: TaskSettings,
    UPLOAD: UploadSettings,
    AUTH: AuthSettings,
    HTTP: HttpSettings,
    PLAYBACK: PlaybackSettings,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in tuple(os.environ):  # noqa: TID251 - of this process
        if name.startswith("VIDCTL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VIDCTL_TASK_SUBNETS", "subnet-1")
    return monkeypatch


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        # Beyond it the supervisor takes a loop for dead, or a hold is not extended in time.
        (LOOP, "POLL", "61"),
        (LOOP, "VISIBILITY", "9"),
        (LOOP, "VISIBILITY", "301"),
        # AWS ends a hold at 12 h.
        (LOOP, "RENEW_AFTER", "43200"),
        # A launch is looked up by repeating it for 45 minutes.
        (LOOP, "SETTLE", "2700"),
        (LOOP, "RECEIVE_WAIT", "11"),
        (LOOP, "SHUTDOWN", "14"),
        (LOOP, "SHUTDOWN", "111"),
        (LOOP, "BACKOFF", "0"),
        (LOOP, "BACKOFF", "-1"),
        (LOOP, "BACKOFF", "soon"),
        (LOOP, "BACKOFF", "9" * 400),
        (LOOP, "CLEAN_AFTER", "86400000000000"),
        (TASK, "SUBNETS", ","),
        (TASK, "SIZES", ","),
        (TASK, "SIZES", "2048/4096"),
        (TASK, "SIZES", "2048/4096/30,2048/x/30"),
        (TASK, "SIZES", "2048/4096/30/1"),
        (TASK, "SIZES", "0/4096/30"),
        (UPLOAD, "SUFFIXES", ","),
        (UPLOAD, "SUFFIXES", ".mp4,mov"),
        (UPLOAD, "SUFFIXES", "."),
        (UPLOAD, "CONTENT_TYPES", ","),
        (AUTH, "ALGORITHMS", "RS265"),
        (AUTH, "ALGORITHMS", "RS256,none"),
        (AUTH, "ALGORITHMS", "ES256K"),
        (AUTH, "JWKS_URL", "auth.example.com"),
        (AUTH, "JWKS_URL", "https://"),
        (AUTH, "JWKS_URL", "https:///keys"),
        (AUTH, "JWKS_URL", "file:///etc/keys.json"),
        (AUTH, "JWKS_URL", "http://auth.example.com/keys"),
        (AUTH, "JWKS_URL", "http://localhost.example.com/keys"),
        (AUTH, "JWKS_URL", "http://localhost:x@example.com/keys"),
        (HTTP, "PUBLIC_URL", "example.org"),
        (HTTP, "PUBLIC_URL", "https://example.org/?a=b"),
        (HTTP, "ORIGINS", "https://example.org/"),
        (PLAYBACK, "ORIGINS", "https://example.org/"),
        (PLAYBACK, "ORIGINS", "example.org"),
        (PLAYBACK, "COOKIE_DOMAIN", "example.org; Path=/"),
        (PLAYBACK, "COOKIE_DOMAIN", "https://example.org"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(
    environment: pytest.MonkeyPatch, group: str, name: str, value: str
) -> None:
    if name != "JWKS_URL":
        environment.setenv("VIDCTL_AUTH_JWKS_URL", "https://auth.example.com/keys")
    environment.setenv(group + name, value)
    with pytest.raises(InvalidSettings, match=f"^{group}{name}: ") as refusal:
        load(GROUPS[group])
    assert str(GROUPS[group].model_fields[name.lower()].description) in str(refusal.value)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (LOOP, "POLL", "60"),
        (LOOP, "VISIBILITY", "10"),
        (LOOP, "VISIBILITY", "300"),
        (LOOP, "SHUTDOWN", "110"),
        (TASK, "SIZES", "256/512/21, 16384/122880/200"),
        (UPLOAD, "SUFFIXES", ".mp4, .mov"),
        (AUTH, "ALGORITHMS", "RS256,PS512,ES384,EdDSA"),
        (AUTH, "JWKS_URL", "https://auth.example.com"),
        (AUTH, "JWKS_URL", "https://auth.example.com:8443/a/keys.json?v=1"),
        (AUTH, "JWKS_URL", "http://localhost:9000/keys"),
        (AUTH, "JWKS_URL", "http://127.0.0.1"),
        (AUTH, "JWKS_URL", "http://[::1]:9/"),
        (HTTP, "PUBLIC_URL", "https://example.org"),
        (HTTP, "PUBLIC_URL", "http://[::1]:8080/"),
        (HTTP, "PUBLIC_URL", "https://example.org/video/"),
        (PLAYBACK, "ORIGINS", "https://example.org,http://localhost:*"),
        (PLAYBACK, "COOKIE_DOMAIN", ".example.org"),
    ],
)
def test_a_setting_at_its_bound_is_taken(environment: pytest.MonkeyPatch, group: str, name: str, value: str) -> None:
    environment.setenv("VIDCTL_AUTH_JWKS_URL", "https://auth.example.com/keys")
    environment.setenv(group + name, value)
    assert load(GROUPS[group]).model_fields_set


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "2130706433", "0177.0.0.1", "127.0.0.1.", "[::1", "", "a..b", "a" * 64 + ".example"),
        *("xn--a.example", "\u00ad127.1", "user@example.org"),
    ],
)
def test_a_webhook_at_no_host_is_refused_at_the_start(host: str) -> None:
    assert webhook_fault(f"https://{host}/hook", allow_http=False) is not None


@pytest.mark.parametrize(
    "host", ["example.org", "example.org.", "93.184.215.14:8443", "[2606:2800::1]", "bücher.example"]
)
def test_a_webhook_at_a_host_is_taken(host: str) -> None:
    assert webhook_fault(f"https://{host}/hook", allow_http=False) is None


def test_a_raw_object_must_be_kept_before_it_expires(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_RECONCILER_RAW_EXPIRY", "28800")
    with pytest.raises(InvalidSettings, match="VIDCTL_RECONCILER_KEEP_BEFORE_EXPIRY must be less"):
        load(ReconcilerSettings)


@pytest.mark.usefixtures("environment")
def test_every_fault_of_several_groups_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as refusal:
        settings.check(WorldSettings, AuthSettings)
    assert "VIDCTL_RAW_BUCKET: must be set (Bucket that clients upload to.)" in str(refusal.value)
    assert "VIDCTL_CLUSTER: must be set" in str(refusal.value)
    assert "VIDCTL_AUTH_*: set VIDCTL_AUTH_ISSUER to the URL of an OpenID provider" in str(refusal.value)


ISSUERS = {
    "https://id.example": True,
    "https://id.example/": True,
    "https://id.example/realms/a": True,
    "http://localhost:8080": True,
    "http://id.example": False,
    "http://localhost.id.example": False,
    "https://id.example?a=b": False,
    "https://id.example/#a": False,
    "vidctl": False,
}


@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_issuer_is_enough_if_it_can_be_asked(environment: pytest.MonkeyPatch, issuer: str) -> None:
    environment.setenv("VIDCTL_AUTH_ISSUER", issuer)
    if ISSUERS[issuer]:
        assert load(AuthSettings).issuer == issuer
    else:
        with pytest.raises(InvalidSettings, match="set VIDCTL_AUTH_ISSUER to the URL of an OpenID provider"):
            load(AuthSettings)
    # Beside a key it is a word like any other.
    environment.setenv("VIDCTL_AUTH_JWKS_URL", "https://id.example/keys")
    assert load(AuthSettings).issuer == issuer


def test_two_ways_of_checking_tokens_are_one_too_many(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_AUTH_JWKS_URL", "https://id.example/keys")
    environment.setenv("VIDCTL_AUTH_SECRET", "a secret of at least thirty-two bytes")
    with pytest.raises(InvalidSettings, match=r"set only one of .* \(given: secret, jwks_url\)"):
        load(AuthSettings)


def test_a_secret_that_is_too_short_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_AUTH_SECRET", "hunter2")
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_AUTH_SECRET: ") as refusal:
        load(AuthSettings)
    assert "hunter2" not in str(refusal.value)


def test_the_backstop_of_an_attempt_is_above_the_worker_s_own_limit() -> None:
    assert ReconcilerSettings().run_deadline > settings.WorkerSettings().deadline
    assert settings.WorkerSettings().stall < timedelta(hours=1)


def test_a_task_size_that_fargate_does_not_have_is_refused_by_name(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_TASK_SIZES", "2048/4096/30,4096/2048/60")
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_TASK_SIZES: 4096/2048/60: 4096 CPU units go with 8192 to"):
        load(TaskSettings)


def test_the_reconciler_knows_what_the_worker_takes(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_WORKER_MAX_DURATION", "60")
    environment.setenv("VIDCTL_WORKER_MAX_PIXELS", "1000")
    environment.setenv("VIDCTL_WORKER_MAX_STREAMS", "2")
    made = policy(PLACE, load(TaskSettings), ReconcilerSettings(), UploadSettings(), load(WorkerSettings))
    assert made.input_limits == InputLimits(duration=timedelta(minutes=1), pixels=1000, streams=2)
    environment.undo()
    assert InputLimits() == InputLimits(
        duration=WorkerSettings().max_duration, pixels=WorkerSettings().max_pixels, streams=WorkerSettings().max_streams
    )


def test_task_sizes_are_numbers_of_the_policy(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_TASK_SIZES", "2048/4096/30,4096/8192/60")
    made = policy(PLACE, load(TaskSettings), ReconcilerSettings(), UploadSettings(), WorkerSettings())
    assert made.sizes == (
        TaskSize(cpu_units=2048, memory_mib=4096, ephemeral_gib=30),
        TaskSize(cpu_units=4096, memory_mib=8192, ephemeral_gib=60),
    )
    assert [placement.subnets for placement in made.placements] == [("subnet-1",), ("subnet-1",)]


def test_signing_keys_are_long_and_never_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_HTTP_SIGNING_KEYS", f"{'n' * 32}, {'o' * 40}")
    assert [key.get_secret_value() for key in load(HttpSettings).signing_keys] == ["n" * 32, "o" * 40]
    environment.setenv("VIDCTL_HTTP_SIGNING_KEYS", f"{'n' * 32},hunter2")
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_HTTP_SIGNING_KEYS: ") as refusal:
        load(HttpSettings)
    assert "hunter2" not in str(refusal.value)
    assert "nnn" not in str(refusal.value)


def test_a_setting_that_was_removed_is_refused_with_what_takes_its_place(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VIDCTL_AUTH_SECRET", "a secret of at least thirty-two bytes")
    environment.setenv("VIDCTL_AUTH_SCOPE", "")
    assert load(AuthSettings).upload_scope is None
    environment.setenv("VIDCTL_AUTH_SCOPE", "videos")
    load(HttpSettings)
    with pytest.raises(InvalidSettings, match="VIDCTL_AUTH_SCOPE: ") as refused:
        load(AuthSettings)
    for successor in ("UPLOAD", "READ", "DELETE", "ADMIN"):
        assert f"VIDCTL_AUTH_{successor}_SCOPE" in str(refused.value)
