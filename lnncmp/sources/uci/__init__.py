"""Three data sets of the UCI Machine Learning Repository that the LTC paper reports: gesture, traffic and ozone."""
