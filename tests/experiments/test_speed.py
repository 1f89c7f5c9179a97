"""Pictures per second, by a clock that is told what to say."""

import numpy as np
import pytest

from pipeline.experiments.speed import ROUNDS, images_per_second, machine


def test_the_median_counts_and_the_first_turn_does_not():
    now, calls = [0.0], []

    def model(name, seconds):
        def predict(images):
            calls.append(name)
            first = calls.count(name) == 1
            now[0] += 10 * seconds if first else seconds
            return images

        return predict

    images = np.zeros((8, 2, 2, 1), dtype=np.uint8)
    found = images_per_second(
        {"fast": (model("fast", 0.5), images), "slow": (model("slow", 2.0), images)}, lambda: now[0]
    )
    assert found == pytest.approx({"fast": 16.0, "slow": 4.0})
    assert calls == ["fast", "slow"] * (ROUNDS + 1)  # in turns


def test_a_fast_one_takes_its_pictures_several_times():
    now, num = [0.0], [0]

    def predict(images):
        num[0] += 1
        now[0] += 0.05
        return images

    images = np.zeros((8, 2, 2, 1), dtype=np.uint8)
    assert images_per_second({"one": (predict, images)}, lambda: now[0]) == pytest.approx({"one": 160.0})
    assert num[0] == 1 + 4 * ROUNDS  # 0.2 s each


def test_the_machine_is_named():
    assert machine()
