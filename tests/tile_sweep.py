"""Times of training steps by sizes of tiles: `python tests/tile_sweep.py --rounds 15`.

The sizes are those of lnncmp.kernels.common.tile_sizes. Each value runs in a process of its own, with kernels of its
own; all take turns, so that what else the machine does hits all alike. Prints, for each network and workload, the
median of the ratios to the value that is in use: below 1 the other value is faster.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ONE, MANY = ("W1", "W2", "W3"), ("ten W1", "ten W2")
SWEPT = {
    "GROUP_BYTES": ((1 << 18, 1 << 20, 1 << 22), ("ncp", "cfc", "lstm"), MANY),
    "BLOCK": ((16, 32, 64), ("cfc",), (*ONE, *MANY)),
    "TILE": ((8, 16, 32), ("lstm", "gru"), (*ONE, "ten W2")),
    "CHUNK": ((32, 96, 192), ("lstm", "cfc"), (*ONE, "ten W2")),
    "ROWS": ((64, 256, 1024), ("min_gru", "s4d", "linoss"), ("W1", "W2", "ten W2")),
}
"""Values, and the networks and workloads that have something to do with a size."""
WORKLOADS = {
    "W1": (64, 64, 17, 64, 1),
    "W2": (16, 32, 1, 16, 1),
    "W3": (32, 512, 17, 128, 1),
    "ten W1": (64, 64, 17, 64, 10),
    "ten W2": (16, 32, 1, 16, 10),
}


def serve(name, value):
    """Answer each line, a network and a workload, with the seconds of a training step."""
    from lnncmp.kernels.common import tile_sizes

    setattr(tile_sizes, name, value)
    import time

    import torch

    from lnncmp.models.base import load_model
    from lnncmp.training.build import build_model
    from lnncmp.training.fixed_batch import fixed_batch

    torch.set_num_threads(1)
    made = {}

    def steps_of(network, workload):
        batch, steps, inputs, hidden, copies = WORKLOADS[workload]
        spec, source = load_model(network), torch.Generator().manual_seed(0)
        arguments = spec.arguments(hidden=hidden)
        models = [
            build_model(spec, arguments, inputs, 1, dt_as_input=False, model_seed=seed, wiring_seed=seed)
            for seed in range(copies)
        ]
        x, y = (torch.randn(copies, batch, steps, n, generator=source) for n in (inputs, 1))
        return fixed_batch(models, x, torch.ones(copies, batch, steps), y)

    for line in sys.stdin:
        asked = tuple(line.strip().split(","))
        if asked not in made:
            made[asked] = steps_of(*asked)
            made[asked]()
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < 0.02:
            made[asked]()
            done += 1
        print((time.perf_counter() - began) / done, flush=True)


class Server:
    """A process with one value of one size."""

    def __init__(self, name, value, folder):
        environment = os.environ | {"LNNCMP_KERNEL_CACHE": str(folder / f"{name}-{value}"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--serve", name, str(value)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1
        )

    def ask(self, *asked):
        self.process.stdin.write(",".join(asked) + "\n")
        return float(self.process.stdout.readline())


def sweep(name, used, rounds, folder):
    """Print the ratios of one size."""
    values, networks, workloads = SWEPT[name]
    servers = {value: Server(name, value, folder) for value in values}
    for workload in workloads:
        for network in networks:
            for server in servers.values():
                server.ask(network, workload)
            times = np.array([[own.ask(network, workload) for own in servers.values()] for _ in range(rounds)])
            ratios = np.median(times / times[:, [values.index(used)]], axis=0)
            shown = ", ".join(f"{value}: {ratio:.2f}" for value, ratio in zip(values, ratios, strict=True))
            print(f"{name} {workload} {network}: {shown}", flush=True)
    for server in servers.values():
        server.process.stdin.close()
        server.process.wait()


def main():
    """Sweep all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=list(SWEPT), default=list(SWEPT))
    parser.add_argument("--serve", nargs=2)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]))
        return
    from lnncmp.kernels.common import tile_sizes

    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            sweep(name, getattr(tile_sizes, name), given.rounds, Path(folder))


if __name__ == "__main__":
    main()
