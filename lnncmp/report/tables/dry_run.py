"""A plan as a table of words, or as JSON."""

from typing import TYPE_CHECKING

from lnncmp.errors import UsageError
from lnncmp.report.tables.numbers import seconds, size

if TYPE_CHECKING:
    from lnncmp.runs.dry_run import DryRun


def render_dry_run(plan: "DryRun", format: str) -> str:
    """Return the plan as text ("table") or as one JSON document ("json"). Raises UsageError for another format."""
    if format == "json":
        return plan.model_dump_json(indent=2)
    if format != "table":
        raise UsageError(f"a dry run is printed as table or json, got '{format}'")
    windows = ", ".join(f"{count:,} {split}" for split, count in plan.windows.items())
    lines = [
        f"{plan.case} ({plan.source}), preset {plan.preset}, data {plan.data_hash}",
        f"Windows: {windows}",
        *(f"{name.replace('_', ' ').capitalize()}: {count:,}" for name, count in (plan.model_extra or {}).items()),
        *_attrition(plan),
        f"Runs: {plan.runs}, of which {plan.runs_missing} are still to do",
        f"Estimate: {seconds(plan.estimate.seconds)}, {size(plan.estimate.memory_bytes)} of memory",
        "Models:",
    ]
    for label, arguments in plan.models.items():
        lines.append(f"  {label}: " + ", ".join(f"{key}={value}" for key, value in arguments.items()))
    if plan.assumptions:
        lines.append("Assumed, because the study leaves it open:")
        lines += [f"  {key}: {reason}" for key, reason in plan.assumptions.items()]
    return "\n".join(lines)


def _attrition(plan: "DryRun") -> list[str]:
    """Return a line for each step from raw tables to windows, with what is left after it."""
    if not plan.attrition:
        return []
    kinds = ("rows", "recordings", "groups")
    lines = ["From tables to windows, left after each step:"]
    for step in plan.attrition:
        left = ", ".join(f"{step[kind]:,} {kind}" for kind in kinds if step[kind] is not None)
        lines.append(f"  {step['step']}: {left} ({step['reason']})")
    return lines
