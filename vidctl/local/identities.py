"""Who may do what in the local world: IAM users with the rights of production's roles, which the emulator enforces.

The emulator lets its root do everything and does not check root's secret; a user of it is checked in full.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from vidctl.clients import Client
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


async def create(iam: Client, storage: Storage) -> Identities:
    """Create the users and their keys; raises as ``Client.call``."""
    return Identities(
        service=await _user(iam, "vidctl-service", service_policy(storage)),
        worker=await _user(iam, "vidctl-worker", worker_policy(storage)),
        operator=await _user(iam, "vidctl-operator", operator_policy(storage)),
    )


def service_policy(storage: Storage) -> dict[str, Any]:
    """HTTP side and reconciler: sign uploads and playback, keep records, publish, delete the raw object."""
    raw, final = storage.raw_bucket_arn, storage.final_bucket_arn
    return _policy(
        _allow(["s3:ListBucket", "s3:ListBucketMultipartUploads"], raw, final),
        _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], f"{raw}/*"),
        _allow(["s3:GetObject"], f"{final}/*"),
        # Of the outputs it writes the manifest alone; it removes what was abandoned or cancelled.
        _allow(["s3:PutObject"], f"{final}/jobs/*", f"{final}/uploads/*", f"{final}/videos/*/manifest.json"),
        _allow(["s3:DeleteObject", "s3:AbortMultipartUpload"], f"{final}/videos/*"),
        _allow(
            [
                "sqs:ReceiveMessage",
                # AWS asks for the right to the single call; the emulator for one that is named as the batch.
                "sqs:DeleteMessage*",
                "sqs:ChangeMessageVisibility*",
                "sqs:SendMessage",
                "sqs:GetQueueAttributes",
            ],
            storage.raw_queue_arn,
            storage.task_queue_arn,
            storage.dead_letter_queue_arn,
        ),
    )


def worker_policy(storage: Storage) -> dict[str, Any]:
    """Worker: read one raw object, write under its attempt, and its Result; delete nothing, see no queue."""
    raw, final = storage.raw_bucket_arn, storage.final_bucket_arn
    return _policy(
        _allow(["s3:GetObject"], f"{raw}/*", f"{final}/*"),
        # Without it S3 answers 403 for an object that is gone, as if the worker were not allowed to read it.
        _allow(["s3:ListBucket"], raw, final),
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], f"{final}/videos/*", f"{final}/jobs/*/result-*.json"),
        _deny(["s3:PutObject"], f"{final}/videos/*/manifest.json"),
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


def _deny(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": list(resources)}


async def _user(iam: Client, name: str, policy: dict[str, Any]) -> AccessKey:
    await iam.call("create_user", UserName=name)
    await iam.call("put_user_policy", UserName=name, PolicyName="vidctl", PolicyDocument=json.dumps(policy))
    key = (await iam.call("create_access_key", UserName=name))["AccessKey"]
    return AccessKey(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
