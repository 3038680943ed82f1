"""Equal-budget tuning: the same number of trials over the same kind of settings for every model of a case."""
