"""Who may do what in the local world: IAM users with the rights of production's roles, which the emulator enforces.

The emulator lets its root do everything and does not check root's secret; a user of it is checked in full.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from vidctl.clients import Client
from vidctl.local.rights import role_policy
from vidctl.local.stack import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """The credentials of one user."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """``service`` serves and reconciles, ``worker`` transcodes, ``operator`` may do everything with the storage."""

    service: AccessKey
    worker: AccessKey
    operator: AccessKey


async def create(iam: Client, storage: Storage, *, template: str) -> Identities:
    """Create the users and their keys, with the rights that the service template gives; raises as ``Client.call``."""
    return Identities(
        service=await _user(iam, "vidctl-service", role_policy(template, "ServiceRole", storage)),
        worker=await _user(iam, "vidctl-worker", role_policy(template, "WorkerRole", storage)),
        operator=await _user(iam, "vidctl-operator", operator_policy(storage)),
    )


def operator_policy(storage: Storage) -> dict[str, Any]:
    """Return the rights of a person, or a script, who looks after the buckets and queues."""
    buckets = (storage.raw_bucket_arn, storage.final_bucket_arn)
    return _policy(
        _allow(["s3:*"], *buckets, *(f"{bucket}/*" for bucket in buckets)),
        _allow(["sqs:*"], storage.raw_queue_arn, storage.task_queue_arn, storage.dead_letter_queue_arn),
    )


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


async def _user(iam: Client, name: str, policy: dict[str, Any]) -> AccessKey:
    await iam.call("create_user", UserName=name)
    await iam.call("put_user_policy", UserName=name, PolicyName="vidctl", PolicyDocument=json.dumps(policy))
    key = (await iam.call("create_access_key", UserName=name))["AccessKey"]
    return AccessKey(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
