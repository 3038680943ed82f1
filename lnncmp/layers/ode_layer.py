"""What layers share whose state follows a differential equation between observations."""

from lnncmp.layers.cell_layer import CellLayer
from lnncmp.layers.ode import SolverChoice


class ODELayer(CellLayer):
    """A layer of `hidden` units with a solver; its state has `states` tensors (B, H)."""

    def __init__(self, inputs: int, hidden: int, states: int, solver: SolverChoice) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,) * states
        self.solver = solver

    def structure(self) -> dict[str, int]:
        """Return the solver's steps in each interval, unless it chooses them itself."""
        return {} if self.solver.solver == "dopri5" else {"unfolds": self.solver.unfolds}
