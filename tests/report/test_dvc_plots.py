"""The curves that dvc plots shows: the points of the report, and a file with one point where nothing was measured."""

import json

import pandas as pd
import pytest
import yaml

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate
from pipeline.evaluation.robustness import COLUMNS
from pipeline.report.dvc_plots import list_severities, write_plots

POLICY = {
    "reliability": {
        "before": [{"count": 0, "mean_score": None, "right": None}, {"count": 4, "mean_score": 0.9, "right": 0.75}],
        "after": [{"count": 4, "mean_score": 0.8, "right": 0.75}],
    },
    "risk_curve": [
        {"share": 0.5, "confidence": 0.9, "accuracy": 1.0},
        {"share": 1.0, "confidence": 0.4, "accuracy": 0.75},
    ],
}
METRICS = {
    "cross/at_10_percent": Estimate(value=0.6, low=0.5, high=0.7, n=10, groups=5),
    "cross/at_20_percent": Estimate(value=None, low=None, high=None, n=20, groups=5),
    "cross/at_160_percent": Estimate(value=0.9, low=None, high=None, n=160, groups=5),
}


def row(corruption, severity, value, low=None, high=None):
    return dict.fromkeys(COLUMNS) | {
        "corruption": corruption,
        "severity": severity,
        "value": value,
        "low": low,
        "high": high,
    }


ROBUSTNESS = pd.DataFrame([row("clean", 0, 0.8, 0.7, 0.9), row("blur", 1, 0.75), row("noise", 1, 0.5, 0.4, 0.6)])


def read(name):
    return json.loads((artifacts.PLOTS / f"{name}.json").read_text())


def test_the_points_of_each_curve(project):
    write_plots(POLICY, METRICS, ROBUSTNESS)
    assert read("reliability") == [
        {"series": "before calibration", "score": 0.9, "right": 0.75, "count": 4},
        {"series": "after calibration", "score": 0.8, "right": 0.75, "count": 4},
    ]
    assert read("risk_coverage")[1] == {"share": 1.0, "accuracy": 0.75, "confidence": 0.4}
    assert read("learning_curve") == [
        {"series": "measured", "pictures": 10, "balanced_accuracy": 0.6, "low": 0.5, "high": 0.7},
        {"series": "predicted", "pictures": 160, "balanced_accuracy": 0.9, "low": None, "high": None},
    ]
    clean = {"severity": 0, "accuracy": 0.8, "low": 0.7, "high": 0.9}
    assert read("robustness") == [
        {"series": "blur", **clean},
        {"series": "blur", "severity": 1, "accuracy": 0.75, "low": None, "high": None},
        {"series": "noise", **clean},
        {"series": "noise", "severity": 1, "accuracy": 0.5, "low": 0.4, "high": 0.6},
    ]


def test_corruptions_as_the_file_has_them(project):
    artifacts.write_csv(artifacts.ROBUSTNESS, ROBUSTNESS)
    assert list_severities(pd.read_csv(artifacts.ROBUSTNESS)) == list_severities(ROBUSTNESS)


@pytest.mark.parametrize("is_measured", [True, False])
def test_dvc_draws_each_of_them_measured_or_not(project, request, is_measured):
    from dvc.render.converter.vega import VegaConverter
    from dvc_render.vega import VegaRenderer

    root = request.config.rootpath
    nothing = {"reliability": {"before": [], "after": []}, "risk_curve": []}
    if is_measured:
        write_plots(POLICY, METRICS, ROBUSTNESS)
    else:
        write_plots(nothing, {}, pd.DataFrame(columns=COLUMNS))
    plots = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    shown = {name: one for entry in plots for name, one in entry.items() if str(artifacts.PLOTS) in str(one["y"])}
    assert {f"{name}.json" for name in shown} == {path.name for path in artifacts.PLOTS.iterdir()}
    for name, properties in shown.items():
        (path,) = properties["y"]
        points, filled = VegaConverter(
            name, {path: json.loads((project / path).read_text())}, properties
        ).flat_datapoints("workspace")
        renderer = VegaRenderer(points, name, **filled, template_dir=str(root / ".dvc/plots"))
        spec = json.loads(renderer.partial_html())
        assert spec["data"]["values"] == points
        assert [one[properties["x"]] is not None for one in points] == [is_measured] * len(points)
