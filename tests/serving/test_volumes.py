"""A server of a model of volumes: how many are decoded at once, and how large each may be."""

import os
from pathlib import Path

import numpy as np
import pytest
from clip_model import save_clip_model

from pipeline.core import config
from pipeline.core.errors import ItemRejected
from pipeline.media.volume import Volume
from pipeline.serving.limits import Limits
from pipeline.serving.pictures import bounded_codec
from pipeline.serving.service import Service

PACKING = {"max_pixels": 10_000, "media": config.to_node(Volume())}


def test_a_volume_of_more_voxels_than_a_request_may_have_is_refused() -> None:
    array = np.zeros((4, 5, 5), np.uint8)
    with pytest.raises(ItemRejected, match=r"4 x 5 x 5 voxels, at most 99 allowed"):
        bounded_codec(PACKING, Limits(voxels=99)).decode(array)
    assert bounded_codec(PACKING, Limits(voxels=100)).decode(array).shape == (4, 5, 5)
    of_model = {**PACKING, "media": config.to_node(Volume(max_voxels=50))}
    with pytest.raises(ItemRejected, match="at most 50 allowed"):
        bounded_codec(of_model, Limits()).decode(array)
    assert Limits().voxels < Volume().max_voxels


@pytest.mark.parametrize(("media", "expected"), [("volume", 2), ("clip", 8)])
def test_two_volumes_are_decoded_at_once(
    media: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(Service, "media", property(lambda _: media))
    folder = save_clip_model(tmp_path)
    service = Service(str(folder), Limits(), f"sqlite:///{tmp_path}/answers.db", True, True, 0.0, lambda line: None)
    try:
        assert service.pool._max_workers == expected
    finally:
        service.close()
