"""Damped sine waves: their closed form, noise, measures of predictions, and predictors that know what they are."""
