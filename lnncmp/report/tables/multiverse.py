"""What a multiverse says of each claim, as a document."""

import math

from lnncmp.claims.readings import ClaimReadings, Flip, Multiverse, Reading
from lnncmp.report.tables.document import Document, Grid, Row, Section, Value, columns, ends
from lnncmp.report.tables.numbers import UNKNOWN, significant

_DIGITS = 3


def document_of_multiverse(found: Multiverse) -> Document:
    """Return a row for each claim, what its verdict hangs on, and the notes; as rows every reading of every claim."""
    title = f"{found.case}: claims over {len(found.universes)} readings of the study, {len(found.seeds)} seeds"
    notes = {
        "What the verdicts hang on": [sentence_of(claim) for claim in found.claims],
        "Choices (the default first)": [
            f"{choice.name}: {', '.join(one.name for one in choice.alternatives)}" for choice in found.choices
        ],
        "Notes": found.notes,
    }
    rows = [row_of(claim, reading) for claim in found.claims for reading in claim.readings]
    return Document([Section(title, [claims_grid(found, title)], notes=notes)], rows, found)


def claims_grid(found: Multiverse, title: str) -> Grid:
    """Return the table: one row for each claim."""
    claims = found.claims
    return Grid(
        title=title,
        corner="claim",
        labels=tuple(claim.id for claim in claims),
        columns=columns(
            {
                "holds\nin": [f"{claim.supports} of {claim.count}" for claim in claims],
                "opposite\nin": [str(claim.opposite) for claim in claims],
                "not\nshown": [str(claim.not_shown) for claim in claims],
                "no\nresult": [str(claim.no_result) for claim in claims],
                "median\neffect": [effect_words(claim, claim.median) for claim in claims],
                "choice that\nmatters most": [_most(claim) for claim in claims],
                "turns with": ["\n".join(_turns(claim)) or UNKNOWN for claim in claims],
                "p (whole\ncurve)": [UNKNOWN if claim.joint is None else _p(claim.joint.z) for claim in claims],
            }
        ),
        sections=(len(claims),),
    )


def effect_words(claim: ClaimReadings, effect: float | None) -> str:
    """Return an effect as a ratio "x 1.15" (above 1 is in the claim's favour), or a difference with its sign."""
    if effect is None:
        return UNKNOWN
    if claim.effect_kind == "log ratio":
        return f"x {significant(math.exp(effect), _DIGITS)}"
    return f"{'+' if effect >= 0 else ''}{significant(effect, _DIGITS)}"


def sentence_of(claim: ClaimReadings) -> str:
    """Return one sentence: shares of readings, then the choices that matter, then where the effect turns."""
    counts = [f"supported in {share(claim.supports, claim.count)}", f"opposite in {share(claim.opposite, claim.count)}"]
    counts.append(f"not shown in {share(claim.not_shown, claim.count)}")
    if claim.no_result:
        counts.append(f"without a result in {claim.no_result}")
    parts = [f"{claim.id}: {', '.join(counts)}"]
    weighty = [one for one in claim.influences if one.share >= 0.05][:3]
    if weighty:
        named = [f"{one.choice} {one.share:.0%}{_interval(one.ci95)}" for one in weighty]
        rest = "" if claim.rest is None else f", their combinations and chance {claim.rest:.0%}"
        parts.append(f"variance of the effect: {', '.join(named)}{rest}")
    turns = _turns(claim)
    if turns:
        parts.append(f"the effect turns with {', '.join(turns)}")
    if claim.joint is not None:
        joint = claim.joint
        values = f"{joint.median:.2g} (median), {joint.shown:.2g} (share shown one way), {joint.z:.2g} (mean z)"
        parts.append(f"whole curve: p = {values}")
    return "; ".join(parts) + "."


def share(count: int, whole: int) -> str:
    """Return a count as "12 of 48 (25%)"."""
    return f"{count} of {whole} ({count / whole:.0%})" if whole else "0"


def row_of(claim: ClaimReadings, reading: Reading) -> Row:
    """Return a reading of a claim as one line, its choices as columns."""
    chosen: dict[str, Value] = {f"choice {name}": value for name, value in reading.alternatives.items()}
    return {
        "claim": claim.id,
        "universes": " ".join(map(str, reading.universes)),
        "left": reading.models[0] if reading.models else None,
        "right": reading.models[1] if reading.models else None,
        "outcome": reading.outcome,
        "verdict": reading.verdict,
        "effect": reading.effect,
        "effect_kind": claim.effect_kind,
        **ends("ci95", reading.ci95),
        "p": reading.p,
        "pairs": reading.pairs,
        "lost_left": reading.lost[0],
        "lost_right": reading.lost[1],
        "reason": reading.reason,
        **chosen,
    }


def _most(claim: ClaimReadings) -> str:
    if not claim.influences or claim.influences[0].share == 0:
        return UNKNOWN
    first = claim.influences[0]
    return f"{first.choice}\n{first.share:.0%}{_interval(first.ci95)}"


def _interval(ci95: tuple[float, float] | None) -> str:
    return "" if ci95 is None else f" [{ci95[0]:.0%}, {ci95[1]:.0%}]"


def _turns(claim: ClaimReadings) -> list[str]:
    """Return the alternatives under which the effect turns, those that do so alone first."""
    return [_turn(flip) for flip in sorted(claim.flips, key=lambda flip: not flip.alone)]


def _turn(flip: Flip) -> str:
    return f"{flip.choice}={flip.alternative}{'' if flip.alone else ' (median)'}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"
