"""`reports/monitoring.json`, and the page with pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.sample_codec import noun_of
from pipeline.media.choice import media_of_params
from pipeline.prediction.new_pictures import load_images
from pipeline.report.command_pages import ANSWER, write_commands_page
from pipeline.report.monitoring import monitoring_page, shown_samples

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pipeline.core.drift_report import DriftReport
    from pipeline.core.open_types import Params


def write_monitoring(
    params: Params,
    report: DriftReport,
    what: str,
    arrived: pd.DataFrame | None = None,
    figures: Path = artifacts.MONITORING,
    page: Path = artifacts.MONITORING_PAGE,
) -> None:
    """Writes both, with the pictures that show the largest differences, and what `reports/commands.html` says of it.

    Args:
        params: All parameters.
        report: What was measured.
        what: Where the new pictures are from, in words.
        arrived: The manifest of today, where `data/manifest.parquet` lacks the new samples.
        figures: Where the figures go.
        page: Where the page goes.
    """
    media = media_of_params(params)
    artifacts.write_json(figures, {ANSWER: [report.describe_result(noun_of(media))], **report.to_json()})
    images = load_images(params, {side: shown_samples(report, side) for side in ("New", "Training")}, arrived)
    name = str(config.get_section(params, "source")["name"])
    artifacts.write_text(page, monitoring_page(name, report, images, what, media))
    write_commands_page(name)
