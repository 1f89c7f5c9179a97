"""The stage writes a table and figures of test, for one and for several labels, and can be switched off."""

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.estimate import read_estimates
from pipeline.datasets.packed import PackedDataset
from pipeline.stages import perturb
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel

DARKEN = {
    "_target_": "pipeline.evaluation.corruptions.brightness.Brightness",
    "added": [-0.1, -0.2, -0.3, -0.5, -1.0],
}
CAST = {"_target_": "pipeline.evaluation.corruptions.colour_cast.ColourCast", "strengths": [0.1, 0.2, 0.3, 0.4, 0.5]}
TASKS = {
    "one": SingleLabel(label_smoothing=0.0),
    "several": MultiLabel(class_weights="balanced", max_class_weight=20.0, thresholds=[0.5, 0.5]),
}


class Predictor:
    """Class b where the picture is bright, and with several labels c where it is very bright, too."""

    def __init__(self, task):
        self.task = task

    def with_metadata(self, metadata):
        self.names = metadata["sample_id"].tolist()
        return self

    def predict(self, images):
        assert len(self.names) == len(images)
        bright = images.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - bright, bright], axis=1)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stage on ten test pictures, five dark ones of a and five bright ones of b, and ten of train."""
    monkeypatch.chdir(tmp_path)

    def start(task="one", channels=1, **sections):
        values = np.array(([20] * 5 + [220] * 5) * 2, dtype=np.uint8)
        images = np.repeat(values, 16 * channels).reshape(20, 4, 4, channels)
        index = pd.DataFrame({"sample_id": [f"s{row}" for row in range(20)], "split": ["test"] * 10 + ["train"] * 10})
        index["labels"], index["group"] = [["a"]] * 5 + [["b"]] * 5 + [["a"]] * 10, index["sample_id"]
        packed = PackedDataset(images, index, {"classes": ["a", "b"]})
        monkeypatch.setattr(perturb.PackedDataset, "load", lambda: packed)
        monkeypatch.setattr(perturb, "load_predictor", lambda _: (Predictor(TASKS[task]), {}))
        params = {"corruption": {"dark": DARKEN}, "robustness": {"max_samples": 100, "seed": 0}, **sections}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
        return perturb.main()

    return start


@pytest.mark.parametrize("task", TASKS)
def test_the_table_and_the_figures_of_test(run, task):
    # bright pictures become dark at severity 4 (220 - 128 = 92) and 5: half of all are wrong then
    assert run(task) == ["accuracy 100.0 % on 10 test pictures, 80.0 % under 1 corruption"]
    table = pd.read_csv(artifacts.ROBUSTNESS)
    assert table[["corruption", "severity", "n", "value"]].to_numpy().tolist() == [
        ["clean", 0, 10, 1.0], *(["dark", at, 10, value] for at, value in enumerate([1, 1, 1, 0.5, 0.5], start=1))
    ]  # fmt: skip
    found = read_estimates(artifacts.ROBUSTNESS_METRICS)
    assert list(found) == ["clean", "all", "dark"]
    assert found["all"].value == pytest.approx(-0.2)


def test_a_second_run_writes_the_same_bytes(run):
    written = []
    for _ in range(2):
        run(corruption={"dark": DARKEN, "noise": {
            "_target_": "pipeline.evaluation.corruptions.noise.Noise", "deviations": [0.1, 0.2, 0.3, 0.4, 0.9]
        }})  # fmt: skip
        written.append((artifacts.ROBUSTNESS.read_bytes(), artifacts.ROBUSTNESS_METRICS.read_bytes()))
    assert written[0] == written[1]


def test_at_most_so_many_pictures_are_corrupted(run):
    assert run(robustness={"max_samples": 4, "seed": 0})[0].startswith("accuracy 100.0 % on 4 of 10 test pictures")


@pytest.mark.parametrize(
    ("corruption", "line"),
    [
        ({}, "no corruption is chosen"),
        ({"dark": None}, "no corruption is chosen"),
        ({"cast": CAST}, "no corruption fits"),
    ],
)
def test_without_corruptions_the_files_are_empty(run, corruption, line):
    assert run(corruption=corruption)[0].startswith(line)
    assert pd.read_csv(artifacts.ROBUSTNESS).empty
    assert read_estimates(artifacts.ROBUSTNESS_METRICS) == {}


def test_a_cast_needs_colour(run):
    run(channels=3, corruption={"cast": CAST})
    assert len(pd.read_csv(artifacts.ROBUSTNESS)) == 6


OF_CLIPS = {
    "_target_": "pipeline.evaluation.corruptions.frame_drop.FrameDrop",
    "shares": [0.1, 0.2, 0.3, 0.4, 0.5],
}
OF_VOLUMES = {
    "_target_": "pipeline.evaluation.corruptions.slice_thickness.SliceThickness",
    "thicknesses": [2, 3, 4, 6, 8],
}


def test_what_does_not_happen_to_these_samples_is_left_out_and_named(run):
    others = {"frame_drop": OF_CLIPS, "slice_thickness": OF_VOLUMES}
    line = run(corruption={"dark": DARKEN, **others})[0]
    assert line.endswith(
        ", 80.0 % under 1 corruption; left out, since images do not have it: frame_drop, slice_thickness"
    )
    assert set(pd.read_csv(artifacts.ROBUSTNESS)["corruption"]) == {"clean", "dark"}
    assert run(corruption=others) == ["no corruption fits these samples"]


@pytest.mark.parametrize(
    ("media", "fitting"),
    [
        ("clip", ["frame_drop"]),
        ("volume", ["slice_thickness"]),
        ("image", []),
    ],
)
def test_a_clip_loses_frames_and_a_volume_has_thick_slices(media, fitting):
    built = config.build_all({"corruption": {"frame_drop": OF_CLIPS, "slice_thickness": OF_VOLUMES}}, "corruption")
    packed = PackedDataset(
        np.zeros((1, 4, 2, 2, 1), dtype=np.uint8), pd.DataFrame(), {"media": config.compose_option("media", media)}
    )
    assert [name for name, one in built.items() if perturb.fits(one, packed)] == fitting


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"max_samples": 0, "seed": 0}, r"robustness\.max_samples must be at least 1, got 0$"),
        ({"max_samples": 5}, r"robustness lacks the parameter 'seed'; set it in conf/ and run this again$"),
    ],
)
def test_wrong_options(run, section, message):
    with pytest.raises(UserError, match=message):
        run(robustness=section)
