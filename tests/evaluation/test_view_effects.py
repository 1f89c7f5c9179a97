"""What views change, and what follows from it together with probes, suspicions and augmentation_safety."""

import numpy as np
import pytest

from pipeline.core.estimate import Estimate
from pipeline.core.results import StoredFinding
from pipeline.evaluation.property_probes import PropertyReading
from pipeline.evaluation.suspicions import Suspicion
from pipeline.evaluation.view_effects import judge_views, match_safety, measure_moves
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.augmentations.orthogonal import Orthogonal


def reading(name: str, high: float | None, after: float = 0.2, before: float = 0.9) -> PropertyReading:
    def make(value: float, high: float | None = None) -> Estimate:
        return Estimate(value=value, low=None if high is None else value - 1, high=high, n=100, groups=20)

    readable = Estimate(value=before, low=before - 0.1, high=before + 0.05, n=100, groups=20)
    return PropertyReading(
        name=name,
        before=readable,
        after=make(after),
        change=make(-0.7, high),
    )


def test_exposure_moves_brightness_and_a_flip_moves_corners_only() -> None:
    generator = np.random.default_rng(0)
    level = generator.integers(60, 180, size=(40, 1, 1, 1))
    ramp = np.linspace(-30, 30, 24)[None, None, :, None] * generator.choice([-1, 1], size=(40, 1, 1, 1))
    pictures = (level + ramp + generator.integers(-20, 20, size=(40, 24, 24, 1))).clip(0, 255).astype(np.uint8)
    views = {
        "exposure": Exposure(max_brightness=0.3, max_contrast=0.3),
        "mirror": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False),
    }
    before = pictures.copy()
    moves = measure_moves(views, pictures, 0)
    np.testing.assert_array_equal(pictures, before)
    assert moves["exposure"]["brightness"] > 0.7
    assert moves["mirror"]["brightness"] == pytest.approx(0, abs=1e-9)
    assert moves["mirror"]["corner_top_left"] > 0.5
    assert "red_green" not in moves["mirror"]  # the same in all grey pictures
    assert "num_bytes" not in moves["mirror"]


def test_effects() -> None:
    moves = {
        "jitter": {
            "brightness": 1.5,
            "contrast": 0.9,
            "noise": 0.1,
            "entropy": 0.2,
            "sharpness": 0.6,
            "light_level": 0.55,
            "entropy_of_edges": 0.52,
            "noise_level": 0.51,
        }
    }
    readings = [reading("brightness", -0.4), reading("contrast", 0.1), reading("sharpness", None)]
    readings.append(reading("light_level", -0.01, after=0.8))
    readings.append(reading("noise_level", -0.01, after=0.85))
    readings.append(reading("entropy_of_edges", -0.3, after=-0.6, before=0.05))  # nothing to remove
    suspicions = [
        Suspicion(name="brightness", label="a", accuracy=0.7),
        Suspicion(name="noise", label="a", accuracy=0.68),
        Suspicion(name="brightness", label="b", accuracy=0.66),
    ]
    found = judge_views(moves, readings, suspicions)
    assert [(one.property, one.suspicion, one.effect) for one in found] == [
        ("brightness", 0.7, "removed"),
        ("noise", 0.68, "not_moved"),
        ("contrast", None, "not_shown"),
        ("sharpness", None, "cannot_be_judged"),
        ("light_level", None, "weakened"),
        ("entropy_of_edges", None, "not_shown"),
        ("noise_level", None, "hardly_weakened"),
    ]
    assert found[0].to_json()["suspected"] is True


def test_safety_is_of_augmentations_of_the_same_class() -> None:
    table = [
        {"choice": "exposure.max_brightness", "size": 0.05, "loss": 0.02, "low": -0.01},
        {"choice": "exposure", "size": None, "loss": 0.03, "low": 0.01},
        {"choice": "flips", "size": None, "loss": 0.2, "low": 0.1},
    ]
    finding = StoredFinding(
        value=0.2, limit=0.05, unit="", worst={}, table=table, state="failed", passed=False, on_fail="warn"
    )
    views = {"jitter": {"_target_": "a.Exposure"}, "crop": {"_target_": "a.Crop"}}
    policy = {"exposure": {"_target_": "a.Exposure"}, "flips": {"_target_": "a.Orthogonal"}}
    found = match_safety(views, policy, finding)
    assert [(one.choice, one.size, one.loss) for one in found["jitter"]] == [
        *(("exposure.max_brightness", "0.05", 0.02), ("exposure", "", 0.03)),
    ]
    assert found["crop"] == []
    assert match_safety(views, policy, None) == {"jitter": [], "crop": []}
