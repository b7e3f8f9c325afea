"""The lifecycle rules of the buckets, as ``deploy/storage.yaml`` has them: what expires, and after how many days."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.world.loop import clock
from tests.world.seam import Role, acting

if TYPE_CHECKING:
    from tests.world.objects import MemoryObjects
    from tests.world.world import Simulation

TEMPLATE = Path(__file__).parents[2] / "deploy" / "storage.yaml"
EVERY = timedelta(hours=6)
"""Time between two rounds (AWS: once a day, at some hour)."""


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags as what they are applied to."""


def _tagged(loader: _Template, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Template.add_multi_constructor("!", _tagged)


@cache
def expiries(bucket: str) -> dict[str, timedelta]:
    """Return the expiry of each prefix of a bucket of the template (``RawBucket``, ``FinalBucket``)."""
    template = yaml.load(TEMPLATE.read_text(), Loader=_Template)  # noqa: S506 - a SafeLoader
    rules = template["Resources"][bucket]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    return {
        rule["Prefix"]: timedelta(days=int(days.get(rule["ExpirationInDays"], rule["ExpirationInDays"])))
        for rule in rules
        if "ExpirationInDays" in rule
    }


async def expire(world: Simulation) -> None:
    """Remove what has expired, round after round."""
    while True:
        await asyncio.sleep(EVERY.total_seconds())
        with acting(Role.AWS, "the lifecycle"):
            _round(world.raw, expiries("RawBucket"))
            _round(world.final, expiries("FinalBucket"))


def _round(objects: MemoryObjects, rules: dict[str, timedelta]) -> None:
    for prefix, expiry in rules.items():
        for key in objects.keys(prefix):
            stat = objects.stat(key)
            if stat is not None and stat.last_modified + expiry <= clock():
                objects.remove(key)
