"""The computed result of a bench: rows, notes and warnings. No torch here."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1

Ends = tuple[float, float]
"""First and third quartile."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class BenchRow(_Part):
    """One network on one workload. None: not measured.

    wiring: `full` for models that are measured as they are. peer: the library whose network of the same model and
    wiring ratio_peer is to: ncps, torch (torch.nn), or a package with a network of the same kind alone, whose row says
    so by `relation`. ms, inference_ms: median wall time of a training step and of a forward pass without gradients.
    spread, inference_spread: first and third quartile, also in ms. cpu_ms: median processor time of a training step,
    all threads. latency_us: median of one streaming step at batch 1. stepper_us: the same by the model's stepper; its
    ratios compare with latency_us of the other network. ratio_*: time of the peer's network, of that of ncps if it is
    the peer, or of torch.nn.LSTM, divided by this row's: above 1 this row is faster. cpu_ratio_*: the same for
    processor times. saved_bytes: kept for the backward pass. peak_bytes: memory growth of an isolated process over
    training steps. compile_seconds: extra time of the first call with an empty kernel cache. stacked_ms: one training
    step of `stacked_copies` networks in one call; its ratios compare with the same number of consecutive peer steps.
    optimizer_ms, default_optimizer_ms: Adam(fused=True), which is part of ms, and Adam with torch's default arguments,
    on the weights of this network. scaled: times and bytes were measured on `measured_steps` steps and multiplied.
    roofline_ms: minimum time of the operations, where they are counted, at this machine's peak rates;
    roofline_fraction: roofline_ms / ms. roofline_bound: what most of roofline_ms is spent on: products, exponentials or
    memory. multiply_adds, exponentials (each with a division), traffic_bytes: what was counted. output_difference:
    largest difference from the peer's outputs with equal weights, relative to the largest output.
    """

    workload: str
    model: str
    wiring: Literal["full", "autoncp", "mixed"]
    implementation: str
    peer: str | None = None
    relation: str | None = None
    threads: int
    ms: float | None = None
    spread: Ends | None = None
    rounds: int | None = None
    cpu_ms: float | None = None
    ratio_peer: float | None = None
    ratio_ncps: float | None = None
    ratio_lstm: float | None = None
    cpu_ratio_ncps: float | None = None
    cpu_ratio_lstm: float | None = None
    cpu_ratio_peer: float | None = None
    inference_ms: float | None = None
    inference_spread: Ends | None = None
    inference_ratio_ncps: float | None = None
    inference_ratio_lstm: float | None = None
    inference_ratio_peer: float | None = None
    latency_us: float | None = None
    latency_spread: Ends | None = None
    latency_ratio_ncps: float | None = None
    latency_ratio_lstm: float | None = None
    latency_ratio_peer: float | None = None
    stepper_us: float | None = None
    stepper_spread: Ends | None = None
    stepper_ratio_ncps: float | None = None
    stepper_ratio_lstm: float | None = None
    stepper_ratio_peer: float | None = None
    saved_bytes: int | None = None
    peak_bytes: int | None = None
    compile_seconds: float | None = None
    stacked_copies: int | None = None
    stacked_ms: float | None = None
    stacked_spread: Ends | None = None
    stacked_ratio_ncps: float | None = None
    stacked_ratio_lstm: float | None = None
    stacked_ratio_peer: float | None = None
    optimizer_ms: float | None = None
    default_optimizer_ms: float | None = None
    scaled: bool = False
    measured_steps: int
    roofline_ms: float | None = None
    roofline_fraction: float | None = None
    roofline_bound: str | None = None
    multiply_adds: float | None = None
    exponentials: float | None = None
    traffic_bytes: float | None = None
    output_difference: float | None = None

    @property
    def label(self) -> str:
        """Return the row label, e.g. "ltc autoncp fused", "lstm torch"."""
        return " ".join([self.model, *([] if self.wiring == "full" else [self.wiring]), self.implementation])


class Bench(_Part):
    """The whole result. machine: versions, processor, peak rates, noise. failed: number of failed measurements."""

    schema_version: int = SCHEMA_VERSION
    machine: dict[str, Any]
    workloads: list[dict[str, Any]]
    rows: list[BenchRow]
    notes: list[str]
    warnings: list[str]
    failed: int = 0
