"""The figures of a server in Prometheus' format."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from pipeline.serving.served_model import ServedModel

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"  # paths that do not exist: each would else be a line of its own


@final
class Telemetry:
    """The counters of one server; a process may hold several."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter("colibri_requests", "Requests by path and status.", ["path", "status"], registry=own)
        self.seconds = Histogram(
            "colibri_request_seconds", "Seconds to answer.", ["path"], registry=own, buckets=SECONDS
        )
        self.in_flight = Gauge("colibri_requests_in_flight", "Requests that are being answered.", registry=own)
        self.pictures = Counter("colibri_pictures", "Pictures by what was decided.", ["outcome"], registry=own)
        self.decided = Counter("colibri_decided", "Decided labels by version.", ["version", "label"], registry=own)
        self.batches = Histogram("colibri_batch_pictures", "Pictures in a batch.", registry=own, buckets=SIZES)
        self.network = Histogram("colibri_batch_seconds", "Seconds of a batch.", registry=own, buckets=SECONDS)
        self.feedback = Counter("colibri_feedback", "Feedback by action.", ["action"], registry=own)
        self.model = Gauge("colibri_model", "1 for the model in use.", ["name", "version"], registry=own)
        self.changes = Counter("colibri_model_changes", "Models that were taken over.", registry=own)

    def report_batch(self, size: int, seconds: float) -> None:
        """As `Batcher` reports it."""
        self.batches.observe(size)
        self.network.observe(seconds)

    def report_model(self, model: ServedModel) -> None:
        """Says which model is in use."""
        self.model.clear()
        self.model.labels(model.name, model.version).set(1)

    def text(self) -> bytes:
        """All figures."""
        return generate_latest(self.registry)
