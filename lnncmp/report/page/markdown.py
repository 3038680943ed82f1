"""The report as Markdown: the same as the page in the same order, with links to the figures next to it."""

from collections.abc import Sequence

from lnncmp.claims.schema import Verdict
from lnncmp.report.answers.study import verdict_counts
from lnncmp.report.page.claim_words import direction_words, would_change
from lnncmp.report.page.claims import by_case
from lnncmp.report.page.content import Report, ReportClaim, ReportMultiverse, ReportStudy
from lnncmp.report.page.words import (
    EFFECTS,
    QUESTION,
    conditions,
    counted,
    other_conditions,
    outcome_sentence,
    unconverged,
)
from lnncmp.report.tables.claims import changed, effect_cell
from lnncmp.report.tables.comparison import document_of_comparison
from lnncmp.report.tables.markdown import code, escaped
from lnncmp.report.tables.multiverse import document_of_multiverse
from lnncmp.report.tables.numbers import UNKNOWN, p_value
from lnncmp.report.tables.render import render as rendered


def render(report: Report) -> str:
    """Return the answer, the claims, then each comparison, then how it was measured and by which commands."""
    blocks = [f"# {QUESTION}", *_answers(report.answers), *_tally(report)]
    blocks += [_bullets([f"{name}: {value}" for name, value in report.facts]), *_warnings(report.warnings)]
    blocks += _claims(report)
    for study in report.studies:
        blocks += _study(study)
    for one in report.multiverses:
        blocks += _multiverse(one)
    blocks += ["## How this was measured", *_machines(report)]
    blocks += [_assumptions(study) for study in report.studies if study.assumptions]
    if report.protocol:
        blocks += ["### Protocol differences", _bullets(report.protocol)]
    blocks += ["## Commands behind the numbers", _commands(report)]
    return "\n\n".join(blocks) + "\n"


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [f"> {escaped(warning)}" for warning in warnings]


def _answers(sentences: Sequence[str]) -> list[str]:
    return [_bullets(sentences)] if sentences else []


def _tally(report: Report) -> list[str]:
    counts = [f"{count} {word}" for word, count in verdict_counts(report.verdicts)]
    return [f"Claims: {', '.join(counts)}."] if counts else []


def _claims(report: Report) -> list[str]:
    """Return the claims case by case, those that could not be tested as a list."""
    blocks = ["## Claims"]
    if not report.claims:
        blocks.append("No published claim is about these data.")
    if report.left_out:
        blocks.append(escaped(report.left_out))
    for one in by_case(report.claims):
        blocks.append(f"### Claims about {escaped(one.case)}")
        if one.judged:
            rows = [claim.row for claim in one.judged]
            head = ("claim", "verdict", "effect [95%]", "p (Holm)", "seeds", "conditions")
            blocks += [_table(head, [_claim(row) for row in rows]), "\n".join(map(_reason, rows))]
        if one.untestable:
            blocks += [f"Not testable here: {len(one.untestable)}", "\n".join(map(_untested, one.untestable))]
    notes = [_bullets(report.claim_notes)] if report.claim_notes else []
    return [*blocks, EFFECTS, *notes] if report.claims else blocks


def _reason(row: Verdict) -> str:
    """Return why a claim has its verdict, and what would change it."""
    change = f" What would change it: {' '.join(would_change(row))}" if would_change(row) else ""
    return f"- **{escaped(row.id)}** ({escaped(row.where)}): {escaped(row.reason)}{escaped(change)}"


def _untested(claim: ReportClaim) -> str:
    """Return a claim that could not be tested, and why."""
    row = claim.row
    return f"- **{escaped(row.id)}** ({escaped(row.where)}): {escaped(row.claim)} {escaped(row.reason)}"


def _claim(row: Verdict) -> list[str]:
    others = [f"{other_conditions(row, other)}: {other.words}" for other in changed(row)]
    return [
        f"{row.claim} ({row.id}; {direction_words(row)})",
        "; ".join([row.words, *others]),
        effect_cell(row).replace("\n", " "),
        p_value(row.p_holm),
        "; ".join(filter(None, [str(row.n_seeds or UNKNOWN), unconverged(row)])),
        ", ".join(conditions(row)) or UNKNOWN,
    ]


def _study(study: ReportStudy) -> list[str]:
    blocks = [f"## {escaped(study.heading)}", *_answers(study.answers), f"{outcome_sentence(study.runs)}."]
    blocks += [code(command) for command in study.commands]
    blocks += [f"> Incomplete. {escaped(sentence)}" for sentence in study.missing]
    lost = [run for run in study.runs if run.status != "ok"]
    if lost:
        rows = [[run.model, str(run.seed), run.status, run.reason or UNKNOWN] for run in lost]
        blocks += ["Runs that did not end well:", _table(("model", "seed", "how it ended", "reason"), rows)]
    blocks.append(rendered(document_of_comparison(study.comparison), "md").strip())
    for figure in study.figures:
        if figure.shown is not None:
            blocks.append(f"*{escaped(figure.title)}: the same as under {escaped(figure.shown.heading)}.*")
            continue
        blocks.append(f"![{escaped(figure.title)}]({figure.files[0]})")
        blocks.append(f"*{escaped(figure.title)}. {escaped(figure.explanation)}.* {escaped(figure.alt)}")
    return blocks


def _multiverse(one: ReportMultiverse) -> list[str]:
    blocks = [f"## {escaped(one.heading)}", rendered(document_of_multiverse(one.found), "md").strip()]
    for figure in one.figures:
        blocks.append(f"![{escaped(figure.title)}]({figure.files[0]})")
        blocks.append(f"*{escaped(figure.title)}. {escaped(figure.explanation)}.* {escaped(figure.alt)}")
    return blocks


def _machines(report: Report) -> list[str]:
    made = []
    for machine in report.machines:
        facts = _bullets([f"{name}: {value}" for name, value in machine.facts])
        made.append(f"{counted(machine.runs, 'run')} on:\n\n{facts}")
    return ["### Machine and versions", *made]


def _assumptions(study: ReportStudy) -> str:
    rows = [[item.key, item.value, item.why] for item in study.assumptions]
    return f"### Assumptions, {escaped(study.heading)}\n\n{_table(('setting', 'value here', 'why'), rows)}"


def _commands(report: Report) -> str:
    lines = [
        f"- {escaped(s.heading)}: {code(f'{command} --out DIR')}" for s in report.studies for command in s.commands
    ]
    lines.append("- Verdicts: `lnncmp claims --out DIR`; one with its numbers: `lnncmp claims show ID --out DIR`")
    return "\n".join([*lines, "- This report: `lnncmp report --out DIR`"])


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {escaped(item)}" for item in items)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
