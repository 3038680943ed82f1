"""What each untrained baseline is, in words."""

import re

_WORDS = {
    "persistence": "repeating the last value",
    "mean": "the training mean",
    "train_mean": "the training mean",
    "majority": "the most frequent class",
    "ar2_online": "an autoregression fitted to each series as it comes",
    "kalman_bank": "a bank of Kalman filters that knows the equation",
}
_PATTERNS = (
    (r"(?:ar|var)(\d+)_ridge", "a linear autoregression on the last {} inputs"),
    (r"ridge(\d+)", "a linear regression on the last {} inputs"),
    (r"logistic1", "a logistic regression on the last input"),
    (r"logistic(\d+)", "a logistic regression on the last {} inputs"),
)


def baseline_words(name: str) -> str:
    """Return what a baseline is, in words; "an untrained baseline" for one of no known name.

    >>> baseline_words("ar4_ridge")
    'a linear autoregression on the last 4 inputs'
    """
    if name in _WORDS:
        return _WORDS[name]
    for pattern, words in _PATTERNS:
        if found := re.fullmatch(pattern, name):
            return words.format(*found.groups())
    return "an untrained baseline"
