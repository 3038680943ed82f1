"""ONNX: a graph of one step, and one of a sequence of any length (Scan), of operators of the standard alone."""

import json
from typing import Any

import numpy as np

from lnncmp.errors import DataError
from lnncmp.export.formats.base import Checked, Choices, Exported, Floats, Format
from lnncmp.export.network import PortableNetwork
from lnncmp.export.onnx_graph import OPSET, Nodes, require_onnx
from lnncmp.export.program import Program

IR_VERSION = 8
"""Version of the file format that goes with the opset: onnxruntime 1.14 (2023) and later read it."""


def write(network: PortableNetwork, program: Program, choices: Choices) -> Exported:
    """Return two files, float32, with dynamic batch B and steps T; what the numbers mean is in their metadata.

    NAME_step.onnx: x (B, I), dt (B,) and each state (B, ...) give y (B, O) and NAME_next of each state.
    NAME_sequence.onnx: x (B, T, I) and dt (B, T) give y (B, T, O). Raises DataError without the package onnx.
    """
    require_onnx()
    about = network.facts()
    made = {"step": _step_model(program, about), "sequence": _sequence_model(program, about)}
    files = {f"{choices.name}_{kind}.onnx": model.SerializeToString() for kind, model in made.items()}
    return Exported(files, {"opset": OPSET})


def _tensor(name: str, *shape: int | str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _states(program: Program, ending: str, batch: str | None) -> list[Any]:
    return [_tensor(name + ending, batch or "B", program.sizes[name]) for name in program.states]


def _step_model(program: Program, about: dict[str, object]) -> Any:
    nodes = Nodes(program)
    nodes.step("x", "dt", "y", "_next")
    inputs = [_tensor("x", "B", program.inputs), _tensor("dt", "B"), *_states(program, "", None)]
    outputs = [_tensor("y", "B", program.outputs), *_states(program, "_next", None)]
    return _model(nodes, "step", inputs, outputs, about)


def _sequence_model(program: Program, about: dict[str, object]) -> Any:
    """Return the model of a sequence: a Scan over the second axis whose body is the step."""
    from onnx import helper

    body = Nodes(program)
    body.step("x_t", "dt_t", "y_t", "_next")
    inner = helper.make_graph(
        body.nodes,
        "step",
        [*_states(program, "", "B"), _tensor("x_t", "B", program.inputs), _tensor("dt_t", "B")],
        [*_states(program, "_next", "B"), _tensor("y_t", "B", program.outputs)],
    )
    outer = Nodes(program, body)
    starts = outer.initial_states("x")
    finals = [f"{name}_final" for name in program.states]
    outer.nodes.append(
        helper.make_node(
            "Scan",
            [*starts, "x", "dt"],
            [*finals, "y"],
            body=inner,
            num_scan_inputs=2,
            scan_input_axes=[1, 1],
            scan_output_axes=[1],
        )
    )
    inputs = [_tensor("x", "B", "T", program.inputs), _tensor("dt", "B", "T")]
    return _model(outer, "sequence", inputs, [_tensor("y", "B", "T", program.outputs)], about)


def _model(nodes: Nodes, name: str, inputs: list[Any], outputs: list[Any], about: dict[str, object]) -> Any:
    from onnx import checker, helper

    graph = helper.make_graph(nodes.nodes, name, inputs, outputs, list(nodes.constants.values()))
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="lnncmp")
    helper.set_model_props(model, {"about": json.dumps(about)})
    checker.check_model(model, full_check=True)
    return model


def run(exported: Exported, choices: Choices, x: Floats, dt: Floats) -> Checked:
    """Return what onnxruntime computes for x (N, I), dt (N,), step by step and as one sequence.

    Raises DataError without the package onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise DataError("the package onnxruntime is missing", "Install it: pip install 'lnncmp[export]'.") from error
    one, whole = (
        onnxruntime.InferenceSession(exported.files[f"{choices.name}_{kind}.onnx"], providers=["CPUExecutionProvider"])
        for kind in ("step", "sequence")
    )
    (y,) = whole.run(None, {"x": x[None], "dt": dt[None]})
    names = [given.name for given in one.get_inputs()[2:]]
    states = [np.zeros((1, given.shape[1]), np.float32) for given in one.get_inputs()[2:]]
    outputs = []
    for k in range(len(x)):
        fed = {"x": x[k : k + 1], "dt": dt[k : k + 1], **dict(zip(names, states, strict=True))}
        out, *states = one.run(None, fed)
        outputs.append(out[0])
    return Checked({"step": np.stack(outputs).astype(np.float64), "sequence": y[0].astype(np.float64)})


FORMAT = Format("Two ONNX graphs of standard operators: a step, and a sequence of any length and batch.", write, run)
