"""The names of plan's rules: complete, in order, each with an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vidctl.reconciler import plan as module
from vidctl.reconciler.examples import NOW, POLICY, examples
from vidctl.reconciler.plan import plan
from vidctl.reconciler.rules import Rule, Section


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_decides_about_its_example(rule: Rule) -> None:
    assert plan(examples()[rule], POLICY, NOW).rule is rule


@pytest.mark.parametrize("section", Section)
def test_the_rules_of_a_section_are_listed_in_the_order_in_which_plan_tries_them(section: Section) -> None:
    tried = dict.fromkeys(re.findall(r"Rule\.([A-Z_]+)", Path(module.__file__).read_text()))
    names = [rule.name for rule in Rule if rule.section is section]
    assert [name for name in tried if name in names] == names
