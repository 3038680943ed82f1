"""The interleaved measurements of one workload, all inside one process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from lnncmp.bench.candidates import LAYERS, SAME_KIND, Candidate
from lnncmp.bench.like_peers import installed
from lnncmp.bench.messages import MEMORY_SHARE, Found, Limits, Plan, Session
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
    stepping,
    streaming,
    training_step,
)
from lnncmp.bench.timing import Action, Effort, Noise, Samples, Turns, fixed_work, interleaved, warm_up
from lnncmp.bench.workload import Workload
from lnncmp.common.memory import available_memory
from lnncmp.common.process import Tell
from lnncmp.errors import UsageError
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.kernel_check import check_kernels


@dataclass
class BuiltCandidate:
    """A candidate with its network. candidate: names the implementation that runs; asked: the requested one.

    steps: steps of the sequence used for measuring. difference: from the peer's outputs.
    """

    candidate: Candidate
    asked: Candidate
    model: SequenceModel
    steps: int = 0
    difference: float | None = None


@dataclass
class CandidateSet:
    """The candidates to measure, `built`; reasons for the others: `absent` if they do not exist, `failed` on errors."""

    built: list[BuiltCandidate] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


Timed = tuple[Candidate | None, str]
"""(candidate, part); the candidate is None for the fixed work."""


def measure(tell: Tell, plan: Plan) -> Session:
    """Measure everything requested; `tell` is the progress callback."""
    limits = replace(plan.limits, bytes=min(plan.limits.bytes, MEMORY_SHARE * available_memory()))
    candidates = build_candidates(plan.candidates, plan.workload, limits, tell)
    measuring = _Measuring(plan, limits, candidates.built, tell)
    measuring.all()
    notes, failed = [*candidates.absent, *measuring.notes], [*candidates.failed, *measuring.failed]
    return Session(list(measuring.found.values()), measuring.noise(), notes, failed)


class _Measuring:
    """The kinds of measurements, one after another; each interleaves the networks."""

    def __init__(self, plan: Plan, limits: Limits, built: list[BuiltCandidate], tell: Tell) -> None:
        self.plan, self.limits, self.built, self.tell = plan, limits, built, tell
        self.workload = plan.workload
        self.steps = {e.candidate: training_step(e.model, plan.workload, e.steps) for e in built}
        self.found = {
            e.candidate: Found(e.candidate, e.asked, e.steps, operations_of(e.candidate, plan.workload), e.difference)
            for e in built
        }
        self.fixed = Samples()
        self.notes: list[str] = []
        self.failed: list[str] = []

    def all(self) -> None:
        """Take the requested measurements."""
        parts, effort = self.plan.parts, self.plan.effort
        for candidate, step in self.steps.items():
            if parts & {"memory", "stacked"}:
                self.found[candidate].saved_bytes = step.saved_bytes()
        if "train" in parts:
            self._train()
        brief = replace(effort, seconds=effort.seconds / 8)
        if "inference" in parts:
            passes: dict[Timed, Action] = {
                (e.candidate, "inference"): inference(e.model, self.steps[e.candidate]) for e in self.built
            }
            self._take_turns("inference", passes, replace(effort, seconds=effort.seconds / 2))
        if "latency" in parts:
            streams: dict[Timed, Action] = {
                (e.candidate, "latency"): streaming(e.model, self.workload)
                for e in self.built
                if e.candidate.like is None or e.candidate.like.streams
            }
            steppers = {
                e.candidate: stepping(e.model, self.workload)
                for e in self.built
                if e.candidate.implementation in ("fused", LAYERS)
            }
            streams |= {(candidate, "stepper"): action for candidate, action in steppers.items() if action is not None}
            self._take_turns("streaming", streams, brief, calls=STREAMED)

    def noise(self) -> Noise | None:
        """Return the noise during all timed work."""
        return Noise.of(self.fixed) if self.fixed.wall else None

    def _train(self) -> None:
        """Time single and stacked training steps in the same rounds, then the optimisers alone."""
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
        """Return stacked training steps of the networks that have a kernel, if time and memory allow."""
        copies, made = self.plan.copies, dict[Timed, Action]()
        for one in self.built:
            candidate = one.candidate
            if not one.model.stackable or (candidate, "train") not in expected:
                continue
            bytes_needed = copies * PEAK_OVER_SAVED * (self.found[candidate].saved_bytes or 0)
            if copies * expected[candidate, "train"] > self.limits.seconds or bytes_needed > self.limits.bytes:
                self.notes.append(f"{self.workload.name}: {copies} stacked {candidate.label} would take too long.")
                continue
            try:
                made[candidate, "stacked"] = StackedStep(one.asked, self.workload, copies)
            except Exception as error:
                self.failed.append(broken(self.workload, candidate, error))
        return made

    def _take_turns(self, what: str, actions: Mapping[Timed, Action], effort: Effort, calls: int = 1) -> None:
        expected = self._warm(actions)
        self._time(what, {key: actions[key] for key in expected}, expected, effort, calls)

    def _warm(self, actions: Mapping[Timed, Action]) -> dict[Timed, float]:
        """Return the seconds of each action after warm-up; actions that fail are left out."""
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
        """Time `actions` and store their samples; `calls`: calls inside one action, by which its times are divided."""
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
                self.found[candidate].samples[part] = samples.per_call(calls)


def build_candidates(candidates: Sequence[Candidate], workload: Workload, limits: Limits, tell: Tell) -> CandidateSet:
    """Return the candidate set, in the order of `candidates`. Kernels that were never compiled are compiled here."""
    made = CandidateSet()
    made.built = _built(candidates, workload, made)
    for number, one in enumerate(list(made.built)):
        tell(f"{workload.name}: compiling and sizing", number, len(made.built))
        try:
            one.steps = measurable_steps(one.model, workload, limits)
        except Exception as error:  # of torch, ncps or the compiler: the others go on
            made.built.remove(one)
            made.failed.append(broken(workload, one.candidate, error))
    _require_sound_kernels(made, workload)
    _equalize(made, workload)
    tell(f"{workload.name}: compiling and sizing", 1, 1)
    return made


def named(candidate: Candidate) -> str:
    """Return model and wiring."""
    return candidate.label.removesuffix(candidate.implementation).strip()


def broken(workload: Workload, candidate: Candidate, error: BaseException) -> str:
    """Return the sentence that describes the failure of a network."""
    return f"{workload.name}: {candidate.label} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _built(candidates: Sequence[Candidate], workload: Workload, made: CandidateSet) -> list[BuiltCandidate]:
    """Return the networks that exist; add the others to `made.absent`."""
    built: list[BuiltCandidate] = []
    impossible: set[tuple[str, str]] = set()
    for asked in candidates:
        kind = (asked.model, asked.wiring)
        if kind in impossible:
            continue
        if asked.like is not None and not installed(asked.like):
            made.absent.append(f"No {asked.label} ({SAME_KIND}): {asked.like.package} is not installed.")
            continue
        try:
            model = build_network(asked, workload)
        except UsageError as error:  # ours comes before its peer, so the peer is never built
            impossible.add(kind)
            made.absent.append(f"{workload.name}: no {named(asked)} with these sizes: {error.message}.")
            continue
        except Exception as error:  # of another package: the others go on
            made.failed.append(broken(workload, asked, error))
            continue
        ran = replace(asked, implementation=model.implementation)
        if asked.implementation == "fused" and ran.implementation not in ("fused", "native"):
            made.absent.append(f"{workload.name}: no kernel for {named(asked)} here: only plain PyTorch is shown.")
            continue
        built.append(BuiltCandidate(ran, asked, model))
    return built


def _require_sound_kernels(made: CandidateSet, workload: Workload) -> None:
    """Remove networks whose kernels disagree with plain PyTorch: their speed is meaningless."""
    for one in list(made.built):
        if one.candidate.is_peer:
            continue
        check = check_kernels(one.model, workload.inputs, workload.batch)
        if check is not None and not check.agrees:
            made.built.remove(one)
            made.failed.append(f"{workload.name}: {one.candidate.label} is wrong and was left out: {check.summary}.")


def _equalize(made: CandidateSet, workload: Workload) -> None:
    """Copy the weights of the peers into our networks, and store how far the outputs of a few steps differ."""
    peers = {one.candidate: one.model for one in made.built if one.candidate.is_peer}
    dt = elapsed_times(workload, min(PROBED, workload.steps))
    x = torch.randn(*dt.shape, workload.inputs, generator=torch.Generator().manual_seed(2))
    for one in made.built:
        peer = None if one.candidate.peer is None else peers.get(one.candidate.peer)
        if peer is None or one.model is peer:
            continue
        adopt_weights(one.model, peer)
        one.difference = largest_difference(one.model, peer, x, dt)
