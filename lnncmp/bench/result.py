"""What a bench found, fully computed: the rows, and what is to be known of them. No torch here."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1

Ends = tuple[float, float]
"""First and third quartile."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class BenchRow(_Part):
    """One network on one workload. None: not measured.

    ms, inference_ms: median wall time of a training step and of a forward pass without gradients. spread,
    inference_spread: first and third quartile, likewise in ms. cpu_ms: median processor time of a training step, all
    threads. latency_us: median of one streaming step at batch 1. ratio_*: time of ncps's network of the same model and
    wiring, or of torch.nn.LSTM, over this one's: above 1 this row is faster. cpu_ratio_*: the same of processor times.
    saved_bytes: kept for the backward pass. peak_bytes: growth of a fresh process over training steps.
    compile_seconds: what the first call costs more where no compiled kernel is kept. stacked_ms: one training step of
    `stacked_copies` networks in one call; its ratios are to as many steps of the peer one after the other.
    optimizer_ms, default_optimizer_ms: Adam(fused=True), which is part of ms, and Adam as torch gives it without
    arguments, on the weights of this network. scaled: times and bytes were measured at `measured_steps` steps and
    multiplied. roofline_ms: what this machine would need at least for the operations; roofline_fraction: that over ms.
    output_difference: largest difference to the peer's outputs for the same weights, over the largest output.
    """

    workload: str
    model: Literal["ltc", "cfc", "lstm", "gru"]
    wiring: Literal["full", "autoncp"]
    implementation: Literal["fused", "native", "loop", "ncps", "torch"]
    threads: int
    ms: float | None = None
    spread: Ends | None = None
    rounds: int | None = None
    cpu_ms: float | None = None
    ratio_ncps: float | None = None
    ratio_lstm: float | None = None
    cpu_ratio_ncps: float | None = None
    cpu_ratio_lstm: float | None = None
    inference_ms: float | None = None
    inference_spread: Ends | None = None
    inference_ratio_ncps: float | None = None
    inference_ratio_lstm: float | None = None
    latency_us: float | None = None
    latency_spread: Ends | None = None
    latency_ratio_ncps: float | None = None
    latency_ratio_lstm: float | None = None
    saved_bytes: int | None = None
    peak_bytes: int | None = None
    compile_seconds: float | None = None
    stacked_copies: int | None = None
    stacked_ms: float | None = None
    stacked_spread: Ends | None = None
    stacked_ratio_ncps: float | None = None
    stacked_ratio_lstm: float | None = None
    optimizer_ms: float | None = None
    default_optimizer_ms: float | None = None
    scaled: bool = False
    measured_steps: int
    roofline_ms: float | None = None
    roofline_fraction: float | None = None
    output_difference: float | None = None

    @property
    def label(self) -> str:
        """Return "ltc autoncp fused", "lstm torch"."""
        return " ".join([self.model, *([] if self.wiring == "full" else [self.wiring]), self.implementation])


class Bench(_Part):
    """The whole result. machine: versions, processor, peak rates, noise. failed: measurements that were lost."""

    schema_version: int = SCHEMA_VERSION
    machine: dict[str, Any]
    workloads: list[dict[str, Any]]
    rows: list[BenchRow]
    notes: list[str]
    warnings: list[str]
    failed: int = 0
