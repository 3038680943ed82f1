"""The report of a folder of records: collect what it shows, draw its pictures, write page, Markdown and files.

Trains nothing and computes nothing of its own: verdicts are those of `lnncmp claims`, tables those of each case.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from lnncmp import __version__
from lnncmp.cases.base import case_names, load_case
from lnncmp.claims.judge import judge_records
from lnncmp.claims.readings import FOLDER, read_multiverses
from lnncmp.claims.schema import ClaimsTable
from lnncmp.comparison.studies import Study, load_records, studies_of, why_lacking
from lnncmp.errors import LnncmpError
from lnncmp.records.read import Records
from lnncmp.report.build.claims import effect_files
from lnncmp.report.build.collect import machines, protocol_differences, study_content
from lnncmp.report.build.drawing import CURVE_BYTES, Progress, draw_all, draw_curves, inline_bytes
from lnncmp.report.build.files import place_of, require_free, write_all
from lnncmp.report.build.first import claims_here, facts, first_answers
from lnncmp.report.page import html as page
from lnncmp.report.page.content import Report, ReportClaim, ReportMultiverse
from lnncmp.report.page.effects import effect_svg
from lnncmp.report.page.markdown import render as render_markdown
from lnncmp.report.page.size import text_bytes
from lnncmp.report.tables.claims import document_of_claims
from lnncmp.report.tables.comparison import document_of_comparison
from lnncmp.report.tables.document import Document
from lnncmp.report.tables.multiverse import document_of_multiverse, sentence_of
from lnncmp.report.tables.render import render

Warn = Callable[[str], None]
Judge = Callable[[Records], ClaimsTable]


def write_report(
    out: Path,
    to: Path | None = None,
    cases: Sequence[str] = (),
    force: bool = False,
    warn: Warn = lambda message: None,
    progress: Progress = lambda description, done, total: None,
    jobs: int = 1,
    judge: Judge = judge_records,
) -> Path:
    """Write the report of the records in the folder `out` and return its page.

    to: a folder, or the page's name ending with .html; OUT/report if None. cases: only these; all if empty.
    force: replace a report that is there. warn, progress: called for unusable records and for pictures drawn.
    jobs: processes that draw at once. judge: gives the verdicts.
    Raises UsageError for an unknown case; DataError if there are no records, or something is in the way.
    """
    place = place_of(to if to is not None else out / "report")
    for case in cases:
        load_case(case)
    require_free(place, force)
    warnings: list[str] = []

    def heard(message: str) -> None:
        warnings.append(message)
        warn(message)

    records = load_records(out, cases, heard)
    studies = studies_of(records, cases)
    claims, left_out = claims_here(_claims(records, cases, judge), studies)
    files: dict[str, bytes] = {}
    stem = f"{place.beside}tables/"
    multiverses = _multiverses(out, cases, place.beside, files, jobs, heard)
    rooms = _rooms(studies, sum(inline_bytes(one.figures) for one in multiverses))
    drawn = draw_all(studies, place.beside, files, jobs, progress, rooms)
    tables = [_tables(document_of_comparison(study.table), stem + study.folder, files) for study in studies]
    made_on = machines(studies)
    report = Report(
        answers=first_answers(claims, studies),
        facts=facts(out, studies, made_on, __version__),
        claims=[ReportClaim(row, effect_svg(row)) for row in claims.rows],
        claim_notes=claims.notes,
        left_out=left_out,
        studies=[
            study_content(study, figures, tables) for study, figures, tables in zip(studies, drawn, tables, strict=True)
        ],
        machines=made_on,
        protocol=protocol_differences(studies, claims),
        warnings=warnings,
        claim_tables=_claim_files(claims, place.beside, files),
        lnncmp=__version__,
        multiverses=multiverses,
        apart=f"{place.beside}comparisons/" if len(rooms) > 1 else "",
    )
    files[place.markdown.name] = render_markdown(report).encode()
    files |= _pages(report, place.page.name)
    write_all(place, files)
    return place.page


def _rooms(studies: Sequence[Study], taken: int) -> list[int]:
    """Return the bytes that pictures may take of each page with comparisons; `taken` are of the main one."""
    texts = [text_bytes(study.table, sum(map(len, study.runs.values()))) for study in studies]
    rooms = page.rooms_for_pictures(texts)
    return rooms if len(rooms) > 1 else [rooms[0] - taken]


def _pages(report: Report, name: str) -> dict[str, bytes]:
    """Return the pages by name. Raises LnncmpError if one is too large."""
    pages = {name: text.encode() for name, text in page.render(report, name).items()}
    for name, content in pages.items():
        if len(content) > page.MAX_BYTES:
            raise LnncmpError(
                f"the page {name} would take {len(content):,} bytes, more than {page.MAX_BYTES:,}",
                "Report fewer cases at once, e.g.: lnncmp report sine",
            )
    return pages


def _claims(records: Records, cases: Sequence[str], judge: Judge) -> ClaimsTable:
    """Return the verdicts on the claims about `cases` and on those about no single case; all if empty."""
    table = judge(records)
    if not cases:
        return table
    left_out = set(case_names()) - set(cases)
    return table.model_copy(update={"rows": [row for row in table.rows if row.case not in left_out]})


def _multiverses(
    out: Path, cases: Sequence[str], beside: str, files: dict[str, bytes], jobs: int, warn: Warn
) -> list[ReportMultiverse]:
    """Return the readings of these cases, all if empty, with their curves as far as there is room."""
    found, notes = read_multiverses(out)
    for note in notes:
        warn(note)
    made = []
    room = CURVE_BYTES
    for one in found:
        if why := why_lacking(one.case):
            warn(f"Not used: {FOLDER}/{one.case}.json, {why}.")
        elif not cases or one.case in cases:
            figures = draw_curves(one, beside, files, jobs, room)
            room -= inline_bytes(figures)
            heading = f"{load_case(one.case).title}: claims in {len(one.universes)} readings"
            tables = _tables(document_of_multiverse(one), f"{beside}tables/multiverse-{one.case}", files)
            sentences = [sentence_of(claim) for claim in one.claims]
            made.append(ReportMultiverse(heading, one, sentences, figures, tables))
    return made


def _claim_files(claims: ClaimsTable, beside: str, files: dict[str, bytes]) -> list[str]:
    """Put tables of the claims and the pictures of their effects into `files`, and return their names."""
    if not claims.rows:
        return []
    tables = _tables(document_of_claims(claims), f"{beside}tables/claims", files)
    return [*tables, *effect_files(claims, beside, files)]


def _tables(document: Document, stem: str, files: dict[str, bytes]) -> list[str]:
    """Put the tables of a document into `files` as LaTeX and CSV, and return their names."""
    names = []
    for ending, format in (("tex", "latex"), ("csv", "csv")):
        names.append(f"{stem}.{ending}")
        files[names[-1]] = render(document, format).encode()
    return names
