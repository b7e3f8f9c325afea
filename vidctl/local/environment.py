"""The environments of the production processes in the local world."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from vidctl.local.identities import AccessKey
from vidctl.local.stack import Storage

REGION = "eu-central-1"
CLUSTER = "vidctl"
FAMILY = "vidctl-worker"
CONTAINER = "worker"

QUICK = {
    # Pleasant to watch, and easy on one machine; whatever the user's environment says comes before these.
    "VIDCTL_RECONCILER_SLOTS": str(max(2, os.cpu_count() or 1)),
    "VIDCTL_RECONCILER_POLL": "2",
    "VIDCTL_RECONCILER_RECEIVE_WAIT": "2",
    "VIDCTL_RECONCILER_SWEEP": "30",
    "VIDCTL_RECONCILER_SWEEP_GRACE": "10",
    "VIDCTL_RECONCILER_BACKOFF": "2",
    "VIDCTL_RECONCILER_SETTLE": "5",
    "VIDCTL_HTTP_ORIGINS": "http://localhost:*,http://127.0.0.1:*",
    "VIDCTL_WORKER_FENCE": "10",
    "VIDCTL_WORKER_PROGRESS": "0.5",
}

FOREIGN = ("AWS_", "VIDCTL_AUTH_", "VIDCTL_DEV_")
"""Variables that no process inherits: AWS is the emulator, the tokens are ours."""

OF_THE_WORKER = ("VIDCTL_WORKER_", "VIDCTL_LOG_", "OTEL_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the emulator and the local ECS listen."""

    aws: str
    ecs: str


def service(
    inherited: Mapping[str, str], *, endpoint: Endpoint, key: AccessKey, storage: Storage, secret: str, port: int
) -> dict[str, str]:
    """Return the environment of ``vidctl serve``."""
    return (
        QUICK
        | _own(inherited)
        | aws(endpoint, key)
        | {
            "VIDCTL_RAW_BUCKET": storage.raw_bucket,
            "VIDCTL_FINAL_BUCKET": storage.final_bucket,
            "VIDCTL_RAW_QUEUE_URL": storage.raw_queue_url,
            "VIDCTL_DEAD_LETTER_QUEUE_URL": storage.dead_letter_queue_url,
            "VIDCTL_TASK_QUEUE_URL": storage.task_queue_url,
            "VIDCTL_CLUSTER": CLUSTER,
            "VIDCTL_TASK_DEFINITION": FAMILY,
            "VIDCTL_TASK_CONTAINER": CONTAINER,
            "VIDCTL_TASK_SUBNETS": "subnet-local",
            "VIDCTL_AUTH_SECRET": secret,
            "VIDCTL_HTTP_SIGNING_KEYS": secret,  # what is signed with it is never taken for one of those tokens
            "VIDCTL_HTTP_HOST": "127.0.0.1",
            "VIDCTL_HTTP_PORT": str(port),
        }
    )


def worker(inherited: Mapping[str, str], *, endpoint: str, key: AccessKey) -> dict[str, str]:
    """Return the environment that the worker's task definition gives: settings of the worker, and its credentials."""
    settings = {name: value for name, value in (QUICK | _own(inherited)).items() if name.startswith(OF_THE_WORKER)}
    return settings | aws(Endpoint(aws=endpoint, ecs=endpoint), key)


def aws(endpoint: Endpoint, key: AccessKey) -> dict[str, str]:
    """Return AWS's own variables. Files in the home directory have no say."""
    return {
        "AWS_ENDPOINT_URL": endpoint.aws,
        "AWS_ENDPOINT_URL_ECS": endpoint.ecs,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,  # the one that botocore reads
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _own(inherited: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(FOREIGN)}
