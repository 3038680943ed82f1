"""A bench of any model: which rows it has, what stands beside them, and what another package's network must do."""

from dataclasses import replace

import pytest
import torch
from bench_results import CEILINGS, LSTM, WORKLOAD, found, made_up

from lnncmp.bench.candidates import EVERY, LIKE_PEERS, MODELS, SAME_KIND, Candidate, choose_candidates
from lnncmp.bench.like_peers import build_like, installed
from lnncmp.bench.messages import Limits, Plan
from lnncmp.bench.networks import adopt_weights, build_network, largest_difference, operations_of
from lnncmp.bench.rows import Isolated, explain, rows_of
from lnncmp.bench.session import build_candidates, measure
from lnncmp.bench.steps import elapsed_times, streaming, training_step
from lnncmp.bench.timing import Effort
from lnncmp.bench.workload import Workload
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.models.base import model_names
from lnncmp.report.tables.bench import bench_grids

TINY = Workload("W4", 2, 8, 2, 8, 3, irregular=True)
REGULAR = replace(TINY, irregular=False)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def quiet(what, done, total):
    pass


def of(model):
    return [c for c in choose_candidates([model]) if c.model == model]


class TestChoice:
    def test_all_stands_for_every_model(self):
        chosen = choose_candidates([EVERY])
        assert {c.model for c in chosen} == set(model_names())
        assert {c.model for c in choose_candidates(None)} == set(MODELS)
        assert choose_candidates(["gru", EVERY]) == chosen and len(set(chosen)) == len(chosen)

    def test_rows_follow_from_the_arguments_of_a_model(self):
        labels = [c.label for name in ("rnn", "ode_rnn", "ncp", "s4d") for c in of(name)]
        assert labels == [
            *("rnn fused", "rnn loop", "rnn torch", "ode_rnn loop", "ncp fused", "ncp loop"),
            *("s4d fused", "s4d loop", "s4d s5-pytorch"),
        ]

    def test_an_unknown_one_is_refused_with_the_nearest(self):
        with pytest.raises(UsageError, match="unknown model 'min_gruu'") as caught:
            choose_candidates(["lstm", "min_gruu"])
        assert "Did you mean 'min_gru'?" in caught.value.hint

    def test_a_network_of_the_same_kind_is_compared_with_and_is_no_peer(self):
        own, other = Candidate("min_gru", "full", "fused"), Candidate("min_gru", "full", "mingru-pytorch")
        assert own.peer is None and own.compared == other and other.like == LIKE_PEERS["min_gru"]
        assert own.like is None and not other.is_peer
        assert Candidate("ctrnn", "full", "loop").compared is None
        assert Candidate("rnn", "full", "loop").peer == Candidate("rnn", "full", "loop").compared


FAMILIES = ("lrc", "ncp", "rnn", "neural_ode", "min_lstm", "transformer", "ua_lnn")
"""A model of each family; ua_lnn has no stepper."""


class TestNetworks:
    @pytest.mark.parametrize("model", FAMILIES)
    def test_a_model_of_each_family_is_measured(self, model):
        candidates = tuple(c for c in of(model) if c.like is None)
        plan = Plan(TINY, candidates, frozenset({"train", "inference", "latency"}), Effort(rounds=1))
        session = measure(quiet, plan)
        assert not session.failed and not session.notes
        assert [one.candidate for one in session.found] == list(candidates)
        for one in session.found:
            assert {"train", "inference", "latency"} <= set(one.samples) and one.operations is None
            stepper = one.candidate.implementation == "fused" and model != "ua_lnn"
            assert ("stepper" in one.samples) == stepper
            assert (one.difference is None) == (one.candidate.is_peer or model != "rnn")

    @pytest.mark.parametrize("implementation", ["fused", "loop"])
    def test_an_rnn_computes_what_torch_does(self, implementation):
        model = build_network(Candidate("rnn", "full", implementation), TINY)
        peer = build_network(Candidate("rnn", "full", "torch"), TINY, seed=1)
        assert isinstance(peer.layer, torch.nn.RNN)
        x, dt = torch.randn(2, 8, 2), elapsed_times(TINY, 8)
        assert largest_difference(model, peer, x, dt) > 1e-2
        adopt_weights(model, peer)
        assert largest_difference(model, peer, x, dt) < 1e-5
        with torch.no_grad():
            one, state = peer.step(x[:, 0], dt[:, 0], peer.initial_state(2))
            assert torch.allclose(one, peer(x[:, :1], dt[:, :1])[:, 0], atol=1e-6) and state[0].shape == (2, 8)

    def test_without_a_kernel_a_model_is_not_shown_as_fused(self, monkeypatch):
        monkeypatch.setattr("lnncmp.layers.recurrent_layer.usable", lambda *tensors: False)
        made = build_candidates([Candidate("lrc", "full", way) for way in ("fused", "loop")], TINY, Limits(), quiet)
        assert [one.candidate.label for one in made.built] == ["lrc loop"]
        assert made.absent == ["W4: no kernel for lrc here: only plain PyTorch is shown."]

    def test_operations_are_counted_for_the_default_models_alone(self):
        counted = {name for name in model_names() if operations_of(Candidate(name, "full", "loop"), TINY) is not None}
        assert counted == set(MODELS)


class TestLikePeers:
    def test_what_is_not_installed_is_left_out_with_a_note(self, monkeypatch):
        monkeypatch.setattr("lnncmp.bench.session.installed", lambda like: False)
        made = build_candidates([Candidate("min_gru", "full", "mingru-pytorch"), LSTM], TINY, Limits(), quiet)
        assert [one.candidate for one in made.built] == [LSTM] and not made.failed
        assert made.absent == [f"No min_gru mingru-pytorch ({SAME_KIND}): mingru-pytorch is not installed."]

    def test_a_package_that_is_broken_fails_alone(self, monkeypatch):
        monkeypatch.setattr("lnncmp.bench.session.installed", lambda like: True)
        monkeypatch.setattr("lnncmp.bench.like_peers.import_module", lambda name: object())
        with pytest.raises(LnncmpError, match="s5-pytorch cannot be used"):
            build_like(Candidate("s4d", "full", "s5-pytorch"), TINY)
        made = build_candidates([Candidate("s4d", "full", "s5-pytorch"), LSTM], TINY, Limits(), quiet)
        assert [one.candidate for one in made.built] == [LSTM]
        assert made.failed[0].startswith("W4: s4d s5-pytorch failed: LnncmpError: s5-pytorch cannot be used")

    @pytest.mark.parametrize("workload", [TINY, REGULAR], ids=["irregular", "regular"])
    @pytest.mark.parametrize("model", LIKE_PEERS)
    def test_networks_of_other_packages(self, model, workload):
        like = LIKE_PEERS[model]
        if not installed(like):
            pytest.skip(f"the package {like.package} is not installed")
        network = build_network(Candidate(model, "full", like.package), workload)
        before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
        step = training_step(network, workload, 8)
        step()
        step()
        assert not [name for name, weight in network.named_parameters() if torch.equal(weight, before[name])]
        x, dt = torch.randn(1, 6, 2), elapsed_times(replace(workload, batch=1), 6)
        with torch.no_grad():
            y = network.eval()(x, dt)
            assert y.shape == (1, 6, 3) and y.dtype == torch.float32
            timed = not torch.allclose(network(x, 2 * dt), y, atol=1e-6)
            assert timed == (workload.irregular and model == "s4d")
            if not like.streams:
                return
            state, outputs = network.initial_state(1), []
            for t in range(6):
                out, state = network.step(x[:, t], dt[:, t], state)
                outputs.append(out)
        assert torch.allclose(torch.stack(outputs, 1), y, atol=1e-5)
        streaming(network, workload)()


@pytest.fixture
def rows():
    names = ("fused", "mingru-pytorch")
    figures = [found(Candidate("min_gru", "full", name), train=t) for name, t in zip(names, (2.0, 10.0), strict=True)]
    figures += [found(Candidate("rnn", "full", name), train=t) for name, t in (("loop", 4.0), ("torch", 2.0))]
    return rows_of(WORKLOAD, [*figures, found(LSTM, train=4.0)], Isolated(), CEILINGS, 1, 10)


class TestRows:
    def test_ratios_are_to_the_other_network_and_to_lstm(self, rows):
        own, other, rnn, torch_rnn, lstm = rows
        assert own.peer == "mingru-pytorch" and own.relation is None and other.relation == SAME_KIND
        assert (own.ratio_peer, other.ratio_peer) == (pytest.approx(5.0), 1.0)
        assert own.cpu_ratio_peer == pytest.approx(5.0) and own.ratio_ncps is None
        assert (rnn.peer, rnn.ratio_peer, torch_rnn.relation) == ("torch", pytest.approx(0.5), None)
        assert [row.ratio_lstm for row in rows] == pytest.approx([2.0, 0.4, 1.0, 2.0, 1.0])
        assert own.roofline_ms is None and own.roofline_fraction is None and lstm.roofline_fraction > 0

    def test_rows_and_notes_say_what_they_are(self, rows):
        (grid,) = bench_grids(made_up(rows=rows))
        assert grid.labels[1] == f"min_gru mingru-pytorch,\n{SAME_KIND}" and grid.labels[3] == "rnn torch"
        roofline = next(column for column in grid.columns if column.heading == "of\nroofline")
        assert roofline.cells[:4] == ("-",) * 4 and roofline.cells[4] != "-"
        notes = explain(rows, frozenset({"train"}))
        assert sum(note.startswith("Another function of the same kind: min_gru mingru-pytorch.") for note in notes) == 1
        assert not any("function" in note for note in explain(rows[3:4], frozenset({"train"})))
