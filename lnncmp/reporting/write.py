"""The report of a folder of records: collect what it shows, draw its pictures, write page, Markdown, files beside.

Trains nothing and computes nothing of its own: verdicts are those of `lnncmp claims`, tables those of each case.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from lnncmp import __version__
from lnncmp.cases.base import case_names, load_case
from lnncmp.claims.judge import judge_folder
from lnncmp.claims.verdict import ClaimsTable
from lnncmp.errors import LnncmpError
from lnncmp.report import csv_rows, latex
from lnncmp.report.claims_table import CLAIM_FORMATS
from lnncmp.report.content import Report, ReportFigure
from lnncmp.report.html import page
from lnncmp.report.page_markdown import render as render_markdown
from lnncmp.reporting.content import machines, protocol_differences, study_content
from lnncmp.reporting.files import place_of, require_free, write_all
from lnncmp.stored.studies import Study, folder_name, load_studies

Warn = Callable[[str], None]
Progress = Callable[[str, int, int], None]
Judge = Callable[[Path], ClaimsTable]

INLINE_BYTES = 4_000_000
"""How much of a page its pictures may take; what is over lies beside the page only, waves first."""

_ORDER = ("free_running", "robustness", "cost", "training", "wiring", "fit")


def write_report(
    out: Path,
    to: Path | None = None,
    cases: Sequence[str] = (),
    force: bool = False,
    warn: Warn = lambda message: None,
    progress: Progress = lambda description, done, total: None,
    judge: Judge = judge_folder,
) -> Path:
    """Write the report of the records in the folder `out` and return its page.

    to: a folder, or the page's name ending with .html; OUT/report if None. cases: only these; all if empty.
    force: replace a report that is there. warn, progress: hear of records that cannot be used, and of pictures drawn.
    judge: gives the verdicts.
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

    studies = load_studies(out, cases, heard)
    claims = _claims(out, cases, judge)
    files: dict[str, bytes] = {}
    drawn = _figures(studies, place.beside, files, progress)
    report = Report(
        claims=claims,
        studies=[
            study_content(study, figures, _tables(study, place.beside, files))
            for study, figures in zip(studies, drawn, strict=True)
        ],
        machines=machines(studies),
        protocol=protocol_differences(studies, claims),
        warnings=warnings,
        claim_tables=_claim_tables(claims, place.beside, files),
        lnncmp=__version__,
    )
    files[place.markdown.name] = render_markdown(report).encode()
    files[place.page.name] = _page(report)
    write_all(place, files)
    return place.page


def _page(report: Report) -> bytes:
    content = page.render(report).encode()
    if len(content) > page.MAX_BYTES:
        raise LnncmpError(
            f"the page would take {len(content):,} bytes, more than {page.MAX_BYTES:,}",
            "Report fewer cases at once, e.g.: lnncmp report sine",
        )
    return content


def _claims(out: Path, cases: Sequence[str], judge: Judge) -> ClaimsTable:
    """Return the verdicts on the claims about `cases` and on those about no single case; all if empty."""
    table = judge(out)
    if not cases:
        return table
    left_out = set(case_names()) - set(cases)
    return table.model_copy(update={"rows": [row for row in table.rows if row.case not in left_out]})


def _figures(
    studies: Sequence[Study], beside: str, files: dict[str, bytes], progress: Progress
) -> list[list[ReportFigure]]:
    """Draw the pictures of all studies, put their files into `files`, and return them study by study."""
    from lnncmp.report.figures import style
    from lnncmp.report.figures.files import content
    from lnncmp.report.figures.inline import inline_svg
    from lnncmp.reporting.pictures import picture_set, pictures

    looks = style.model_looks(sorted({row for study in studies for row in study.runs}))
    todo = []
    for n, study in enumerate(studies):
        title = load_case(study.comparison.case).title
        drawn = picture_set(title, study.runs, study.measurements, study.baselines, looks)
        todo += [(n, drawn.caption, picture) for picture in pictures(drawn)]
    made: list[list[ReportFigure]] = [[] for _ in studies]
    room = INLINE_BYTES
    for done, (n, caption, picture) in enumerate(sorted(todo, key=lambda item: _ORDER.index(item[2].kind))):
        progress("Drawing pictures", done, len(todo))
        stem = f"{beside}figures/{folder_name(studies[n].comparison, studies[n].key)}/{picture.name}"
        names = (f"{stem}.svg", f"{stem}.pdf")
        with style.fixed_style():
            figure = picture.draw()
            style.lay_out(figure)
            for name, format in zip(names, ("svg", "pdf"), strict=True):
                files[name] = content(figure, format, caption.heading(picture.subject), picture.alt)
            inline = inline_svg(figure, files[names[0]], f"p{done}")
        fits = len(inline.body) <= room
        room -= len(inline.body) if fits else 0
        made[n].append(
            ReportFigure(
                picture.kind,
                picture.name,
                picture.subject,
                inline.explanation,
                picture.alt,
                names,
                inline if fits else None,
            )
        )
    progress("Drawing pictures", len(todo), len(todo))
    return made


def _tables(study: Study, beside: str, files: dict[str, bytes]) -> list[str]:
    """Put the tables of a comparison into `files` as LaTeX and CSV, and return their names."""
    stem = f"{beside}tables/{folder_name(study.comparison, study.key)}"
    files[f"{stem}.tex"] = latex.render(study.comparison).encode()
    files[f"{stem}.csv"] = csv_rows.render(study.comparison).encode()
    return [f"{stem}.tex", f"{stem}.csv"]


def _claim_tables(claims: ClaimsTable, beside: str, files: dict[str, bytes]) -> list[str]:
    if not claims.rows:
        return []
    stem = f"{beside}tables/claims"
    for ending, format in (("tex", "latex"), ("csv", "csv")):
        files[f"{stem}.{ending}"] = CLAIM_FORMATS[format](claims, 0, False).encode()
    return [f"{stem}.tex", f"{stem}.csv"]
