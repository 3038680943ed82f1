"""The measurements of one workload that take place inside one process, in turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.messages import MEMORY_SHARE, Found, Limits, Plan, Session, available_memory
from lnncmp.bench.networks import adopt_weights, build_network, largest_difference, operations_of
from lnncmp.bench.steps import (
    PEAK_OVER_SAVED,
    PROBED,
    STREAMED,
    StackedStep,
    elapsed_times,
    inference,
    measurable_steps,
    optimizer_steps,
    streaming,
    training_step,
)
from lnncmp.bench.timing import Action, Effort, Noise, Samples, Turns, fixed_work, interleaved, warm_up
from lnncmp.bench.workload import Workload
from lnncmp.common.process import Tell
from lnncmp.errors import UsageError
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.kernel_check import check_kernels


@dataclass
class Entrant:
    """A network in the line-up. candidate: named by what really runs; asked: by what was asked for.

    steps: of the sequence that it is measured at. difference: to its peer's outputs.
    """

    candidate: Candidate
    asked: Candidate
    model: SequenceModel
    steps: int = 0
    difference: float | None = None


@dataclass
class Lineup:
    """The networks that take part; why others do not: `absent` where they do not exist, `failed` where they broke."""

    entrants: list[Entrant] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


Timed = tuple[Candidate | None, str]
"""What is timed of which network; None for the fixed work."""


def measure(tell: Tell, plan: Plan) -> Session:
    """Measure all that is asked for; `tell` hears what is going on."""
    limits = replace(plan.limits, bytes=min(plan.limits.bytes, MEMORY_SHARE * available_memory()))
    lineup = line_up(plan.candidates, plan.workload, limits, tell)
    measuring = _Measuring(plan, limits, lineup.entrants, tell)
    measuring.all()
    notes, failed = [*lineup.absent, *measuring.notes], [*lineup.failed, *measuring.failed]
    return Session(list(measuring.found.values()), measuring.noise(), notes, failed)


class _Measuring:
    """The kinds of measurements, one after the other; each takes turns through the networks."""

    def __init__(self, plan: Plan, limits: Limits, entrants: list[Entrant], tell: Tell) -> None:
        self.plan, self.limits, self.entrants, self.tell = plan, limits, entrants, tell
        self.workload = plan.workload
        self.steps = {e.candidate: training_step(e.model, plan.workload, e.steps) for e in entrants}
        self.found = {
            e.candidate: Found(e.candidate, e.asked, e.steps, operations_of(e.candidate, plan.workload), e.difference)
            for e in entrants
        }
        self.fixed = Samples()
        self.notes: list[str] = []
        self.failed: list[str] = []

    def all(self) -> None:
        """Take the measurements that are asked for."""
        parts, effort = self.plan.parts, self.plan.effort
        for candidate, step in self.steps.items():
            if parts & {"memory", "stacked"}:
                self.found[candidate].saved_bytes = step.saved_bytes()
        if "train" in parts:
            self._train()
        brief = replace(effort, seconds=effort.seconds / 8)
        if "inference" in parts:
            passes: dict[Timed, Action] = {
                (e.candidate, "inference"): inference(e.model, self.steps[e.candidate]) for e in self.entrants
            }
            self._take_turns("inference", passes, replace(effort, seconds=effort.seconds / 2))
        if "latency" in parts:
            streams: dict[Timed, Action] = {
                (e.candidate, "latency"): streaming(e.model, self.workload) for e in self.entrants
            }
            self._take_turns("streaming", streams, brief, calls=STREAMED)

    def noise(self) -> Noise | None:
        """Return the noise during all that was timed."""
        return Noise.of(self.fixed) if self.fixed.wall else None

    def _train(self) -> None:
        """Time training steps, single ones and stacked ones in the same rounds, then the optimisers alone."""
        actions: dict[Timed, Action] = {(candidate, "train"): step for candidate, step in self.steps.items()}
        expected = self._warm(actions)
        if "stacked" in self.plan.parts:
            stacks = self._stacks(expected)
            expected |= self._warm(stacks)
            actions |= stacks
        self._time("training steps", {key: actions[key] for key in expected}, expected, self.plan.effort)
        optimizers: dict[Timed, Action] = {}
        for candidate, step in self.steps.items():
            if candidate.implementation == "ncps":
                fused, default = optimizer_steps(step)
                optimizers |= {(candidate, "optimizer"): fused, (candidate, "default_optimizer"): default}
        self._take_turns("optimisers", optimizers, replace(self.plan.effort, seconds=self.plan.effort.seconds / 8))

    def _stacks(self, expected: Mapping[Timed, float]) -> dict[Timed, Action]:
        """Return stacked training steps of the networks that have a kernel, where time and memory suffice."""
        copies, made = self.plan.copies, dict[Timed, Action]()
        for entrant in self.entrants:
            candidate = entrant.candidate
            if not entrant.model.stackable or (candidate, "train") not in expected:
                continue
            bytes_needed = copies * PEAK_OVER_SAVED * (self.found[candidate].saved_bytes or 0)
            if copies * expected[candidate, "train"] > self.limits.seconds or bytes_needed > self.limits.bytes:
                self.notes.append(f"{self.workload.name}: {copies} stacked {candidate.label} would take too long.")
                continue
            try:
                made[candidate, "stacked"] = StackedStep(entrant.asked, self.workload, copies)
            except Exception as error:
                self.failed.append(broken(self.workload, candidate, error))
        return made

    def _take_turns(self, what: str, actions: Mapping[Timed, Action], effort: Effort, calls: int = 1) -> None:
        expected = self._warm(actions)
        self._time(what, {key: actions[key] for key in expected}, expected, effort, calls)

    def _warm(self, actions: Mapping[Timed, Action]) -> dict[Timed, float]:
        """Return the seconds that each action takes once warm, of those that work."""
        expected = {}
        for key, action in actions.items():
            try:
                expected[key] = warm_up(action)
            except Exception as error:  # of torch, ncps or the compiler: the others go on
                assert key[0] is not None
                self.failed.append(broken(self.workload, key[0], error))
        return expected

    def _time(
        self,
        what: str,
        actions: Mapping[Timed, Action],
        expected: Mapping[Timed, float],
        effort: Effort,
        calls: int = 1,
    ) -> None:
        """Take samples of `actions`, each of so many calls, and keep them by call."""
        if not actions:
            return
        turns = {key: effort.turns(seconds) for key, seconds in expected.items()}
        rounds = max(own.rounds for own in turns.values())
        fixed: Timed = (None, "fixed work")
        taken = interleaved(
            {**actions, fixed: fixed_work},
            {**turns, fixed: Turns(rounds)},
            lambda done, total: self.tell(f"{self.workload.name}: {what}", done, total),
        )
        for (candidate, part), samples in taken.items():
            if candidate is None:
                self.fixed.wall.extend(samples.wall)
                self.fixed.cpu.extend(samples.cpu)
            else:
                self.found[candidate].samples[part] = samples.each_of(calls)


def line_up(candidates: Sequence[Candidate], workload: Workload, limits: Limits, tell: Tell) -> Lineup:
    """Return the line-up, in the order of `candidates`. Kernels are compiled here if they never were."""
    made = Lineup()
    made.entrants = _built(candidates, workload, made)
    for number, entrant in enumerate(list(made.entrants)):
        tell(f"{workload.name}: compiling and sizing", number, len(made.entrants))
        try:
            entrant.steps = measurable_steps(entrant.model, workload, limits)
        except Exception as error:  # of torch, ncps or the compiler: the others go on
            made.entrants.remove(entrant)
            made.failed.append(broken(workload, entrant.candidate, error))
    _require_sound_kernels(made, workload)
    _equalize(made, workload)
    tell(f"{workload.name}: compiling and sizing", 1, 1)
    return made


def named(candidate: Candidate) -> str:
    """Return model and wiring."""
    return candidate.label.removesuffix(candidate.implementation).strip()


def broken(workload: Workload, candidate: Candidate, error: BaseException) -> str:
    """Return the sentence that says what went wrong with a network."""
    return f"{workload.name}: {candidate.label} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _built(candidates: Sequence[Candidate], workload: Workload, made: Lineup) -> list[Entrant]:
    """Return the networks that exist; say in `made.absent` which do not."""
    entrants: list[Entrant] = []
    impossible: set[tuple[str, str]] = set()
    for asked in candidates:
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
        if entrant.candidate.is_peer:
            continue
        check = check_kernels(entrant.model, workload.inputs, workload.batch)
        if check is not None and not check.agrees:
            made.entrants.remove(entrant)
            made.failed.append(f"{workload.name}: {entrant.candidate.label} is wrong and was left out: {check.told}.")


def _equalize(made: Lineup, workload: Workload) -> None:
    """Give our networks the weights of their peers, and keep how far the outputs of some steps differ."""
    peers = {entrant.candidate: entrant.model for entrant in made.entrants if entrant.candidate.is_peer}
    dt = elapsed_times(workload, min(PROBED, workload.steps))
    x = torch.randn(*dt.shape, workload.inputs, generator=torch.Generator().manual_seed(2))
    for entrant in made.entrants:
        peer = peers.get(entrant.candidate.peer)
        if peer is None or entrant.model is peer:
            continue
        adopt_weights(entrant.model, peer)
        entrant.difference = largest_difference(entrant.model, peer, x, dt)
