"""Ways to part a user's own table, and what is refused or warned of with one sentence."""

from dataclasses import replace

import numpy as np
import pytest
from made_tables import labelled, prepared, series, settings, table
from pydantic import ValidationError

from lnncmp.cases.base import load_case
from lnncmp.cases.table.columns import roles_of
from lnncmp.cases.table.parts import starts
from lnncmp.cases.table.pieces import in_words
from lnncmp.cases.table.settings import TableSettings
from lnncmp.cases.table.understood import understand
from lnncmp.errors import DataError, UsageError
from lnncmp.recipe.load import load_recipe


def quiet(message):
    """Swallow a warning."""


def words(rows, first=0.7, second=0.85):
    """Return the labels of rows that follow one another."""
    places = np.arange(rows) / rows
    return np.where(places < first, "Train", np.where(places < second, "VALID", "test "))


class TestDefaults:
    @pytest.mark.parametrize("groups, way", [(1, "time"), (9, "time"), (10, "group"), (14, "group")])
    def test_groups_are_split_if_there_are_ten(self, groups, way):
        found, _ = prepared(table(*(series(200, f"g{n:02d}", n) for n in range(groups))))
        assert found.settings.split == way

    @pytest.mark.parametrize("rows, window", [(20_000, 64), (2000, 32), (900, 16), (300, 8)])
    def test_the_window_follows_from_the_size_of_the_data(self, rows, window):
        found = understand(table(series(rows)), settings(window=None, stride=None), quiet)
        assert found.settings.window == window and 1 <= found.settings.stride <= window // 2
        assert all(len(places) for places in found.parts.places)

    def test_at_most_so_many_windows_evenly(self):
        found, made = prepared(table(series(5000)), at_most=50)
        assert [len(part) for part in (made.splits.train, made.splits.validation, made.splits.test)] == [50, 25, 25]
        firsts = [place.first for place in found.parts.places[0]]
        assert np.ptp(np.diff(firsts)) <= found.settings.stride

    def test_complete_settings_stay_as_they_are(self):
        made = table(*(series(200, f"g{n:02d}", n) for n in range(12)))
        once = understand(made, settings(window=None, stride=None), quiet).settings
        assert understand(made, once, quiet).settings == once
        again = TableSettings.model_validate(once.model_dump(mode="json"))
        assert again == once and once.classes == {"c": ("low", "middle", "high")}
        assert prepared(made)[1].data_hash == prepared(made)[1].data_hash

    def test_the_last_window_ends_at_the_last_row(self):
        assert starts(11, 4, 2)[-1] == 7 and starts(4, 4, 2) == [0] and starts(3, 4, 2) == []


class TestColumn:
    def test_says_it_row_by_row(self):
        found, made = prepared(table(series(600, split=words(600))), split="set")
        rows = [
            {found.parts.pieces[p.piece].first + row for p in places for row in range(p.first, p.last + 2)}
            for places in found.parts.places
        ]
        assert max(rows[0]) < 420 <= min(rows[1]) and max(rows[1]) < 510 <= min(rows[2])
        assert len(made.splits.test) > 5

    def test_another_word_is_refused_without_showing_it(self):
        labels = words(600).astype("U20")
        labels[5] = "secret"
        with pytest.raises(DataError, match="column 'set' should say train, validation or test") as error:
            prepared(table(series(600, split=labels)), split="set")
        assert "1 of 600 rows" in error.value.message and "secret" not in error.value.message + error.value.hint

    def test_a_group_in_two_parts_is_refused(self):
        made = table(*(series(200, f"g{n}", n, split=words(200)) for n in range(3)))
        with pytest.raises(DataError, match="rows of 3 groups in more than one part"):
            prepared(made, split="set")

    def test_a_part_without_windows_is_refused(self):
        with pytest.raises(DataError, match="no test windows of 16 rows can be cut"):
            prepared(table(series(600, split=words(600, 0.7, 1.0))), split="set")


class TestOthers:
    def test_windows_at_random_that_overlap_are_warned_of(self):
        said = []
        _, made = prepared(table(series(600)), split="random", warn=said.append)
        assert any("overlap" in text for text in said) and len(made.splits.test) > 5
        said.clear()
        found, _ = prepared(table(series(600)), split="random", stride=16, warn=said.append)
        assert not any("overlap" in text for text in said)
        rows = [
            {row for place in places for row in range(place.first, place.last + 1)} for places in found.parts.places
        ]
        assert not rows[0] & rows[2] and not rows[1] & rows[2]

    def test_the_order_is_that_of_the_seed(self):
        one, other, third = (prepared(table(series(600)), split="random", seed=n)[1] for n in (1, 1, 2))
        np.testing.assert_array_equal(one.splits.test.x, other.splits.test.x)
        assert not np.array_equal(one.splits.test.x, third.splits.test.x)

    def test_two_groups_cannot_be_split_by_group(self):
        with pytest.raises(DataError, match="at least 3 groups"):
            prepared(table(series(), series(group="b")), split="group")

    def test_too_short_a_table(self):
        with pytest.raises(DataError, match="no validation windows of 16 rows can be cut") as error:
            prepared(table(series(60)))
        assert "--window" in error.value.hint

    def test_series_too_short_for_some_part_are_counted(self):
        _, made = prepared(table(*(series(600 if n else 60, f"g{n}", n) for n in range(4))))
        notes = [text for one in made.described for text in one.notes]
        assert "1 series are too short to have test windows" in notes


class TestClasses:
    def test_a_rare_class_changes_the_main_error(self):
        one = series(600)
        assert prepared(labelled(one), task="classify")[0].settings.main == "error_rate"
        one.values[:, 2] = np.where(np.arange(600) % 25 == 0, 2.0, np.arange(600) % 2)
        found, made = prepared(labelled(one), task="classify", class_weights="balanced")
        assert found.settings.main == "balanced_error_rate" == made.splits.task.main
        weights = made.splits.task.weights
        counts = found.counts[0]
        np.testing.assert_allclose(np.array(weights) * counts, counts.sum() / 3)

    def test_weights_of_ones_own(self):
        found, made = prepared(task="classify", class_weights=(1.0, 2.0, 3.0))
        assert made.splits.task.weights == (1.0, 2.0, 3.0) and found.settings.task == "classify"
        with pytest.raises(UsageError, match="2 weights for 3 classes"):
            prepared(task="classify", class_weights=(1.0, 2.0))

    def test_a_class_that_training_lacks_is_warned_of(self):
        one, said = series(600), []
        one.values[:, 2] = np.where(np.arange(600) > 520, 2.0, np.arange(600) // 7 % 2)
        prepared(labelled(one), task="classify", warn=said.append)
        assert "class 'high' of 'c' is in no target of training and validation" in said

    def test_one_class_in_training_is_refused(self):
        one = series(600)
        one.values[:, 2] = np.where(np.arange(600) > 430, 1.0, 0.0)
        with pytest.raises(DataError, match="hold 1 of the 3 classes"):
            prepared(labelled(one), task="classify")

    def test_classes_keep_the_order_of_the_settings(self):
        order = ("high", "low", "middle")
        usual, first = prepared(task="classify")
        found, made = prepared(task="classify", classes={"c": order})
        assert made.splits.task.classes == order and usual.settings.classes["c"] != order
        np.testing.assert_array_equal(made.splits.train.y, first.splits.train.y[..., [2, 0, 1]])
        with pytest.raises(DataError, match=r"column 'c' holds 1 classes that data\.classes does not name"):
            prepared(task="classify", classes={"c": order[:2]})
        assert found.counts.sum() == usual.counts.sum()


class TestSettings:
    def test_names_are_separated_by_commas(self):
        assert TableSettings(target='load, "a, b"').target == ("load", "a, b")

    @pytest.mark.parametrize(
        "given, words",
        [
            ({"horizon": 0}, "a forecast is of a row ahead"),
            ({"label": "window"}, "regress and classify"),
            ({"target": ("a", "b"), "task": "classify"}, "one target column"),
            ({"main": "error_rate"}, "nmse or mse"),
            ({"task": "classify", "main": "mse"}, "error_rate or"),
            ({"fractions": (0.7, 0.2, 0.2)}, "sum to 1"),
            ({"target": ("a", "a")}, "once"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, given, words):
        with pytest.raises(ValidationError, match=words):
            TableSettings(**{"target": ("a",), **given})

    def test_a_refusal_is_one_sentence_about_one_key(self):
        with pytest.raises(UsageError, match=r"recipe key 'data\.main' is 'mse': should be error_rate"):
            load_recipe("table", "quick", ["data.task=classify", "data.main=mse"]).data_settings()

    def test_roles(self):
        found = roles_of(settings(task="classify", split="set", group="who"))
        assert (found.targets, found.categories, found.split, found.group) == (("c",), ("c",), "set", "who")
        assert roles_of(settings(split="random")).split is None

    def test_unknown_columns_get_the_nearest_match(self):
        with pytest.raises(UsageError, match="unknown column 'yy'") as error:
            prepared(target=("yy",))
        assert "Did you mean 'y'?" in error.value.hint
        assert prepared(target=("Y",), features=("X",))[0].settings.inputs == ("y", "x")

    def test_a_target_of_classes_cannot_be_forecast(self):
        with pytest.raises(UsageError, match="column 'c' holds 3 classes") as error:
            prepared(labelled(), target=("c",))
        assert "--task classify" in error.value.hint

    def test_conditions_name_the_task(self):
        assert settings().conditions == "forecast of y"
        many = TableSettings(target=tuple("abcde"), horizon=3)
        assert many.conditions == "forecast of a, b, c and 2 more, 3 rows ahead"

    @pytest.mark.parametrize(
        "unit, words",
        [
            (0.02, "20 ms"),
            (1.0, "1 s"),
            (900.0, "15 min"),
            (3600.0, "1 h"),
            (86400.0, "1 day"),
            (3 * 86400.0, "3 days"),
        ],
    )
    def test_units_in_words(self, unit, words):
        assert in_words(unit, "seconds", "t") == words


def test_features_unseen_in_training_are_left_out():
    one = series(600)
    one.values[:450, 1] = np.nan
    found, made = prepared(table(one))
    assert found.settings.features == ("c",) and "column 'x' has no value in training and is left out" in found.notes
    assert made.splits.train.x.shape[2] == 4 == len(load_case("table").encoding_of(found.settings).features)


def test_perturbed_inputs_leave_targets_alone():
    one = series(800)
    times = one.times + np.cumsum(np.arange(800) % 3 == 0) * 0.5
    _, made = prepared(table(replace(one, times=times)))
    test = made.splits.test
    assert [s.group for s in made.test_sets] == ["noise"] * 3 + ["missing"] * 2 + ["timespans"]
    for one_set in made.test_sets:
        windows = one_set.make()
        np.testing.assert_array_equal(windows.y, test.y)
        assert np.array_equal(windows.x, test.x) == (one_set.group == "timespans")
    noisy = made.test_sets[1].make()
    difference = noisy.x[..., :2] - test.x[..., :2]
    assert 0.25 < difference.std() < 0.35 and np.array_equal(noisy.x[..., 2:], test.x[..., 2:])
    np.testing.assert_array_equal(noisy.x, made.test_sets[1].make().x)
