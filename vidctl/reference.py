"""The reference documents that are made from the code: every setting, profile field, metric and rule of ``plan``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from vidctl import settings
from vidctl.metrics import Metrics
from vidctl.reconciler.actions import Action, Plan, RecordOutcome
from vidctl.reconciler.examples import NOW, POLICY, examples
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.plan import plan
from vidctl.reconciler.rules import Rule, Section
from vidctl.worker import profiles
from vidctl.worker.recipes.profile import Profile

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


def profile_table() -> str:
    """Return every field of a profile as Markdown, for ``docs/profiles.md``."""
    lines = [
        "# Profiles",
        "",
        "A profile says which outputs are made of a video, and how well. `VIDCTL_WORKER_PROFILE` names one that",
        f"comes with vidctl ({', '.join(f'`{name}`' for name in profiles.names())}), a path, or YAML itself.",
        "What it leaves out has the default below; the defaults together are `streaming`. `null` or `false` leaves an",
        "output out. `vidctl profile NAME` checks a profile and prints it whole.",
    ]
    for place, model in _models("", Profile):
        lines += ["", f"## {place or 'profile'}: {(model.__doc__ or '').strip().splitlines()[0]}", ""]
        lines += ["| field | default | meaning |", "|---|---|---|"]
        for name, field in model.model_fields.items():
            lines.append(
                f"| `{name}` | {_of_profile(field.default, field.is_required())} | {field.description or ''} |"
            )
    return "\n".join(lines) + "\n"


def _models(place: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a model and those that stand in it, each with its path."""
    yield place, model
    for name, field in model.model_fields.items():
        for inner in get_args(field.annotation) or (field.annotation,):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _models(f"{place}.{name}".removeprefix("."), inner)


def _of_profile(value: Any, required: bool) -> str:  # noqa: FBT001 - as in _shown
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple):
        return "<br>".join(f"`{rung.short_side}: {rung.max_bitrate}`" for rung in value)
    return _shown(value, required)


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
