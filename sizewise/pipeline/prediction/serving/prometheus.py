"""Counts in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from sizewise.pipeline.prediction.serving.service import Service

_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_COUNTED = {
    "requests": "Pictures that the engine ran.",
    "seconds": "Time of these calls, without waiting, in seconds.",
    "switches": "Pictures before which another engine ran.",
    "failures": "Calls and openings that failed.",
    "loads": "Openings that did not fail.",
    "evictions": "Closings that made room for another engine.",
}
_STATES = {
    "loaded": "Whether the engine is open (0 or 1).",
    "memory_mib": "Memory of the engine while it is open, as planned, in MiB.",
    "padding": "Share of its input that no picture filled (0-1), over all requests.",
}


class Metrics:
    """What a server counts: its requests, and what its engines did."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Engines(service))
        self._requests = Counter(
            "sizewise_requests",
            "Requests for inference, by protocol and status of HTTP.",
            ("protocol", "status"),
            registry=self._registry,
        )
        self._begun = Counter(
            "sizewise_grpc_begun",
            "Calls for inference by gRPC that began: those in no other count were refused by gRPC "
            "itself (too large, or too many at once), or ended by their client.",
            registry=self._registry,
        )
        self._seconds = Histogram(
            "sizewise_request_seconds",
            "Time from a request's head to its answer, waiting included.",
            ("protocol",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def count(self, protocol: str, status: int, seconds: float) -> None:
        """A request that was answered. Those that were refused are no latencies."""
        self._requests.labels(protocol, str(status)).inc()
        if status == 200:
            self._seconds.labels(protocol).observe(seconds)

    def begin(self) -> None:
        """A call by gRPC that begins."""
        self._begun.inc()

    def text(self) -> bytes:
        text: bytes = generate_latest(self._registry)
        return text


class _Engines(Collector):  # type: ignore[misc] # it may be absent
    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[Metric]:
        return []  # nothing is asked of the engines while this is registered

    def collect(self) -> Iterator[Metric]:
        counts, desk = self._service.pool.counts(), self._service.desk
        for name, text in _COUNTED.items():
            counter = CounterMetricFamily(f"sizewise_engine_{name}", text, labels=["engine"])
            for engine in counts.engines:
                counter.add_metric([engine.name], float(getattr(engine, name)))
            yield counter
        for name, text in _STATES.items():
            gauge = GaugeMetricFamily(f"sizewise_engine_{name}", text, labels=["engine"])
            for engine in counts.engines:
                gauge.add_metric([engine.name], float(getattr(engine, name)))
            yield gauge
        yield CounterMetricFamily(
            "sizewise_fallbacks",
            "Pictures that another engine ran than the first choice, because that failed.",
            value=counts.fallbacks,
        )
        yield GaugeMetricFamily(
            "sizewise_memory_mib",
            "Memory of the process with its loaded engines, as planned, in MiB.",
            value=counts.memory_mib,
        )
        yield GaugeMetricFamily(
            "sizewise_requests_taken", "Requests at work or waiting.", value=desk.taken
        )
        yield GaugeMetricFamily(
            "sizewise_requests_most", "Most requests at work or waiting.", value=desk.places
        )
        yield CounterMetricFamily(
            "sizewise_requests_refused", "Requests that found no place.", value=desk.refused
        )
