"""`lnncmp report`: where it writes, what it refuses, and that nothing is lost or half-written."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from claims_tables import claims_table
from cli_runs import run as run_command
from figure_records import run, write
from one_command import OneCommand
from report_folders import small_folder
from synthetic_records import recipe

from lnncmp.cli.report import report
from lnncmp.comparison.commands import commands
from lnncmp.comparison.studies import load_studies
from lnncmp.errors import DataError, UsageError
from lnncmp.report import build as reporting
from lnncmp.report.build import files
from lnncmp.report.build.write import write_report

command = OneCommand(report)
refused = command.refused


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def out(tmp_path):
    return small_folder(tmp_path / "out")


class TestPlaces:
    def test_by_default_a_folder_next_to_the_records(self, out):
        answer = command("--out", out)
        assert (answer.exit_code, answer.stdout) == (0, f"{out / 'report' / 'report.html'}\n"), answer.exception
        assert {"report.html", "report.md"} <= {path.name for path in (out / "report").iterdir()}
        assert not list(out.glob(".*")), "nothing half-written is left"

    def test_a_folder_of_choice(self, out, tmp_path):
        assert command("walker2d", "--out", out, "--to", tmp_path / "a" / "b", "-q").exit_code == 0
        assert (tmp_path / "a" / "b" / "report.html").is_file()
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o777 & ~current_umask()

    def test_a_page_of_choice_with_its_files_in_a_folder_of_its_name(self, out, tmp_path):
        page = write_report(out, tmp_path / "sent" / "walker.html", judge=lambda folder: claims_table())
        assert page == tmp_path / "sent" / "walker.html"
        assert sorted(path.name for path in page.parent.iterdir()) == ["walker-files", "walker.html", "walker.md"]
        assert "walker-files/figures/" in page.read_text() and "walker-files/tables/claims.tex" in page.read_text()

    def test_the_case_asked_for_alone(self, tmp_path):
        runs = [run("gru", 0), run("gru", 0, run_id="sine", case="sine", protocol_id="1" * 16)]
        page = write_report(write(tmp_path, runs), cases=["sine"], judge=lambda folder: claims_table())
        text = page.read_text()
        assert "sine-smoothing" in text and "review-energy" in text and "walker2d-parameters" not in text


def current_umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask


class TestRefusals:
    def test_no_records(self, tmp_path):
        error = refused(DataError, "--out", tmp_path / "none")
        assert error.exit_code == 3 and "does not exist" in error.message and not (tmp_path / "none").exists()
        (tmp_path / "empty").mkdir()
        error = refused(DataError, "--out", tmp_path / "empty")
        assert error.message == f"no records of runs in {tmp_path / 'empty'}" and not list(
            (tmp_path / "empty").iterdir()
        )

    def test_records_of_another_version(self, tmp_path):
        error = refused(DataError, "--out", small_folder(tmp_path, schema_version=3))
        assert "1 record, of schema version 3 (this version reads 2 and 1)" in error.message
        assert not (tmp_path / "report").exists()

    def test_an_unknown_case_before_any_work(self, out):
        error = refused(UsageError, "walkr2d", "--out", out)
        assert error.message == "unknown case 'walkr2d'" and "Did you mean 'walker2d'?" in error.hint

    def test_a_case_without_records(self, out):
        error = refused(DataError, "sine", "--out", out)
        assert error.message == f"no records of sine in {out}, only of walker2d" and error.exit_code == 3

    def test_what_exists_is_not_overwritten(self, out):
        (out / "report").mkdir()
        (out / "report" / "mine.txt").write_text("mine")
        error = refused(DataError, "--out", out)
        assert error.message == f"{out / 'report'} exists and is not overwritten" and "--force" in error.hint
        assert contents(out / "report") == {"mine.txt": b"mine"}

    def test_force_replaces_a_report_and_nothing_else(self, out):
        (out / "report").mkdir()
        (out / "report" / "mine.txt").write_text("mine")
        (out / "report" / "report.html").write_text("old")
        assert command("--out", out, "--force", "-q").exit_code == 0
        found = contents(out / "report")
        assert found["mine.txt"] == b"mine" and found["report.html"].startswith(b"<!doctype html>")

    @pytest.mark.parametrize("name", ["page.html", "page.md", "page-files"])
    def test_a_page_that_exists_is_not_overwritten(self, out, tmp_path, name):
        (tmp_path / name).write_text("mine")
        error = refused(DataError, "--out", out, "--to", tmp_path / "page.html")
        assert error.message == f"{tmp_path / name} exists and is not overwritten"
        assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.glob("page*"))) == 1

    def test_an_empty_folder_is_filled(self, out, tmp_path):
        (tmp_path / "empty").mkdir()
        assert command("--out", out, "--to", tmp_path / "empty", "-q").exit_code == 0

    @pytest.mark.parametrize("force", [(), ("--force",)])
    def test_a_file_in_place_of_the_folder(self, out, tmp_path, force):
        (tmp_path / "file").write_text("x")
        for to in (tmp_path / "file", tmp_path / "file" / "deeper", tmp_path / "file" / "page.html"):
            error = refused(DataError, "--out", out, "--to", to, *force)
            assert error.message == f"{tmp_path / 'file'} is a file, a report needs a folder there"
        (tmp_path / "page.html").mkdir()
        assert "is a folder" in refused(DataError, "--out", out, "--to", tmp_path / "page.html", *force).message

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_permission_before_any_work(self, out, tmp_path):
        (tmp_path / "locked").mkdir(mode=0o500)
        error = refused(DataError, "--out", out, "--to", tmp_path / "locked" / "new")
        assert "no permission for" in error.message

    def test_an_interrupted_report_leaves_nothing(self, out, monkeypatch):
        written = []

        def full(path, content):
            written.append(path)
            if len(written) == 3:
                raise DataError("no space left")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        monkeypatch.setattr(files, "write_bytes", full)
        before = sorted(out.iterdir())
        refused(DataError, "--out", out, "-q")
        assert len(written) == 3 and sorted(out.iterdir()) == before


class TestHalfAStudy:
    def test_damaged_records_are_told_on_the_page_and_left(self, out):
        (out / "records" / "cut.json").write_text('{"run_id": "cut"')
        answer = command("--out", out)
        assert answer.exit_code == 0 and "Not used: 1 record, damaged or incomplete (" in answer.stderr
        assert "Not used: 1 record, damaged or incomplete (" in (out / "report" / "report.html").read_text()
        assert (out / "records" / "cut.json").exists()

    def test_runs_without_any_success_still_make_a_page(self, tmp_path):
        out = write(tmp_path, [run("gru", seed, diverged=True, history=[]) for seed in range(2)], ())
        text = write_report(out).read_text()
        assert "2 runs: 2 diverged" in text and "<svg" not in text
        assert "These records answer nothing yet: no run ended well." in text


def test_the_real_verdicts_stand_on_the_page(out):
    text = write_report(out).read_text()
    assert text.count('<tbody role="rowgroup" id="claim-') > 20 and "not testable here" in text
    assert "claim-sine" not in text and re.search(r"\d+ claims about other cases \([^)]*sine", text)


def test_never_imports_torch_and_starts_without_matplotlib(out):
    program = (
        "import sys, pathlib, lnncmp.cli.main, lnncmp.cli.report\n"
        "assert not {'matplotlib', 'jinja2'} & set(sys.modules)\n"
        f"lnncmp.cli.report.report(out=pathlib.Path({str(out)!r}), quiet=True)\n"
        "heavy = [name for name in ('torch', 'mujoco', 'matplotlib.pyplot', 'requests') if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_carries_its_templates():
    templates = files.Path(reporting.__file__).parent.parent / "page" / "templates"
    names = {f"{name}.html.j2" for name in ("base", "page", "comparison", "claims", "case", "macros")} | {
        "page.css",
        "page.js",
    }
    assert {path.name for path in templates.iterdir()} == names


def test_comparisons_that_share_a_title_say_how_they_differ(tmp_path):
    runs = [
        run("gru", 0, run_id=name, protocol_id=name * 3, recipe=own, history=[], scores=None, status="failed")
        for name in ("hidden", "params")
        for own in [recipe("gru", match=name)]
    ]
    title = "Walker2d (simulated, noise 0.1), preset quick"
    ending = ": one-step test error"
    found = [study.table.title for study in load_studies(write(tmp_path / "two", runs, ()))]
    assert found == [f"{title}, same hidden units{ending}", f"{title}, same active parameters{ending}"]
    (one,) = load_studies(write(tmp_path / "one", runs[:1], ()))
    assert one.table.title == title + ending


def test_the_command_on_the_page_asks_for_the_runs_that_are_there(finished, simulated_cache):
    (study,) = load_studies(finished)
    (command,) = commands(study.runs)
    words = [*shlex.split(command)[1:], "--out", str(finished), "--dry-run", "--format", "json"]
    answer = run_command(*words, env={**os.environ, "LNNCMP_CACHE": str(simulated_cache)})
    assert answer.code == 0, answer
    planned = json.loads(answer.out)
    assert (planned["runs"], planned["runs_missing"]) == (4, 0) and "--set hidden=8" in command
    assert sorted(record.model for record in study.measurements) == ["gru", "lstm"], "costs are found, too"
