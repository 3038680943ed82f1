import json

import pytest
from claim_records import one

from lnncmp.records.convergence import CONVERGED_GAIN, convergence_of, on_plateau
from lnncmp.records.schema import Epoch, RunRecord
from lnncmp.records.settings import TrainSettings


class TestConvergence:
    def test_hand_worked(self):
        found = convergence_of([4.0, 3.0, 2.0, 1.0], [0.1, 0.08, 0.05, 0.02])
        assert found.gain == 0.5 and found.best_is_last and found.rate_left == pytest.approx(0.2)
        assert found.epochs == 4 and not found.plateau and not found.converged

    def test_a_quarter_is_rounded_up(self):
        assert convergence_of([8.0, 4.0, 4.0, 2.0, 1.0], [1.0] * 5).gain == 0.75  # two of five epochs

    @pytest.mark.parametrize(("last", "converged"), [(1 - CONVERGED_GAIN / 2, True), (1 - 2 * CONVERGED_GAIN, False)])
    def test_the_gain_decides(self, last, converged):
        found = convergence_of([2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, last], [1.0] * 8)
        assert found.converged is converged and found.best_is_last

    def test_a_rise_is_no_gain(self):
        found = convergence_of([2.0, 1.0, 1.5, 3.0], [1.0] * 4)
        assert found.gain == 0 and found.converged and not found.best_is_last

    def test_one_epoch_never_converges(self):
        assert not convergence_of([1.0], [1.0]).converged

    def test_a_loss_of_zero_has_converged(self):
        assert convergence_of([1.0, 0.0, 0.0, 0.0], [1.0] * 4).converged

    def test_nothing_without_epochs(self):
        assert convergence_of([], []) is None


class TestPlateau:
    def test_only_after_the_patience(self):
        assert not on_plateau([1.0, 1.0], 2, 0.01) and on_plateau([1.0, 1.0, 1.0], 2, 0.01)

    def test_a_slow_fall_adds_up(self):
        falling = [0.995**n for n in range(30)]
        assert on_plateau(falling, 1, 0.01) and not on_plateau(falling, 10, 0.01)

    def test_never_without_patience(self):
        assert not on_plateau([1.0] * 100, None, 0.01)


class TestRecords:
    def history(self, losses):
        return [
            Epoch(epoch=n, train_loss=1, validation_loss=loss, seconds=1, grad_norm=1, learning_rate=0.1 / n)
            for n, loss in enumerate(losses, start=1)
        ]

    def record(self, losses, **train):
        plain = one("gru", 0, 1.0)
        recipe = plain.recipe.model_copy(update={"train": TrainSettings(epochs=10, **train)})
        table = {**plain.model_dump(), "recipe": recipe.model_dump(), "history": self.history(losses)}
        return RunRecord.model_validate({**table, "convergence": None})

    def test_an_older_record_gets_it_when_it_is_read(self):
        made = self.record([4.0, 3.0, 2.0, 1.0])
        assert made.convergence.gain == 0.5 and made.convergence.rate_left == 0.25
        assert RunRecord.model_validate_json(made.model_dump_json()) == made

    def test_fewer_epochs_than_the_ceiling_are_a_plateau_with_patience_only(self):
        assert self.record([4.0, 3.0, 2.0, 1.0], patience=1).convergence.plateau
        assert not self.record([4.0, 3.0, 2.0, 1.0]).convergence.plateau
        assert not self.record([4.0 - n / 10 for n in range(10)], patience=1).convergence.plateau


class TestIdentity:
    """What runs of before did not have is no part of what they are hashed from."""

    def test_settings_without_patience_are_written_as_before(self):
        assert not {"patience", "min_gain"} & set(TrainSettings(min_gain=0.5).model_dump(mode="json"))

    def test_with_patience_both_are(self):
        table = json.loads(TrainSettings(patience=3).model_dump_json())
        assert (table["patience"], table["min_gain"]) == (3, 0.01) and TrainSettings(**table).patience == 3
