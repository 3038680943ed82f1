"""Why a claim finds no runs to be judged on, and how to get them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from lnncmp.claims.arms import Setting, find_arm
from lnncmp.claims.claim import Claim


def why_missing(claim: Claim, settings: Sequence[Setting]) -> str:
    """Return one sentence: which runs are not there."""
    of_case = [setting for setting in settings if setting.case == claim.case]
    if not of_case:
        return f"No runs of {claim.case} in this folder: lnncmp {claim.case} makes them."
    fitting = [setting for setting in of_case if fnmatchcase(setting.conditions, claim.conditions)]
    if not fitting:
        held = ", ".join(dict.fromkeys(f"'{setting.conditions or 'the usual ones'}'" for setting in of_case))
        return f"No runs of {claim.case} under the conditions '{claim.conditions}': those here are under {held}."
    lacking = []
    for model, arguments in ((claim.left, claim.left_arguments), (claim.right, claim.right_arguments)):
        if all(find_arm(setting, model, arguments) is None for setting in fitting):
            wanted = ", ".join(f"{key} = {value}" for key, value in arguments.items())
            lacking.append(model + (f" with {wanted}" if wanted else ""))
    if lacking:
        return f"No runs of {' and '.join(lacking)} on {claim.case} in this folder."
    both = f"{claim.left} and {claim.right}"
    return f"{both} never ran on equal data under one protocol, and different data are not pooled."
