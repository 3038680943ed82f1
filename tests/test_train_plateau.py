from test_train import same, trainer, weights


class TestPlateau:
    """Training stops where the lowest validation loss no longer falls."""

    def run(self, patience, epochs=200, **changes):
        return trainer(epochs=epochs, patience=patience, **changes).fit()

    def test_stops_at_the_first_epoch_at_which_the_rule_holds(self):
        fitted = self.run(4, min_gain=0.05)
        losses = [epoch.validation_loss for epoch in fitted.history]
        assert 4 < len(losses) < 200 and fitted.status == "ok" and fitted.stopped_epoch is None
        held = [min(losses[:n]) > min(losses[: n - 4]) * 0.95 for n in range(5, len(losses) + 1)]
        assert held == [False] * (len(held) - 1) + [True]

    def test_without_patience_all_epochs_are_trained(self):
        assert len(self.run(None, epochs=60).history) == 60

    def test_a_patience_longer_than_the_training_never_stops_it(self):
        assert len(self.run(20, epochs=20).history) == 20

    def test_resuming_at_the_plateau_trains_no_further(self):
        whole = trainer(epochs=200, patience=4, min_gain=0.05)
        states = []
        fitted = whole.fit(lambda one: states.append(one.state()))
        later = trainer(epochs=200, patience=4, min_gain=0.05)
        later.restore(states[-1])
        after = []
        assert later.fit(after.append).history == fitted.history and after == []
        assert same(weights(later.model), weights(whole.model))
