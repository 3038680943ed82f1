"""The mortality case: a window is a stay, folds part stays, no test stay reaches the training, nobody is named."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from challenge_sets import FIRST, made_up, outcomes, put, tar_gz, text
from cli_runs import refused, run_here

from lnncmp.baselines.classes import LogisticRegression
from lnncmp.cases.base import load_case, load_source
from lnncmp.cases.mortality.parts import parts_of
from lnncmp.cases.mortality.settings import MortalitySettings
from lnncmp.cases.mortality.windows import features_of
from lnncmp.errors import DataError, UsageError
from lnncmp.recipe.data_seeds import over_data_seeds
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.challenge2012.parameters import ALL

CASE = load_case("mortality")
SOURCE = load_source(CASE, "challenge2012")
NAMES = [parameter.name for parameter in ALL]
SMALL = ("hidden=4", "train.epochs=1", "cost_repeats=1", "data.replicates=20", "data.quantum=2.0")


def set_a(folder, files):
    return put(folder, {"set-a.tar.gz": tar_gz(files), "Outcomes-a.txt": outcomes(files)})


def prepared(folder, **settings):
    context = SourceContext(cache=folder / "cache", data_dir=folder, offline=True)
    return CASE.prepare(SOURCE, context, MortalitySettings(**settings), 1)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with a made-up set A: 40 stays of 8 hours, of which every second one ends in death."""
    return set_a(tmp_path_factory.mktemp("own"), made_up(stays=40, hours=8))


def parts(made):
    return made.splits.train, made.splits.validation, made.splits.test


class TestWindows:
    def test_rows_carry_values_forward_and_say_what_was_measured(self, tmp_path):
        rows = [("00:00", "HR", 70), ("01:40", "Temp", 37.0), ("02:20", "HR", 90), ("02:25", "HR", 100)]
        files = {f"{FIRST['a'] + n}.txt": text(FIRST["a"] + n, rows) for n in range(20)}
        made = prepared(set_a(tmp_path, files), folds=2, quantum=0.5)
        window = made.splits.train
        assert window.x.shape[1:] == (3, 82) and window.valid.all()
        assert window.dt[0].tolist() == [0.5, 1.5, 1.0], "times are rounded to half hours; two of HR fall together"
        raw = made.scalers.inputs.unscale(window.x)[0]
        rate, temp, height = (NAMES.index(name) for name in ("HR", "Temp", "Height"))
        assert raw[:, rate].tolist() == pytest.approx([70, 70, 95])
        assert raw[1:, temp].tolist() == pytest.approx([37, 37])
        assert window.x[0, :, height].tolist() == [0, 0, 0], "a height of -1 is none"
        assert window.x[0, :, 41 + rate].tolist() == [1, 0, 1] and window.x[0, :, 41 + temp].tolist() == [0, 1, 0]

    def test_the_outcome_counts_at_the_last_row_alone(self, own):
        for part in parts(prepared(own)):
            rows = part.valid.sum(axis=1)
            assert (part.target_mask.sum(axis=1) == 1).all()
            assert all(part.target_mask[n, row - 1].all() for n, row in enumerate(rows))
            deaths = {f"stay-{FIRST['a'] + n}" for n in range(1, 40, 2)}
            assert [bool(died) for died in part.y[:, 0, 1]] == [group in deaths for group in part.group]

    def test_a_longer_stay_keeps_its_last_rows_with_what_came_before(self, own):
        whole, short = prepared(own), prepared(own, most_rows=3)
        assert short.splits.test.x.shape[1] == 3 and short.splits.test.valid.all()
        count = whole.splits.test.valid[0].sum()
        assert np.array_equal(short.splits.test.x[0], whole.splits.test.x[0, count - 3 : count])
        assert np.array_equal(short.splits.test.dt[0], whole.splits.test.dt[0, count - 3 : count])
        assert "40 stays have more" in short.attrition[-1].reason and "0 stays have more" in whole.attrition[-1].reason

    def test_features_are_those_that_a_network_is_told(self, own):
        encoding = CASE.encoding_of(MortalitySettings())
        assert len(encoding.features) == prepared(own).splits.train.x.shape[2] == 82
        values, times = np.array([[1.0], [np.nan]]), np.arange(2.0)
        assert features_of(values, ~np.isnan(values), times).tolist() == [[1, 1], [1, 0]]

    def test_perturbed_test_sets_change_inputs_alone(self, own):
        made = prepared(own, noise_levels=(0.3,), missing_levels=(0.5,))
        sets = {one.name: one.make() for one in made.test_sets}
        test = made.splits.test
        assert set(sets) == {"noise 0.3 sd", "missing 50%", "ones"} and (sets["ones"].dt == 1).all()
        assert all(np.array_equal(one.y, test.y) and one.group.tolist() == test.group.tolist() for one in sets.values())
        share = sets["missing 50%"].x[..., 41:].sum() / test.x[..., 41:].sum()
        assert 0.4 < share < 0.6 and not np.allclose(sets["noise 0.3 sd"].x, test.x)


class TestFolds:
    def test_each_stay_is_in_one_test_and_deaths_are_shared_out(self, own):
        died = np.arange(40) % 4 == 0
        found = np.stack([parts_of(died, MortalitySettings(fold=fold)) for fold in range(5)])
        assert ((found == 2).sum(axis=0) == 1).all()
        assert all(died[part == 2].sum() == 2 and (part == 2).sum() == 8 for part in found)
        assert all(died[part == 1].sum() == 2 and (part == 1).sum() == 7 for part in found)
        folds = [prepared(own, fold=fold) for fold in range(5)]
        assert len({made.data_hash for made in folds}) == 5
        assert sum(len(made.splits.test) for made in folds) == 40

    def test_nothing_of_other_stays_reaches_the_training(self, own, tmp_path):
        made = prepared(own)
        test = {group.removeprefix("stay-") for part in parts(made)[1:] for group in part.group.tolist()}
        files = made_up(stays=40, hours=8)
        files = {name: v.replace(b",HR,", b",HR,1") if name[:-4] in test else v for name, v in files.items()}
        other = prepared(set_a(tmp_path, files))
        assert np.array_equal(made.splits.train.x, other.splits.train.x) and made.data_hash != other.data_hash
        assert not np.array_equal(made.splits.test.x, other.splits.test.x)
        assert np.array_equal(made.raw_scalers.inputs.mean, other.raw_scalers.inputs.mean)

    def test_the_paper_scales_by_all_stays(self, own):
        made = prepared(own, scaling="published", ranges="keep")
        x = np.concatenate([part.x[part.valid] for part in parts(made)])
        scaler, rate = made.raw_scalers.inputs, NAMES.index("HR")
        measured = x[x[:, 41 + rate] == 1][:, rate]
        assert measured.min() == 0 and measured.max() == pytest.approx(1 - scaler.mean[rate] / scaler.std[rate])
        assert scaler.mean[NAMES.index("Height")] == -1

    def test_another_fold_is_another_data_set(self):
        recipe = load_recipe("mortality", "quick", ["data.folds=3"])
        assert [one.data_settings().fold for one in over_data_seeds(recipe, 3)] == [0, 1, 2]
        with pytest.raises(UsageError, match=r"data\.fold' is 3: should be under data\.folds, 3"):
            over_data_seeds(recipe, 4)

    def test_too_few_deaths_are_refused(self):
        with pytest.raises(DataError, match="2 of 40 patients died: too few"):
            parts_of(np.arange(40) < 2, MortalitySettings())


class TestTask:
    def test_weights_of_the_classes(self, own):
        assert prepared(own).splits.task.weights == ()
        weighted = prepared(own, class_weights="balanced", main="balanced_error_rate")
        assert weighted.splits.task.weights == pytest.approx((1, 1))
        assert weighted.splits.task.main == "balanced_error_rate"
        assert {m.name for m in CASE.of(MortalitySettings(main="balanced_error_rate")).metrics} >= {"auroc", "log_loss"}

    def test_a_logistic_regression_finds_what_the_sample_hides(self):
        made = CASE.sample()
        (_, plain, _) = made.baselines().values()
        assert isinstance(plain, LogisticRegression) and made.facts["stays"] == 60
        test = made.splits.test
        counted = test.target_mask[..., 0]
        right = plain.predict(test)[counted].argmax(axis=-1) == test.y[counted].argmax(axis=-1)
        assert right.mean() > 0.75

    def test_stays_without_an_outcome_are_refused(self, own):
        context = SourceContext(cache=own / "cache", data_dir=own, offline=True)
        with pytest.raises(DataError, match="the outcome of 40 of 40 stays is not known"):
            CASE.prepare(replace(SOURCE, outcomes=None), context, MortalitySettings(), 1)

    def test_the_paper_preset_has_the_published_settings(self):
        recipe = load_recipe("mortality", "paper")
        weights = {label: recipe.train_settings(label).class_weights for label in recipe.models}
        assert weights["cfc"] == (1.0, 11.69) and weights["ltc"] == (1.0, 8.0)
        assert all(recipe.entry(label).published.metric == "auroc" for label in recipe.models)
        assert recipe.arguments("cfc").hidden == 256 and recipe.data_settings().conditions == "scaled as published"


class TestCommand:
    @pytest.fixture
    def here(self, capsys, monkeypatch, tmp_path):
        monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
        return lambda *command: run_here(capsys, monkeypatch, *command)

    def test_folds_are_told_together_and_no_patient(self, capsys, monkeypatch, own, tmp_path):
        flags = ["--data", own, "--out", tmp_path / "out", "--jobs", "1", "--no-weights", "--data-seeds", "2"]
        changes = [part for change in SMALL for part in ("--set", change)]
        one = ["--models", "gru", "--seeds", "1", "--preset", "quick", "--format", "json"]
        answer = run_here(capsys, monkeypatch, "mortality", *flags, *one, *changes)
        assert answer.code == 0, answer
        told = json.loads(answer.out)["notes"]
        assert any("on 2, of data folds 0, 1" in sentence for sentence in told)
        (auroc,) = [sentence for sentence in told if sentence.startswith("Test AUROC on each data set")]
        assert "mean: gru 0." in auroc and "majority 0.500, 0.500, mean 0.500" in auroc
        written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.json"))
        for said in (answer.out + answer.err, written):
            assert not re.search(rf"stay-\d|(?<![\d.]){str(FIRST['a'])[:4]}\d\d\d(?!\d)", said)

    @pytest.mark.parametrize(
        ("changes", "phrase"),
        [
            (["train.class_weights=[1, 2, 3]"], "has 3 weights; the classes are: survived, died"),
            (["data.fold=5"], "should be under data.folds, 5"),
            (["data.sets=ad"], "data.sets"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, here, own, tmp_path, changes, phrase):
        flags = [part for change in changes for part in ("--set", change)]
        refused(here("mortality", "--data", own, "--out", tmp_path / "out", *flags), 2, phrase)


@pytest.mark.data
def test_set_a(shared_data, tmp_path):
    real = shared_data / "physionet-2012"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    context = SourceContext(cache=tmp_path, data_dir=real, offline=True)
    made = CASE.prepare(SOURCE, context, MortalitySettings(quantum=1.0), 1)
    assert made.facts == {"stays": 4000, "deaths": 554}
    groups = [set(part.group.tolist()) for part in parts(made)]
    assert [len(group) for group in groups] == [2559, 640, 801] and len(set.union(*groups)) == 4000
    assert [int(part.y[:, 0, 1].sum()) for part in parts(made)] == [354, 89, 111]
    measured = made.splits.train.x[..., :41][made.splits.train.x[..., 41:] == 1]
    assert abs(measured.mean()) < 0.02 and abs(measured.std() - 1) < 0.05
    assert made.splits.train.x.shape == (2559, 49, 82)
