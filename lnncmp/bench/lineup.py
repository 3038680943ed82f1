"""The networks of one workload, ready to be measured: built, with equal weights, and with the steps they can take."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from lnncmp.bench.contenders import Contender
from lnncmp.bench.fresh import Tell
from lnncmp.bench.lengths import PROBED, measurable_steps
from lnncmp.bench.limits import Limits
from lnncmp.bench.networks import adopt_weights, build_network, largest_difference
from lnncmp.bench.steps import elapsed_times
from lnncmp.bench.workload import Workload
from lnncmp.cells.base import SequenceModel
from lnncmp.errors import UsageError
from lnncmp.kernel_check import check_kernels


@dataclass
class Entrant:
    """A network in the line-up. contender: named by what really runs; asked: by what was asked for.

    steps: of the sequence that it is measured at. difference: to its peer's outputs.
    """

    contender: Contender
    asked: Contender
    model: SequenceModel
    steps: int = 0
    difference: float | None = None


@dataclass
class Lineup:
    """The networks that take part; why others do not: `absent` where they do not exist, `failed` where they broke."""

    entrants: list[Entrant] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def line_up(contenders: Sequence[Contender], workload: Workload, limits: Limits, tell: Tell) -> Lineup:
    """Return the line-up, in the order of `contenders`. Kernels are compiled here if they never were."""
    made = Lineup()
    made.entrants = _built(contenders, workload, made)
    for number, entrant in enumerate(list(made.entrants)):
        tell(f"{workload.name}: compiling and sizing", number, len(made.entrants))
        try:
            entrant.steps = measurable_steps(entrant.model, workload, limits)
        except Exception as error:  # of torch, ncps or the compiler: the others go on
            made.entrants.remove(entrant)
            made.failed.append(broken(workload, entrant.contender, error))
    _require_sound_kernels(made, workload)
    _equalize(made, workload)
    tell(f"{workload.name}: compiling and sizing", 1, 1)
    return made


def named(contender: Contender) -> str:
    """Return model and wiring."""
    return contender.label.removesuffix(contender.implementation).strip()


def broken(workload: Workload, contender: Contender, error: BaseException) -> str:
    """Return the sentence that says what went wrong with a network."""
    return f"{workload.name}: {contender.label} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _built(contenders: Sequence[Contender], workload: Workload, made: Lineup) -> list[Entrant]:
    """Return the networks that exist; say in `made.absent` which do not."""
    entrants: list[Entrant] = []
    impossible: set[tuple[str, str]] = set()
    for asked in contenders:
        kind = (asked.model, asked.wiring)
        if kind in impossible:
            continue
        try:
            model = build_network(asked, workload)
        except UsageError as error:  # comes for a network of ours first, before its peer
            impossible.add(kind)
            made.absent.append(f"{workload.name}: no {named(asked)} of these sizes: {error.message}.")
            continue
        ran = replace(asked, implementation=model.implementation)
        if not asked.is_peer and asked.implementation == "fused" and ran.implementation not in ("fused", "native"):
            made.absent.append(f"{workload.name}: no kernel for {named(asked)} here: only its loop is shown.")
            continue
        entrants.append(Entrant(ran, asked, model))
    return entrants


def _require_sound_kernels(made: Lineup, workload: Workload) -> None:
    """Leave networks out whose kernels do not agree with plain PyTorch: their speed means nothing."""
    for entrant in list(made.entrants):
        if entrant.contender.is_peer:
            continue
        check = check_kernels(entrant.model, workload.inputs, workload.batch)
        if check is not None and not check.agrees:
            made.entrants.remove(entrant)
            made.failed.append(f"{workload.name}: {entrant.contender.label} is wrong and was left out: {check.told}.")


def _equalize(made: Lineup, workload: Workload) -> None:
    """Give our networks the weights of their peers, and keep how far the outputs of some steps differ."""
    peers = {entrant.contender: entrant.model for entrant in made.entrants if entrant.contender.is_peer}
    dt = elapsed_times(workload, min(PROBED, workload.steps))
    x = torch.randn(*dt.shape, workload.inputs, generator=torch.Generator().manual_seed(2))
    for entrant in made.entrants:
        peer = peers.get(entrant.contender.peer)
        if peer is None or entrant.model is peer:
            continue
        adopt_weights(entrant.model, peer)
        entrant.difference = largest_difference(entrant.model, peer, x, dt)
