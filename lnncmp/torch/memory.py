"""The memory cell of mixed memory, with the parameters and initial values of ncps.torch.lstm.LSTMCell."""

from torch import Tensor, nn

from lnncmp.layers.mixed_memory import MemoryCell


class LSTMCell(MemoryCell):
    """An LSTM cell whose forget gate has 1 added to its bias; input_size I, hidden_size H."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, forget_bias=1.0, init="ncps")
        self.input_size, self.hidden_size = input_size, hidden_size

    def _draw(self, init: str) -> None:
        """Draw the weights in the order of ncps, so that the same seed gives the same weights."""
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def forward(self, inputs: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the output (B, H) and the new cell state (B, H) for inputs (B, I) and states (h, c)."""
        return self.advance(self.drive(inputs), *states)
