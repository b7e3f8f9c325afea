"""What the storage template promises, read from the template: an emulator drops some of it (lifecycle)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vidctl.local import rights
from vidctl.settings import ReconcilerSettings

TEMPLATE = Path(__file__).parents[2] / "deploy" / "storage.yaml"
BUCKETS = ("RawBucket", "FinalBucket")
QUEUES = ("RawEvents", "DeadLetters", "TaskEvents")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return rights.parse(TEMPLATE.read_text())


def resource(template: dict[str, Any], name: str) -> dict[str, Any]:
    properties: dict[str, Any] = template["Resources"][name]["Properties"]
    return properties


def rules(template: dict[str, Any], bucket: str) -> dict[str, dict[str, Any]]:
    listed = resource(template, bucket)["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in listed)
    return {rule["Id"]: {k: v for k, v in rule.items() if k not in ("Id", "Status")} for rule in listed}


def default(template: dict[str, Any], parameter: str) -> Any:
    return template["Parameters"][parameter]["Default"]


def statements(template: dict[str, Any], policy: str) -> list[dict[str, Any]]:
    """Return the statements of a policy as they are when TLS is required."""
    assert template["Resources"][policy].get("Condition", "TlsIsRequired") == "TlsIsRequired"
    found = resource(template, policy)["PolicyDocument"]["Statement"]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


# --- lifecycle ----------------------------------------------------------------------------------------------------


def test_an_upload_that_nobody_published_expires_when_the_reconciler_thinks_it_does(template: dict[str, Any]) -> None:
    assert rules(template, "RawBucket")["expire-uploads"] == {
        "Prefix": "videos/",
        "ExpirationInDays": {"Ref": "RawExpiryDays"},
    }
    assert default(template, "RawExpiryDays") == 2
    assert ReconcilerSettings.model_fields["raw_expiry"].default.days == 2


def test_what_was_kept_outlives_its_dead_letter(template: dict[str, Any]) -> None:
    assert rules(template, "RawBucket")["expire-kept"] == {
        "Prefix": "kept/",
        "ExpirationInDays": {"Ref": "KeptExpiryDays"},
    }
    dead_letter_days = resource(template, "DeadLetters")["MessageRetentionPeriod"] / 86_400
    assert dead_letter_days == 14
    assert template["Parameters"]["KeptExpiryDays"]["MinValue"] > dead_letter_days
    assert default(template, "KeptExpiryDays") > dead_letter_days


def test_deleted_versions_and_their_markers_go_and_unfinished_uploads_too(template: dict[str, Any]) -> None:
    raw = rules(template, "RawBucket")
    assert raw["expire-noncurrent"] == {
        "NoncurrentVersionExpiration": {"NoncurrentDays": {"Ref": "NoncurrentExpiryDays"}}
    }
    assert default(template, "NoncurrentExpiryDays") == 3
    assert raw["expire-delete-markers"] == {"ExpiredObjectDeleteMarker": True}
    for bucket in BUCKETS:
        abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
        assert rules(template, bucket)["abort-incomplete-uploads"] == abort


def test_of_the_final_bucket_nothing_but_records_claims_and_dispatches_expires(template: dict[str, Any]) -> None:
    final = rules(template, "FinalBucket")
    assert final["expire-records"] == {"Prefix": "jobs/", "ExpirationInDays": {"Ref": "RecordExpiryDays"}}
    assert final["expire-claims"] == {"Prefix": "claims/", "ExpirationInDays": 1}
    assert default(template, "RecordExpiryDays") == 60
    for prefix in ("outbox", "undelivered"):
        assert final[f"expire-{prefix}"] == {"Prefix": f"{prefix}/", "ExpirationInDays": {"Ref": "RecordExpiryDays"}}
    expiring = {f"expire-{what}" for what in ("records", "claims", "outbox", "undelivered")}
    assert set(final) == {*expiring, "abort-incomplete-uploads"}


# --- protection ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_private_encrypted_and_owned_by_one(template: dict[str, Any], bucket: str) -> None:
    properties = resource(template, bucket)
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]


def test_uploads_are_versioned_and_records_are_not(template: dict[str, Any]) -> None:
    assert resource(template, "RawBucket")["VersioningConfiguration"] == {"Status": "Enabled"}
    # Under a delete marker "write only if absent" would let a record be written twice.
    assert "VersioningConfiguration" not in resource(template, "FinalBucket")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted(template: dict[str, Any], queue: str) -> None:
    assert resource(template, queue)["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(
    ("policy", "actions"),
    [
        ("RawBucketPolicy", "s3:*"),
        ("FinalBucketPolicy", "s3:*"),
        ("RawEventsPolicy", "sqs:*"),
        ("TaskEventsPolicy", "sqs:*"),
        ("DeadLettersPolicy", "sqs:*"),
    ],
)
def test_without_tls_everything_is_refused_to_everybody(template: dict[str, Any], policy: str, actions: str) -> None:
    assert default(template, "RequireTls") == "true"
    assert template["Conditions"]["TlsIsRequired"] == {"Fn::Equals": [{"Ref": "RequireTls"}, "true"]}
    refusal = next(s for s in statements(template, policy) if s["Effect"] == "Deny")
    assert (refusal["Principal"], refusal["Action"]) == ("*", actions)
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    target = policy.removesuffix("Policy")
    resources = refusal["Resource"] if isinstance(refusal["Resource"], list) else [refusal["Resource"]]
    assert resources[0] == {"Fn::GetAtt": f"{target}.Arn"}
    assert resources[1:] == ([{"Fn::Sub": f"${{{target}.Arn}}/*"}] if actions == "s3:*" else [])


def test_only_the_raw_bucket_of_this_account_may_send_upload_events(template: dict[str, Any]) -> None:
    allowed = [s for s in statements(template, "RawEventsPolicy") if s["Effect"] == "Allow"]
    assert len(allowed) == 1
    assert allowed[0]["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allowed[0]["Action"] == "sqs:SendMessage"
    condition = allowed[0]["Condition"]
    assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    text, names = condition["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert text == "arn:${AWS::Partition}:s3:::${Name}"
    # The policy names the bucket by its name, since the bucket waits for the policy: both must say the same.
    assert names["Name"] == resource(template, "RawBucket")["BucketName"]
    assert template["Resources"]["RawBucket"]["DependsOn"] == "RawEventsPolicy"


def test_only_the_rule_may_send_task_events(template: dict[str, Any]) -> None:
    allowed = [s for s in statements(template, "TaskEventsPolicy") if s["Effect"] == "Allow"]
    assert len(allowed) == 1
    assert allowed[0]["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed[0]["Action"] == "sqs:SendMessage"
    assert allowed[0]["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": "TaskEventsRule.Arn"}}}


@pytest.mark.parametrize("kept", [*BUCKETS, "DeadLetters"])
def test_removing_the_stack_leaves_what_cannot_be_made_again(template: dict[str, Any], kept: str) -> None:
    assert template["Resources"][kept]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Resources"][kept]["UpdateReplacePolicy"] == "Retain"


# --- events and queues --------------------------------------------------------------------------------------------


def test_every_finished_upload_and_nothing_else_is_announced(template: dict[str, Any]) -> None:
    configured = resource(template, "RawBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert configured == [
        {
            "Event": "s3:ObjectCreated:*",
            "Queue": {"Fn::GetAtt": "RawEvents.Arn"},
            "Filter": {
                "S3Key": {"Rules": [{"Name": "prefix", "Value": "videos/"}, {"Name": "suffix", "Value": ".mp4"}]}
            },
        }
    ]


def test_the_raw_queue_holds_for_a_minute_and_gives_up_only_as_a_backstop(template: dict[str, Any]) -> None:
    queue = resource(template, "RawEvents")
    assert queue["VisibilityTimeout"] == ReconcilerSettings.model_fields["visibility"].default.total_seconds()
    assert queue["ReceiveMessageWaitTimeSeconds"] == 20
    assert queue["MessageRetentionPeriod"] == 7 * 86_400
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": "DeadLetters.Arn"},
        "maxReceiveCount": 100,
    }


def test_only_the_raw_queue_may_use_the_dead_letter_queue(template: dict[str, Any]) -> None:
    allowed = resource(template, "DeadLetters")["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    prefix = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
    raw_name = resource(template, "RawEvents")["QueueName"]["Fn::Sub"]
    assert allowed["sourceQueueArns"] == [{"Fn::Sub": prefix + raw_name}]


def test_the_rule_lets_through_the_workers_tasks_of_the_cluster_and_no_others(template: dict[str, Any]) -> None:
    rule = resource(template, "TaskEventsRule")
    assert rule["State"] == "ENABLED"
    cluster = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/${Cluster}"
    assert rule["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [{"Fn::Sub": cluster}], "group": [{"Fn::Sub": "family:${WorkerFamily}"}]},
    }
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": "TaskEvents.Arn"}]


# --- browsers -----------------------------------------------------------------------------------------------------


def test_a_page_of_an_allowed_origin_can_upload(template: dict[str, Any]) -> None:
    (rule,) = resource(template, "RawBucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == {"Ref": "AllowedOrigins"}
    assert set(rule["AllowedMethods"]) == {"PUT", "POST", "GET", "DELETE", "HEAD"}
    assert set(rule["AllowedHeaders"]) == {"content-type", "if-none-match", "x-amz-*"}
    assert set(rule["ExposedHeaders"]) == {"ETag", "Location"}


def test_any_page_that_has_a_link_can_play_and_only_read(template: dict[str, Any]) -> None:
    (rule,) = resource(template, "FinalBucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["*"]
    assert set(rule["AllowedMethods"]) == {"GET", "HEAD"}


def test_the_outputs_are_what_the_service_has_to_be_told(template: dict[str, Any]) -> None:
    told = {output.get("Description") for output in template["Outputs"].values()}
    assert told >= {
        "VIDCTL_RAW_BUCKET",
        "VIDCTL_FINAL_BUCKET",
        "VIDCTL_RAW_QUEUE_URL",
        "VIDCTL_DEAD_LETTER_QUEUE_URL",
        "VIDCTL_TASK_QUEUE_URL",
    }
