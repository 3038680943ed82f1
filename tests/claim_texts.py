"""The text of a file with one claim."""

GOOD = """
[[claim]]
id = "a-claim"
claim = "The CfC has a lower error than the LSTM."
where = "nowhere"
case = "walker2d"
left = "cfc"
right = "lstm"
measure = "mse"
direction = "lower"
matters = 1.1
"""
