"""What the service template promises, read from the template: no emulator applies all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vidctl.local import rights
from vidctl.local.stack import Storage
from vidctl.settings import GROUPS

DEPLOY = Path(__file__).parents[2] / "deploy"
STORAGE = Storage(
    raw_bucket="raw",
    final_bucket="final",
    raw_queue_url="",
    dead_letter_queue_url="",
    task_queue_url="",
    raw_bucket_arn="arn:aws:s3:::raw",
    final_bucket_arn="arn:aws:s3:::final",
    raw_queue_arn="arn:aws:sqs:::raw",
    dead_letter_queue_arn="arn:aws:sqs:::dead",
    task_queue_arn="arn:aws:sqs:::task",
)
TASKS = ("ServiceTask", "WorkerTask")
ROLES = ("ExecutionRole", "ServiceRole", "WorkerRole")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return rights.parse((DEPLOY / "service.yaml").read_text())


def container(template: dict[str, Any], task: str) -> dict[str, Any]:
    (only,) = template["Resources"][task]["Properties"]["ContainerDefinitions"]
    found: dict[str, Any] = only
    return found


def names(entries: list[dict[str, Any]]) -> set[str]:
    """Return the names of variables, those under a condition too."""
    return {entry["Fn::If"][1]["Name"] if "Fn::If" in entry else entry["Name"] for entry in entries}


def statements(template: dict[str, Any], role: str) -> Iterator[dict[str, Any]]:
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        made = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from made["PolicyDocument"]["Statement"]


@pytest.mark.parametrize("task", TASKS)
def test_a_container_can_change_nothing_and_gain_nothing(template: dict[str, Any], task: str) -> None:
    definition = container(template, task)
    assert definition["ReadonlyRootFilesystem"] is True
    assert definition["User"] == "10001"
    assert definition["LinuxParameters"] == {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}}
    assert "Privileged" not in definition


@pytest.mark.parametrize("task", TASKS)
def test_every_variable_of_a_task_is_a_setting(template: dict[str, Any], task: str) -> None:
    settings = {
        f"{group.model_config.get('env_prefix', '')}{name}".upper() for group in GROUPS for name in group.model_fields
    }
    definition = container(template, task)
    assert names(definition["Environment"]) | names(definition.get("Secrets", [])) <= settings


def test_every_setting_that_must_be_set_is_set(template: dict[str, Any]) -> None:
    given = names(container(template, "ServiceTask")["Environment"])
    for group in GROUPS:
        prefix = str(group.model_config.get("env_prefix", ""))
        if group.__name__ in ("JobSettings", "DevSettings"):
            continue  # of the worker's task, by the reconciler; and of no deployment
        needed = {f"{prefix}{name}".upper() for name, field in group.model_fields.items() if field.is_required()}
        assert needed <= given, group.__name__


def test_a_secret_is_never_a_plain_variable(template: dict[str, Any]) -> None:
    for task in TASKS:
        assert not {
            name for name in names(container(template, task)["Environment"]) if "SECRET" in name or "KEY" in name
        }


def test_a_task_has_time_to_end(template: dict[str, Any]) -> None:
    assert container(template, "ServiceTask")["StopTimeout"] >= 25 + 5
    assert container(template, "WorkerTask")["StopTimeout"] == 120


def test_the_revision_that_an_intent_names_outlives_an_update(template: dict[str, Any]) -> None:
    assert template["Resources"]["WorkerTask"]["UpdateReplacePolicy"] == "Retain"


def test_an_import_names_an_export_of_the_storage_template(template: dict[str, Any]) -> None:
    storage = rights.parse((DEPLOY / "storage.yaml").read_text())
    exported = {
        output["Export"]["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for output in storage["Outputs"].values()
    }
    imported = set(json.dumps(template).split('{"Fn::ImportValue": {"Fn::Sub": "${StorageStack}-'))
    assert {text.partition('"')[0] for text in imported if not text.startswith("{")} <= exported


# --- rights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_a_right_is_for_something_and_says_so(template: dict[str, Any], role: str) -> None:
    found = list(statements(template, role))
    assert all(statement["Sid"] for statement in found)
    for statement in found:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement["Resource"] == "*":
            # The two calls that AWS knows no narrower resource for.
            assert actions in (["ecr:GetAuthorizationToken"], ["ecs:ListTasks"])


def test_the_worker_deletes_nothing_publishes_nothing_and_sees_no_queue() -> None:
    document = rights.role_policy((DEPLOY / "service.yaml").read_text(), "WorkerRole", STORAGE)
    allowed = {action for item in document["Statement"] if item["Effect"] == "Allow" for action in item["Action"]}
    assert allowed == {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload"}
    (denied,) = (item for item in document["Statement"] if item["Effect"] == "Deny")
    assert (denied["Action"], denied["Resource"]) == (["s3:PutObject"], "arn:aws:s3:::final/videos/*/manifest.json")


def test_the_service_writes_no_outputs() -> None:
    document = rights.role_policy((DEPLOY / "service.yaml").read_text(), "ServiceRole", STORAGE)
    (writes,) = (item for item in document["Statement"] if item["Sid"] == "WriteRecordsAndManifests")
    assert "arn:aws:s3:::final/videos/*/manifest.json" in writes["Resource"]
    assert not [name for name in writes["Resource"] if name.endswith(("final/*", "final/videos/*"))]


def test_the_service_hands_over_only_the_two_roles_of_the_worker_and_only_to_tasks(template: dict[str, Any]) -> None:
    (passing,) = (item for item in statements(template, "ServiceRole") if item["Action"] == "iam:PassRole")
    assert passing["Resource"] == [{"Fn::GetAtt": "WorkerRole.Arn"}, {"Fn::GetAtt": "ExecutionRole.Arn"}]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
