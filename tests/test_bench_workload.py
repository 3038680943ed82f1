"""What a bench can be asked for: standard workloads, own ones, models; and what is refused."""

import pytest

from lnncmp.bench.candidates import REFERENCE, Candidate, choose_candidates
from lnncmp.bench.workload import STANDARD, Workload, choose_workloads, parse_workload
from lnncmp.errors import UsageError


class TestWorkloads:
    def test_standard_ones(self):
        sizes = {w.name: (w.batch, w.steps, w.inputs, w.hidden, w.outputs, w.irregular) for w in STANDARD}
        assert sizes == {
            "W1": (64, 64, 17, 64, 17, True),
            "W2": (16, 32, 1, 16, 1, False),
            "W3": (32, 512, 17, 128, 17, False),
        }

    def test_of_one_s_own(self):
        assert parse_workload("batch=8,steps=100,inputs=4,hidden=32", "W4") == Workload("W4", 8, 100, 4, 32, 4)
        given = parse_workload(" hidden=32, inputs=4,outputs=2 ,steps=100,batch=8,irregular=yes", "W5")
        assert given == Workload("W5", 8, 100, 4, 32, 2, irregular=True)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("batch=8", "does not say steps, inputs, hidden"),
            ("", "takes SIZE=NUMBER, separated by commas, got ''"),
            ("batch8", "got 'batch8'"),
            ("batch=0,steps=1,inputs=1,hidden=1", "batch of a workload is a whole number from 1 to 65536, got '0'"),
            ("batch=-1,steps=1,inputs=1,hidden=1", "got '-1'"),
            ("batch=1,steps=1,inputs=1,hidden=4097", "hidden of a workload is a whole number from 1 to 4096"),
            ("batch=1.5,steps=1,inputs=1,hidden=1", "got '1.5'"),
            ("batch=²,steps=1,inputs=1,hidden=1", "got '²'"),
            ("batch=1,batch=2,steps=1,inputs=1,hidden=1", "gives batch twice"),
            ("bach=1,steps=1,inputs=1,hidden=1", "unknown size of a workload 'bach'"),
            ("batch=1,steps=1,inputs=1,hidden=1,irregular=maybe", "takes irregular=yes or irregular=no"),
        ],
    )
    def test_refused(self, text, sentence):
        with pytest.raises(UsageError) as caught:
            parse_workload(text, "W4")
        assert sentence in caught.value.message

    def test_choice(self):
        own = ["batch=1,steps=2,inputs=3,hidden=4", "batch=5,steps=6,inputs=7,hidden=8"]
        assert [w.name for w in choose_workloads(None, [])] == ["W1", "W2", "W3"]
        assert [w.name for w in choose_workloads(None, own)] == ["W4", "W5"]
        assert [w.name for w in choose_workloads(["W2", "W2"], own)] == ["W2", "W4", "W5"]
        with pytest.raises(UsageError, match="unknown workload 'W9'"):
            choose_workloads(["W9"], [])
        with pytest.raises(UsageError, match="no workload"):
            choose_workloads([], [])


class TestContenders:
    def test_every_model_stands_beside_its_peer(self):
        chosen = choose_candidates(None)
        labels = [candidate.label for candidate in chosen]
        ways = ("fused", "loop", "lnncmp.torch")
        assert labels == [
            *(f"ltc{wiring} {way}" for wiring in ("", " autoncp") for way in (*ways, "ncps")),
            *("ltc mixed lnncmp.torch", "ltc mixed ncps"),
            *(f"cfc{wiring} {way}" for wiring in ("", " autoncp") for way in (*ways, "ncps")),
            *("cfc mixed lnncmp.torch", "cfc mixed ncps"),
            *(f"{model} {way}" for model in ("lstm", "gru") for way in (*ways, "torch")),
        ]
        assert all(candidate.peer in chosen for candidate in chosen)
        assert [c.label for c in chosen if c.is_peer] == [
            label for label in labels if label.endswith((" ncps", " torch"))
        ]

    def test_implementations_can_be_chosen(self):
        chosen = choose_candidates(["ltc"], ["lnncmp.torch", "ncps"])
        assert [c.label for c in chosen] == [
            *("ltc lnncmp.torch", "ltc ncps", "ltc autoncp lnncmp.torch", "ltc autoncp ncps"),
            *("ltc mixed lnncmp.torch", "ltc mixed ncps", "lstm torch"),
        ]
        with pytest.raises(UsageError, match="unknown implementation 'npcs'"):
            choose_candidates(None, ["npcs"])

    def test_the_reference_is_always_measured(self):
        assert choose_candidates(["gru", "gru"])[-1] == REFERENCE == Candidate("lstm", "full", "torch")
        assert choose_candidates(["lstm"]).count(REFERENCE) == 1

    @pytest.mark.parametrize(("names", "sentence"), [(["ltcc"], "unknown model 'ltcc'"), ([], "no model")])
    def test_refused(self, names, sentence):
        with pytest.raises(UsageError, match=sentence):
            choose_candidates(names)
