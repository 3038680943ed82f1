"""Which code made a record: the commit of a checkout, else a hash of the package's files; on the page in short."""

import shutil
import subprocess
from pathlib import Path

import pytest
from figure_records import run, scores, write
from html_pages import Page

import lnncmp
from lnncmp.common.code_version import code_version, short, version_of
from lnncmp.records.schema import Provenance
from lnncmp.report.build.write import write_report

NAMED = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
with_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git on the path")


def git(folder, *words):
    return subprocess.run(["git", *NAMED, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def package(tmp_path):
    own = tmp_path / "checkout/tool"
    own.mkdir(parents=True)
    (own / "a.py").write_text("A = 1\n")
    return own


@pytest.fixture
def committed(package):
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "first")
    return package


@with_git
class TestCheckout:
    def test_gives_its_commit(self, committed):
        commit = git(committed.parent, "rev-parse", "HEAD").strip()
        assert version_of(committed) == commit and short(commit) == commit[:8] and len(commit) == 40

    @pytest.mark.parametrize(("name", "changed"), [("a.py", True), ("new.py", True), ("../notes.txt", False)])
    def test_says_whether_the_package_was_changed(self, committed, name, changed):
        before = version_of(committed)
        (committed / name).write_text("A = 2\n")
        found = version_of(committed)
        assert found == before + ("+changed" if changed else "")
        assert short(found) == before[:8] + ("+changed" if changed else "")

    def test_is_found_whatever_the_environment_says_of_git(self, committed, monkeypatch):
        before = version_of(committed)
        monkeypatch.setenv("GIT_DIR", "nowhere")
        assert version_of(committed) == before

    def test_of_another_project_around_the_package_is_not_named(self, committed):
        inner = committed / "site-packages/other"
        inner.mkdir(parents=True)
        assert version_of(inner).startswith("files ")


class TestFiles:
    def test_have_a_hash_of_names_and_content(self, package, tmp_path):
        first = version_of(package)
        copy = Path(shutil.copytree(package.parent, tmp_path / "copy")) / "tool"
        assert first.startswith("files ") and version_of(copy) == first == short(first)
        (copy / "a.py").write_text("A = 2\n")
        assert version_of(copy) != first
        (package / "a.py").rename(package / "b.py")
        assert version_of(package) != first

    def test_are_hashed_where_git_is_absent(self, committed, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert version_of(committed).startswith("files ")

    def test_of_this_package_are_known(self):
        assert code_version() == version_of(Path(lnncmp.__file__).parent) is not None


class TestPage:
    def code(self, out, versions):
        runs = [
            run("gru", seed, scores=scores(0.1, examples=[]), provenance=Provenance(code=version))
            for seed, version in enumerate(versions)
        ]
        page = write_report(write(out, runs, ()))
        (basis,) = Page(page.read_text(encoding="utf-8")).texts("dl", **{"class": "basis"})
        return basis

    def test_counts_many_commits(self, tmp_path):
        basis = self.code(tmp_path, ["a" * 40, "c" * 40 + "+changed", "c" * 40 + "+changed", "files 0123", "e" * 40])
        assert "Code cccccccc+changed, aaaaaaaa, files 0123 and 1 more" in basis

    def test_says_nothing_of_older_records(self, tmp_path):
        assert "Code" not in self.code(tmp_path, [None])
