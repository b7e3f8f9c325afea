"""The rights of production's roles, read from its template: what runs here may do what it may there, and no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from vidctl.local.stack import Storage

Document = dict[str, Any]

POLICY = "state"
"""Name of the policy about buckets and queues; the local ECS checks no rights."""

BATCHED = ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
"""AWS asks for the right to the single call; the emulator for one that is named as the batch."""


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their long ones: ``!Ref x`` is ``{"Ref": "x"}``."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    match node:
        case yaml.MappingNode():
            return {name: loader.construct_mapping(node, deep=True)}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_scalar(node)}  # type: ignore[arg-type]  # YAML has no fourth kind of node


_Loader.add_multi_constructor("!", _function)


def parse(template: str) -> dict[str, Any]:
    """Read a CloudFormation template."""
    parsed: dict[str, Any] = yaml.load(template, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return parsed


def role_policy(template: str, role: str, storage: Storage) -> Document:
    """Return what a role of the service template may do with the storage."""
    policies = parse(template)["Resources"][role]["Properties"]["Policies"]
    (document,) = (policy["PolicyDocument"] for policy in policies if policy.get("PolicyName") == POLICY)
    resolved: Document = _resolved(document, _exports(storage))
    for statement in resolved["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [f"{action}*" if action in BATCHED else action for action in actions]
    return resolved


def _exports(storage: Storage) -> dict[str, str]:
    """Return the outputs of the storage stack that policies import."""
    return {
        "RawBucketArn": storage.raw_bucket_arn,
        "FinalBucketArn": storage.final_bucket_arn,
        "RawQueueArn": storage.raw_queue_arn,
        "TaskQueueArn": storage.task_queue_arn,
        "DeadLetterQueueArn": storage.dead_letter_queue_arn,
    }


def _resolved(value: Any, exports: Mapping[str, str]) -> Any:
    match value:
        case {"Fn::ImportValue": {"Fn::Sub": str(name)}}:
            return exports[name.removeprefix("${StorageStack}-")]
        case {"Fn::Sub": [str(text), dict(names)]}:
            known = {name: str(_resolved(named, exports)) for name, named in names.items()}
            return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], text)
        case dict():
            return {key: _resolved(member, exports) for key, member in value.items()}
        case list():
            return [_resolved(member, exports) for member in value]
    return value
