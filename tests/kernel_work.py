"""One process that computes with fused kernels: `kernel_work.py MODEL,MODEL HIDDEN,HIDDEN [TYPE]`.

Prints for each model, in that order, whether outputs and gradients agree with plain PyTorch, alone and stacked, and a
digest of their bits; then how many functions were compiled. Ends with 1 if one does not agree.
"""

import hashlib
import sys

import torch

from lnncmp.kernels.common.watch import compilations, compiled_for_next
from lnncmp.models.base import load_model
from lnncmp.training.build import build_model
from lnncmp.training.kernel_check import check_kernels


def build(label, hidden, kind):
    name, _, cell = label.partition(":")
    spec = load_model(name)
    arguments = spec.arguments(hidden=hidden, **({"cell": cell} if cell else {}))
    return build_model(spec, arguments, 3, 1, dt_as_input=False, model_seed=3, wiring_seed=3).to(kind)


def results(model, kind):
    """Return the bytes of the outputs and gradients of a model on fixed numbers."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(16, 12, 3, generator=source, dtype=kind)
    dt = 0.5 + torch.rand(16, 12, generator=source, dtype=kind)
    y = model(x, dt)
    (y * torch.randn(y.shape, generator=source, dtype=kind)).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return b"".join(tensor.numpy().tobytes() for tensor in (y.detach(), *gradients))


def main():
    torch.set_num_threads(1)
    labels, widths, kind = sys.argv[1].split(","), sys.argv[2].split(","), getattr(torch, (*sys.argv, "float32")[3])
    fine = True
    for label in labels:
        bits, agree = hashlib.sha256(), []
        for width in widths:
            model = build(label, int(width), kind)
            bits.update(results(model, kind))
            check = check_kernels(model, 3, 16, padded=True)
            agree.append(check is not None and check.agrees)
        fine = fine and all(agree)
        print("ok" if all(agree) else f"WRONG{agree}", label, bits.hexdigest()[:16], flush=True)
    print(f"compiled {compilations()}, for the next: {compiled_for_next()}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
