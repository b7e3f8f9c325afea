"""Creates the storage half from the CloudFormation template that production uses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from vidctl.clients import Client
from vidctl.errors import VidctlError

CREATION = timedelta(seconds=60)


class StackFailed(VidctlError):
    """CloudFormation did not create the stack; the message says what failed."""

    code = "stack_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What the template made."""

    raw_bucket: str
    final_bucket: str
    raw_queue_url: str
    dead_letter_queue_url: str
    task_queue_url: str
    raw_bucket_arn: str
    final_bucket_arn: str
    raw_queue_arn: str
    dead_letter_queue_arn: str
    task_queue_arn: str


async def create(cloudformation: Client, *, name: str, template: str, parameters: dict[str, str]) -> Storage:
    """Create the stack ``name`` from the text of a template, and wait until it is complete.

    Raises:
        StackFailed: it could not be created.
        WorldError: CloudFormation does not answer.

    """
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    await cloudformation.call("create_stack", StackName=name, TemplateBody=template, Parameters=given)
    try:
        async with asyncio.timeout(CREATION.total_seconds()):
            return _storage(await _completed(cloudformation, name))
    except TimeoutError as error:
        raise StackFailed(f"stack {name} is not complete after {CREATION}") from error


async def _completed(cloudformation: Client, name: str) -> dict[str, str]:
    while True:
        stack = (await cloudformation.call("describe_stacks", StackName=name))["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            events = (await cloudformation.call("describe_stack_events", StackName=name))["StackEvents"]
            raise StackFailed(f"stack {name}: {stack['StackStatus']}: {'; '.join(_failures(events))}")
        await asyncio.sleep(0.1)


def _failures(events: list[dict[str, Any]]) -> list[str]:
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]


def _storage(outputs: dict[str, str]) -> Storage:
    return Storage(
        raw_bucket=outputs["RawBucket"],
        final_bucket=outputs["FinalBucket"],
        raw_queue_url=outputs["RawQueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        task_queue_url=outputs["TaskQueueUrl"],
        raw_bucket_arn=outputs["RawBucketArn"],
        final_bucket_arn=outputs["FinalBucketArn"],
        raw_queue_arn=outputs["RawQueueArn"],
        dead_letter_queue_arn=outputs["DeadLetterQueueArn"],
        task_queue_arn=outputs["TaskQueueArn"],
    )
