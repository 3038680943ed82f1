"""One process that computes with fused kernels: `kernel_work.py MODEL,MODEL HIDDEN,HIDDEN [TYPE]`.

Prints for each model, in that order, whether outputs and gradients agree with plain PyTorch, alone and stacked, and
digests of the bits of both; then how many functions were compiled. Ends with 1 if one does not agree. TYPE is float32
or float64; or `outputs`: float32 and no gradients, of which half the kernels have to be compiled. The model `laying` is
one small kernel by itself, for tests of what happens to its file.
"""

import copy
import hashlib
import sys

import torch

from lnncmp.kernels.common.watch import compilations, compiled_for_next
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.models.base import load_model
from lnncmp.training.build import build_model
from lnncmp.training.kernel_check import check_kernels


def build(label, hidden, kind):
    name, _, cell = label.partition(":")
    spec = load_model(name)
    arguments = spec.arguments(hidden=hidden, **({"cell": cell} if cell else {}))
    return build_model(spec, arguments, 3, 1, dt_as_input=False, model_seed=3, wiring_seed=3).to(kind)


def batch(kind):
    """Return fixed numbers: x (B, T, I), dt (B, T), and the source of more."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(16, 12, 3, generator=source, dtype=kind)
    return x, 0.5 + torch.rand(16, 12, generator=source, dtype=kind), source


def whole(model, kind):
    """Return whether outputs and gradients of a model on fixed numbers agree, and the bytes of either."""
    x, dt, source = batch(kind)
    y = model(x, dt)
    (y * torch.randn(y.shape, generator=source, dtype=kind)).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    check = check_kernels(model, 3, 16, padded=True)
    bits = b"".join(gradient.numpy().tobytes() for gradient in gradients)
    return check is not None and check.agrees, y.detach().numpy().tobytes(), bits


@torch.no_grad()
def outputs(model, kind):
    """Return whether the outputs of a model on fixed numbers agree, and their bytes."""
    x, dt, _ = batch(kind)
    y = model(x, dt)
    expected = use_plain(copy.deepcopy(model))(x, dt)
    return model.implementation == "fused" and torch.allclose(y, expected, atol=1e-5), y.numpy().tobytes()


def laying(kind):
    """Return whether the kernel that lays out weights of features does, and the bytes of what it wrote."""
    from lnncmp.kernels.common.features import table_of

    weights = torch.arange(6, dtype=kind).numpy()
    table = table_of([weights], 2, 8).reshape(2, 8)
    return (table[:, :3] == weights.reshape(2, 3)).all() and not table[:, 3:].any(), table.tobytes()


def main():
    torch.set_num_threads(1)
    labels, widths, what = sys.argv[1].split(","), sys.argv[2].split(","), (*sys.argv, "float32")[3]
    kind, results = (torch.float32, outputs) if what == "outputs" else (getattr(torch, what), whole)
    fine = True
    for label in labels:
        if label == "laying":
            found = [laying(kind)]
        else:
            found = [results(build(label, int(width), kind), kind) for width in widths]
        agree, *bits = zip(*found, strict=True)
        fine = fine and all(agree)
        digests = [hashlib.sha256(b"".join(part)).hexdigest()[:16] for part in bits]
        print("ok" if all(agree) else f"WRONG{agree}", label, *digests, flush=True)
    print(f"compiled {compilations()}, for the next: {compiled_for_next()}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
