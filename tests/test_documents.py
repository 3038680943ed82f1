"""A document in five formats: nothing that it holds is lost, whatever it is a document of."""

import csv
import io
import json
import re

import pytest
from bench_results import made_up
from claims_tables import claims_table
from pydantic import BaseModel

from lnncmp.errors import UsageError
from lnncmp.report.tables.bench import document_of_bench
from lnncmp.report.tables.claim import document_of_claim
from lnncmp.report.tables.claims import document_of_claims
from lnncmp.report.tables.document import Column, Document, Grid, Section
from lnncmp.report.tables.dry_run import document_of_dry_run
from lnncmp.report.tables.render import FORMATS, TEXTS, render
from lnncmp.runs.dry_run import DryRun
from lnncmp.runs.estimate import Estimate


class Content(BaseModel):
    number: float = 0.1


def grid(title, *cells, labels=("a", "b"), **options):
    columns = tuple(Column(f"{title} {n}", tuple(column)) for n, column in enumerate(cells))
    return Grid(title, "row", labels[: len(cells[0])], columns, (len(cells[0]),), **options)


def document(*sections, rows=()):
    return Document(sections, rows, Content())


def dry_run():
    return DryRun(
        case="sine",
        source="generated",
        preset="quick",
        data_hash="abcd",
        windows={"train": 1200},
        attrition=[{"step": "stays", "rows": 5, "recordings": None, "groups": 2, "reason": "too short"}],
        models={"gru": {"hidden": 8}},
        runs=4,
        runs_missing=3,
        estimate=Estimate(seconds=61.2, memory_bytes=2_000_000),
        assumptions={"train.epochs": "not stated"},
        stay_hours=960,
    )


def words(text):
    """Return letters, digits and points alone: what is left of a text in any format, however it is wrapped."""
    return "".join(re.findall(r"[\w.]", re.sub(r"\\text(less|greater|ascii\w+){}|_", "", text)))


SHOWN = {
    "bench": document_of_bench(made_up()),
    "claims": document_of_claims(claims_table()),
    "claim": document_of_claim(claims_table().rows[1]),
    "dry run": document_of_dry_run(dry_run()),
}


@pytest.mark.parametrize("format", ["table", "md", "latex"])
@pytest.mark.parametrize("made", SHOWN.values(), ids=SHOWN)
def test_every_cell_and_sentence_is_in_every_text(made, format):
    text = words(render(made, format, 400))
    held = [sentence for part in made.sections for texts in part.lists().values() for sentence in texts]
    for one in (one for part in made.sections for one in part.shown()):
        held += [line for column in one.columns for cell in (*one.labels, *column.cells) for line in cell.split("\n")]
    assert held and not [one for one in held if words(one) not in text]


@pytest.mark.parametrize("made", SHOWN.values(), ids=SHOWN)
def test_json_is_the_content_and_csv_the_rows(made):
    assert json.loads(render(made, "json")) == json.loads(made.content.model_dump_json())
    assert len(list(csv.reader(io.StringIO(render(made, "csv"))))) == 1 + len(made.rows)


def test_a_dry_run_says_all_that_is_planned():
    text = render(SHOWN["dry run"], "table")
    assert text.startswith("sine (generated), preset quick, data abcd\n- Windows: 1,200 train\n- Stay hours: 960\n")
    for part in (
        "stays: 5 rows, 2 groups (too short)",
        "gru: hidden=8",
        "train.epochs: not stated",
        "61.2 s, 2.00 MB",
    ):
        assert part in text


def test_a_table_that_continues_another_is_joined_where_both_fit():
    wide, narrow = (
        render(document(Section("x", [grid("x", "12"), grid("y", "3", continues=True)])), "table", width)
        for width in (40, 9)
    )
    assert [line.split() for line in wide.splitlines()[-2:]] == [["a", "1", "3"], ["b", "2"]] and "\ny\n" not in wide
    assert "\ny\n" in narrow and max(map(len, narrow.splitlines())) <= 9


def test_markdown_has_one_heading_for_each_section():
    text = render(document(Section("x", [grid("x", "12")], [grid("d", "34")]), Section("y", [grid("y", "56")])), "md")
    assert [line for line in text.splitlines() if line and line[0] not in "|-"] == ["### x", "d:", "### y"]


def test_latex_of_several_sections_is_one_document():
    text = render(document(Section("x", [grid("x", "12")]), Section(notes={"Notes": ["5 %"]})), "latex")
    assert text.count("% needs") == 1 and "\\item 5 \\%" in text


def test_csv_has_the_columns_of_all_rows():
    text = render(document(rows=[{"a": 1, "b": None}, {"a": 0.1, "c": "x, y"}]), "csv")
    assert text == 'a,b,c\n1,,\n0.1,,"x, y"\n'


def test_format_names():
    assert FORMATS == ("table", "json", "md", "latex", "csv") and set(TEXTS) < set(FORMATS)
    with pytest.raises(UsageError, match="unknown format 'mdd'") as refused:
        render(document(), "mdd")
    assert "Did you mean 'md'?" in refused.value.hint
