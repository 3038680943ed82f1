"""What a step of a trained network costs in operations, and what these cost in energy by published figures.

Energy by figures is that of arithmetic alone: memory, routing and whatever else a chip does are left out, which is
often most of it.
"""

from pydantic import BaseModel, ConfigDict

MULTIPLICATION, ADDITION = 3.7e-12, 0.9e-12
"""Joules of an operation on 32-bit floats, 45 nm (Horowitz, Computing's energy problem, ISSCC 2014)."""
SYNAPTIC_EVENT = 23.6e-12
"""Joules of a synaptic operation on Loihi (Davies et al., Loihi, IEEE Micro 2018, 14 nm). Low confidence."""
EXPONENTIAL = 6 * (MULTIPLICATION + ADDITION)
"""Ours: a polynomial of degree 5 and a scaling, as in the kernels here."""
DIVISION = 4 * (MULTIPLICATION + ADDITION)
"""Ours: two steps of Newton's iteration."""


class OperationCounts(BaseModel):
    """Operations of one step of one sample, a mean over the windows that were looked at.

    multiply_adds: of products with weights; entries of a weight matrix that are 0 (synapses that do not exist) cost
    nothing. exponentials: in sigmoid, tanh, exp and the like, each with a division where it has one. multiplications,
    additions, divisions: elementwise. events: multiply-adds whose source was active, that is above 1% of the largest
    activation of its layer at that step: what an event-driven chip would do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    multiply_adds: float
    exponentials: float
    multiplications: float
    additions: float
    divisions: float
    events: float

    @property
    def energy(self) -> float:
        """Joules of a step on 32-bit floats, 45 nm."""
        products = self.multiply_adds * (MULTIPLICATION + ADDITION) + self.multiplications * MULTIPLICATION
        return products + self.additions * ADDITION + self.exponentials * EXPONENTIAL + self.divisions * DIVISION

    @property
    def event_energy(self) -> float:
        """Joules of the synaptic events of a step on Loihi; what neurons themselves do is left out."""
        return self.events * SYNAPTIC_EVENT

    @property
    def active_share(self) -> float:
        """The share of multiply-adds whose source was active; 1 without any."""
        return self.events / self.multiply_adds if self.multiply_adds else 1.0
