"""`--claims FILE`: claims of the user's own, in place of lnncmp's or beside them, about any case."""

import json

import pytest
from claim_records import many, records, written
from claim_texts import GOOD
from cli_runs import refused, run_here
from plugin_packages import ALL, TOY, install, seen
from report_folders import small_folder

from lnncmp.claims.claim import load_claims
from lnncmp.claims.judge import judge
from lnncmp.errors import UsageError
from lnncmp.multiverse.choices import load_choices
from lnncmp.multiverse.evidence import claims_in

OWN = GOOD.replace("a-claim", "mine").replace("nowhere", "our lab meeting")


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


@pytest.fixture
def file(tmp_path):
    def call(text=OWN):
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return tmp_path / "mine.toml"

    return call


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "out", records(many("cfc", 0.5), many("lstm", 1.0)))


class TestCommand:
    def test_in_place_of_lnncmps(self, command, file, folder):
        answer = command("claims", "--claims", file(), "--out", folder, "--format", "json")
        assert [(row["id"], row["verdict"]) for row in json.loads(answer.out)["rows"]] == [("mine", "supported")]

    def test_beside_them_in_one_family(self, command, file, folder):
        answer = command("claims", "--claims", file(), "--beside", "--out", folder, "--format", "json")
        rows = json.loads(answer.out)["rows"]
        assert [row["id"] for row in rows] == [*(claim.id for claim in load_claims()), "mine"]
        alone = json.loads(command("claims", "--claims", file(), "--out", folder, "--format", "json").out)["rows"]
        assert rows[-1]["p"] == alone[0]["p"] and rows[-1]["p_holm"] >= alone[0]["p_holm"]

    def test_one_is_explained(self, command, file, folder):
        for words in (["claims", "--claims", file(), "--out", folder, "show", "mine"],):
            assert "our lab meeting" in command(*words).out
        both = ["claims", "show", "mine", "--out", folder, "--claims", file()]
        assert "our lab meeting" in command(*both, "--beside").out
        refused(command("claims", "show", "sine-tighter-fit", "--out", folder, "--claims", file()), 2, "unknown claim")

    def test_beside_needs_a_file(self, command, folder):
        for words in (["claims"], ["claims", "show", "mine"], ["report"]):
            refused(command(*words, "--beside", "--out", folder), 2, "--beside judges your own claims", "--claims FILE")
        refused(command("multiverse", "sine", "--beside", "--out", folder), 2, "--beside judges your own claims")

    def test_in_the_report(self, command, file, tmp_path):
        out = small_folder(tmp_path / "out")
        assert command("report", "--out", out, "--claims", file(), "-q").code == 0
        text = (out / "report" / "report.md").read_text()
        assert "The CfC has a lower error than the LSTM." in text and "our lab meeting" in text
        assert "Zong et al. 2025, case study" not in text

    def test_a_mistake_names_the_file_before_the_report_is_written(self, command, file, tmp_path):
        out = small_folder(tmp_path / "out")
        answer = command("report", "--out", out, "--claims", file(OWN.replace('"mse"', '"msee"')), "-q")
        refused(answer, 2, "mine.toml, claim 'mine': unknown measure 'msee'", "Did you mean 'mse'?")
        assert not (out / "report").exists()


def test_an_id_that_lnncmps_claims_have(file):
    path = file(OWN.replace('"mine"', '"sine-tighter-fit"'))
    assert load_claims(path)[0].id == "sine-tighter-fit"
    with pytest.raises(UsageError, match=r"mine\.toml names the claim 'sine-tighter-fit', which lnncmp's own claims"):
        load_claims(path, beside=True)


class TestCaseOfAPackage:
    CLAIM = OWN.replace('"walker2d"', '"toy"')

    def test_is_judged_like_any_other(self, tmp_path, file):
        site = install(tmp_path / "site", ALL)
        with seen(site):
            (claim,) = load_claims(file(self.CLAIM.replace('"cfc"', '"toy_lstm"').replace('"mse"', '"mse_clean"')))
            assert claim.case == "toy"
            (row,) = judge([claim], records(many("cfc", 0.5), many("lstm", 1.0))).rows
            assert row.verdict == "not testable here" and "lnncmp toy makes them" in row.reason

    def test_names_that_it_does_not_have(self, tmp_path, file):
        with seen(install(tmp_path / "site", ALL)):
            for old, new, said in (
                ('"mse"', '"mse_claen"', "unknown measure 'mse_claen'"),
                ('"cfc"', '"toy_lsmt"', "unknown model 'toy_lsmt'"),
                ("matters", 'judged_on = ["maed"]\nmatters', "unknown source 'maed'"),
                ('"toy"', '"toyy"', "unknown case 'toyy'"),
            ):
                with pytest.raises(UsageError) as error:
                    load_claims(file(self.CLAIM.replace(old, new)))
                assert error.value.message == f"mine.toml, claim 'mine': {said}" and "Did you mean" in error.value.hint

    def test_one_that_cannot_be_used_is_named(self, tmp_path, file):
        broken = {**TOY, "toy_package/case.py": "raise RuntimeError('boom')\n"}
        with seen(install(tmp_path / "site", ALL, broken)):
            with pytest.raises(
                UsageError, match=r"mine\.toml, claim 'mine': the case 'toy' of the package toy-package"
            ):
                load_claims(file(self.CLAIM))
            assert len(load_claims()) > 30, "lnncmp's own claims are judged all the same"


@pytest.mark.parametrize("measure", ["nmse", "skill_5", "accuracy", "f1", "error_rate"])
def test_about_ones_own_table_whatever_its_task(file, measure):
    """Which metrics a table has depends on its settings: a claim may name any that it can have."""
    higher = OWN.replace('"lower"', '"higher"')
    text = (higher if measure in ("skill_5", "accuracy", "f1") else OWN).replace('"walker2d"', '"table"')
    (claim,) = load_claims(file(text.replace('"mse"', f'"{measure}"')))
    assert claim.measure == measure
    with pytest.raises(UsageError, match="unknown measure 'acuracy'"):
        load_claims(file(text.replace('"mse"', '"acuracy"')))


def test_of_a_multiverse(file):
    choices = load_choices("sine")
    own = OWN.replace('"walker2d"', '"sine"').replace('"cfc"', '"liquid_ncp"').replace('"lstm"', '"gru"')
    assert [claim.id for claim in claims_in(load_claims(file(own)), choices)] == ["mine"]
