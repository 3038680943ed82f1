"""Tables of many kinds of networks, of their operations and energy; memory over training as a measure of claims."""

import json

import pytest
from claim_records import claim, many, records
from rendered import render
from synthetic_records import measurement, run, runs, table

from lnncmp.claims.judge import judge
from lnncmp.records.operations import OperationCounts
from lnncmp.records.schema import RunRecord

OPERATIONS = OperationCounts(
    multiply_adds=1392, exponentials=80, multiplications=112, additions=48, divisions=0, events=696
)
ERRORS = (1.0, 1.1, 0.9)


def models(*names, **changes):
    return [record for name in names for record in runs(name, ERRORS, **changes)]


class TestKinds:
    def test_many_kinds_stand_by_kind_with_a_line_between(self):
        made = table(models("s4d", "lstm", "ltc", "rnn", "ode_rnn"))
        assert [row.model for row in made.rows] == ["ltc", "lstm", "rnn", "ode_rnn", "s4d"]
        assert made.grouped
        text = render(made, "table")
        assert "kind" in text and "state-space" in text

    def test_two_kinds_and_unknown_ones_keep_their_order(self):
        made = table(models("lstm", "ltc", "a_model_of_a_package"))
        assert [row.model for row in made.rows] == ["lstm", "ltc", "a_model_of_a_package"]
        assert not made.grouped and "kind" not in render(made, "table")


class TestEnergy:
    def test_is_that_of_a_step_beside_what_was_counted(self):
        made = table(models("lstm", operations=OPERATIONS), measurements=[measurement("lstm")])
        text = render(made, "table")
        # 1392 x 4.6 + 80 x 27.6 + 112 x 3.7 + 48 x 0.9 pJ
        assert "Operations and energy of one step" in text and "9.07 nJ" in text
        assert "1,392" in text and "50%" in text and "16.4 nJ" in text
        assert made.rows[0].operations == OPERATIONS

    def test_measured_joules_are_shown_and_their_absence_is_explained(self):
        lost = {"energy_method": "this machine does not let its energy be read"}
        told = {"energy_method": "RAPL", "joules_per_window": [0.002, 0.004, 0.003]}
        for more, words in ((lost, "does not let its energy be read"), (told, "measured: RAPL")):
            made = table(models("lstm", operations=OPERATIONS), measurements=[measurement("lstm", **more)])
            assert any(words in note for note in made.notes)
        assert made.rows[0].joules_per_window == 0.003 and "3.00 mJ" in render(made, "table")

    def test_is_left_out_where_no_run_has_it(self):
        made = table(models("lstm"))
        assert "energy" not in render(made, "table") and made.rows[0].operations is None

    def test_a_claim_may_be_about_it(self):
        less = OPERATIONS.model_copy(update={"multiply_adds": 100.0})
        left, right = many("cfc", 1.0, operations=less), many("lstm", 1.0, operations=OPERATIONS)
        (row,) = judge([claim(measure="step_energy")], records(left, right)).rows
        assert row.verdict == "supported" and row.unit == "J"
        (row,) = judge([claim(measure="step_energy")], records(many("cfc", 1.0), right)).rows
        assert row.verdict == "not testable here"


def with_peaks(records_of: list[RunRecord], *peaks, **changes):
    made = []
    for one in records_of:
        epoch = one.history[0]
        history = [epoch.model_copy(update={"epoch": n + 1, "peak_memory": peak}) for n, peak in enumerate(peaks)]
        made.append(one.model_copy(update={"history": history, **changes}))
    return made


class TestMemoryOverTraining:
    OF = claim(measure="training_memory_spread", scale="difference", matters=1e6)
    RISING = (9, 9, 10_000_000, 14_000_000, 12_000_000)
    STEADY = (9, 90_000_000, 10_000_000, 10_000_000, 10_200_000)

    def judged(self, left, right):
        (row,) = judge([self.OF], records(left, right)).rows
        return row

    def test_is_the_spread_after_the_first_two_epochs(self):
        row = self.judged(with_peaks(many("cfc", 1.0), *self.STEADY), with_peaks(many("lstm", 1.0), *self.RISING))
        assert row.verdict == "supported" and row.effect == pytest.approx(3_800_000)

    @pytest.mark.parametrize("changes", [{"stacked": 2}, {"history": []}])
    def test_of_several_runs_together_or_of_few_epochs_says_nothing(self, changes):
        lost = with_peaks(many("cfc", 1.0), *self.STEADY, **changes)
        assert self.judged(lost, with_peaks(many("lstm", 1.0), *self.RISING)).verdict == "not testable here"


def test_older_records_are_read():
    old = json.loads(run("lstm", 0, 1.0).model_dump_json())
    del old["operations"], old["history"][0]["peak_memory"]
    read = RunRecord.model_validate(old)
    assert read.operations is None and read.history[0].peak_memory is None
