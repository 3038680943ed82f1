"""Where the weights of a CfC's stages lie for its kernels, and the moves that bring them there. Legend: sizes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.cfc.moves import RECORD, Move
from lnncmp.kernels.cfc.plan import Plan, StagePlan
from lnncmp.kernels.common.matmul import padded

Numbers = NDArray[Any]


def spread(columns: int) -> int:
    """Return the length of rows for matrices that are walked through by rows (see sizes)."""
    return columns + 16 if columns % 64 == 0 else columns


@dataclass
class _Side:
    """Places of one layout, forward or backward: numbers of a copy so far, and moves into it."""

    total: int = 0
    moves: list[Move] = field(default_factory=list)

    def take(self, numbers: int) -> int:
        """Return where the next `numbers` begin."""
        self.total += numbers
        return self.total - numbers


@dataclass
class _Source:
    """The tensors of a stage: where each begins among the numbers of all tensors, and its length for a copy."""

    starts: list[int]
    lengths: list[int]
    mask: int = -1
    mask_copy: int = 0

    def move(self, index: int, start: int, row: int, shape: tuple[int, int], **more: Any) -> Move:
        """Return the move of a matrix of that shape that begins at `start` of tensor `index`, with rows `row` apart."""
        return Move(self.starts[index] + start, self.lengths[index], row, *shape, **more)


@dataclass(frozen=True)
class WeightLayout:
    """Fields of Stage about weights, by stage, and the moves; `forward` and `backward` have a record for each move.

    Gradients of all weights come back by the moves of the forward layout.
    """

    fields: tuple[dict[str, int], ...]
    forward: Numbers
    backward: Numbers
    total: int
    back_total: int


@lru_cache(maxsize=256)
def lay_out_weights(plan: Plan, copies: int, single: bool) -> WeightLayout:
    """Return the layout of the weights of all stages."""
    forward, backward = _Side(), _Side()
    fields = []
    at = mask = 0
    for stage in plan.stages:
        own = [prod(shape) for shape in stage.shapes()]
        starts = [at + copies * sum(own[:k]) for k in range(len(own))]
        source = _Source(starts, own)
        if stage.masked:
            source.mask, source.mask_copy = mask, stage.heads * stage.hidden * (stage.lead + stage.hidden)
            mask += copies * source.mask_copy
        fields.append(_Weights(stage, source, single, forward, backward).place())
        at += copies * sum(own)
    fields = [{**own, "weights": forward.total, "backs": backward.total} for own in fields]
    return WeightLayout(tuple(fields), _table(forward.moves), _table(backward.moves), forward.total, backward.total)


def _table(moves: Iterable[Move]) -> Numbers:
    return np.array([tuple(move) for move in moves], RECORD)


@dataclass
class _Weights:
    """Places the weights of one stage."""

    stage: StagePlan
    source: _Source
    single: bool
    forward: _Side
    backward: _Side

    def place(self) -> dict[str, int]:
        """Add the stage's moves and return its fields."""
        stage = self.stage
        width, units = self._pad(stage.hidden), self._pad(stage.units)
        gap, depth = (width if stage.memory == "input_to_cfc" else stage.lead), stage.units
        if not stage.layers:
            depth = gap + stage.hidden
        units_row, heads_row, gates_row = spread(units), spread(stage.heads * width), spread(4 * width)
        take, back = self.forward.take, self.backward.take
        extra, layers, memory = 2 if stage.mode == "pure" else 0, stage.layers, stage.memory is not None
        reading = units if layers else stage.heads * width
        found = {
            "units_row": units_row,
            "heads_row": heads_row,
            "gates_row": gates_row,
            "first": take((gap + stage.hidden) * units_row if layers else 0),
            "rest": take(max(layers - 1, 0) * stage.units * units_row),
            "biases": take(layers * units),
            "head_weights": take(depth * heads_row),
            "head_biases": take((stage.heads + extra) * width),
            "memory_weights": take((stage.inputs + stage.hidden) * gates_row if memory else 0),
            "memory_biases": take(4 * width if memory else 0),
            "back_state": back(reading * width),
            "back_lead": back(reading * self._pad(stage.lead)),
            "back_rest": back(max(layers - 1, 0) * stage.units * units),
            "back_heads": back(stage.heads * width * units if layers else 0),
            "back_asymptote": back(width),
            "back_memory_state": back(4 * width * width if memory else 0),
            "back_memory_input": back(4 * width * self._pad(stage.inputs) if memory else 0),
        }
        self._backbone(found, gap)
        self._heads(found, gap)
        if memory:
            self._memory(found, 2 * (layers + stage.heads) + extra)
        return found

    def _pad(self, columns: int) -> int:
        return padded(columns, self.single)

    def _add(self, index: int, start: int, row: int, shape: tuple[int, int], into: int, out: int, **more: Any) -> None:
        """Move a matrix, targets first, to the forward layout, sources first with rows of `out` numbers."""
        self.forward.moves.append(
            self.source.move(index, start, row, shape, into=into, into_row=1, into_column=out, **more)
        )

    def _back(self, index: int, start: int, row: int, shape: tuple[int, int], into: int, out: int, **more: Any) -> None:
        """Move a matrix, targets first, to the backward layout, which has the same order."""
        self.backward.moves.append(
            self.source.move(index, start, row, shape, into=into, into_row=out, into_column=1, **more)
        )

    def _vector(self, index: int, start: int, length: int, into: int, **more: Any) -> None:
        self._add(index, start, 1, (length, 1), into, 0, **more)

    def _reader(
        self, index: int, targets: int, into: int, out: int, back: tuple[int, int], gap: int, **mask: int
    ) -> None:
        """Move a map that reads inputs, then state; `back`: where its targets begin in those of lead and state."""
        stage, width = self.stage, self._pad(self.stage.hidden)
        row, lead = stage.lead + stage.hidden, stage.lead
        later = {**mask, "mask": mask["mask"] + lead} if mask else {}
        self._add(index, 0, row, (targets, lead), into, out, **mask)
        self._add(index, lead, row, (targets, stage.hidden), into + gap * out, out, **later)
        self._back(index, 0, row, (targets, lead), back[0], self._pad(lead), **mask)
        self._back(index, lead, row, (targets, stage.hidden), back[1], width, **later)

    def _backbone(self, at: dict[str, int], gap: int) -> None:
        stage = self.stage
        units, row = stage.units, at["units_row"]
        for layer in range(stage.layers):
            if layer == 0:
                self._reader(0, units, at["first"], row, (at["back_lead"], at["back_state"]), gap)
            else:
                place = (layer - 1) * units
                self._add(2 * layer, 0, units, (units, units), at["rest"] + place * row, row)
                padded_units = self._pad(units)
                self._back(2 * layer, 0, units, (units, units), at["back_rest"] + place * padded_units, padded_units)
            self._vector(2 * layer + 1, 0, units, at["biases"] + layer * self._pad(units))

    def _heads(self, at: dict[str, int], gap: int) -> None:
        stage, width = self.stage, self._pad(self.stage.hidden)
        row, units, first = at["heads_row"], self._pad(stage.units), 2 * stage.layers
        for head in range(stage.heads):
            index, into = first + 2 * head, at["head_weights"] + head * width
            if stage.layers:
                shape = (stage.hidden, stage.units)
                self._add(index, 0, stage.units, shape, into, row)
                self._back(index, 0, stage.units, shape, at["back_heads"] + head * width * units, units)
            else:
                mask = {}
                if stage.masked:
                    place = self.source.mask + head * stage.hidden * (stage.lead + stage.hidden)
                    mask = {"mask": place, "mask_copy": self.source.mask_copy}
                targets = head * width
                back = at["back_lead"] + targets * self._pad(stage.lead), at["back_state"] + targets * width
                self._reader(index, stage.hidden, into, row, back, gap, **mask)
            self._vector(index + 1, 0, stage.hidden, at["head_biases"] + head * width)
        if stage.mode == "pure":
            rate, asymptote = at["head_biases"] + width, at["head_biases"] + 2 * width
            self._vector(first + 2, 0, stage.hidden, rate, absolute=1)
            self._vector(first + 3, 0, stage.hidden, asymptote)
            self._back(first + 3, 0, 1, (stage.hidden, 1), at["back_asymptote"], 1)

    def _memory(self, at: dict[str, int], first: int) -> None:
        stage, width = self.stage, self._pad(self.stage.hidden)
        hidden, inputs, row, wide = stage.hidden, stage.inputs, at["gates_row"], self._pad(stage.inputs)
        for gate in range(4):
            into, targets = at["memory_weights"] + gate * width, gate * width
            start, own = gate * hidden * inputs, gate * hidden * hidden
            plus = stage.forget_bias if gate == 2 else 0.0
            self._add(first, start, inputs, (hidden, inputs), into, row)
            self._back(first, start, inputs, (hidden, inputs), at["back_memory_input"] + targets * wide, wide)
            self._vector(first + 1, gate * hidden, hidden, at["memory_biases"] + targets, plus=plus)
            self._add(first + 2, own, hidden, (hidden, hidden), into + inputs * row, row)
            self._back(first + 2, own, hidden, (hidden, hidden), at["back_memory_state"] + targets * width, width)
