"""The reference documents that are made from the code: every setting, every metric, every rule of ``plan``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from prometheus_client import CollectorRegistry

from vidctl import settings
from vidctl.metrics import Metrics
from vidctl.reconciler.actions import Action, Plan, RecordOutcome
from vidctl.reconciler.examples import NOW, POLICY, examples
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.plan import plan
from vidctl.reconciler.rules import Rule, Section

SECOND, SIXTY = timedelta(seconds=1), 60


def settings_table() -> str:
    """Return every setting as Markdown, for ``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "All settings are environment variables. Lists are separated by commas; durations are in seconds.",
    ]
    for group in settings.GROUPS:
        prefix = str(group.model_config.get("env_prefix", ""))
        lines += ["", f"## {(group.__doc__ or '').strip()}", "", "| variable | default | meaning |", "|---|---|---|"]
        for name, field in group.model_fields.items():
            lines.append(
                f"| `{prefix}{name.upper()}` | {_shown(field.default, field.is_required())} | {field.description} |"
            )
    return "\n".join(lines) + "\n"


def _shown(value: Any, required: bool) -> str:  # noqa: FBT001 - pydantic's two halves of a default
    if required:
        return "required"
    if isinstance(value, timedelta):
        return f"`{value.total_seconds():g}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def metrics_table() -> str:
    """Return every metric as Markdown, for ``docs/metrics.md``."""
    lines = ["# Metrics", "", "Served at `/metrics`; no label carries a video or a user.", ""]
    lines += ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    registry = Metrics(CollectorRegistry()).registry
    for collector, names in sorted(registry._collector_to_names.items(), key=lambda entry: entry[1][0]):  # noqa: SLF001
        labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
        kind = type(collector).__name__.lower()
        suffix = "_total" if kind == "counter" else ""
        text = getattr(collector, "_documentation", "")
        lines.append(f"| `{names[0].removesuffix(suffix)}{suffix}` | {kind} | {labels} | {text} |")
    return "\n".join(lines) + "\n"


def plan_table() -> str:
    """Return every rule of ``plan`` as Markdown, for ``docs/plan.md``: what it does is asked of ``plan`` itself."""
    lines = [
        "# What the reconciler decides",
        "",
        "A pass looks at one video and decides by the first rule that applies, from the top. What is done and when the",
        "next look follows is what `plan` returns, with the default settings, for the simplest video of each rule",
        "(`vidctl/reconciler/examples.py`). `vidctl_plans_total{rule}` counts the decisions.",
    ]
    seen = examples()
    for number, section in enumerate(Section, start=1):
        lines += ["", f"## {number}. {section.value}", ""]
        lines += ["| rule | seen | done | next look | reason |", "|---|---|---|---|---|"]
        lines += [_rule(rule, seen[rule]) for rule in Rule if rule.section is section]
    lines += ["", "## Actions", "", "| action | meaning |", "|---|---|"]
    lines += [f"| `{kind.__name__}` | {_first_line(kind)} |" for kind in get_args(Action)]
    return "\n".join(lines) + "\n"


def _first_line(kind: type[Action]) -> str:
    return (kind.__doc__ or "").splitlines()[0].replace("``", "`")


def _rule(rule: Rule, seen: Observation) -> str:
    decided, after = plan(seen, POLICY, NOW), plan(seen, POLICY, NOW + SECOND)
    done = ", ".join(map(_action, decided.actions))
    return f"| `{rule.value}` | {rule.seen} | {done} | {_next_look(decided, after)} | {rule.reason} |"


def _action(action: Action) -> str:
    name = f"`{type(action).__name__}`"
    return f"{name}: {action.outcome.code}" if isinstance(action, RecordOutcome) else name


def _next_look(decided: Plan, after: Plan) -> str:
    """Say when the next pass comes; ``after`` is what is decided a second later: a wait until some time is shorter."""
    if decided.requeue_after is None:
        return "when something happens"
    if not decided.requeue_after:
        return "at once"
    until = after.rule is decided.rule and after.requeue_after == decided.requeue_after - SECOND
    return f"in {'up to ' if until else ''}{_spoken(decided.requeue_after)}"


def _spoken(time: timedelta) -> str:
    seconds = time.total_seconds()
    return f"{seconds:.0f} s" if seconds < SIXTY else f"{seconds / SIXTY:g} min"
