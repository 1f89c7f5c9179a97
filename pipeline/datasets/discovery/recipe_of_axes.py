"""What `colibri init` proposes for clips and volumes beyond what it proposes for every data set."""

from __future__ import annotations

from collections.abc import Iterator

LARGEST_SIDE = {"clip": 64, "volume": 64}  # pixels of a side, stored without a GPU: 16 x 64 x 64 is 65,536 values
LARGEST_SIDE_OF_GPU = {"clip": 112, "volume": 96}
MIN_SIDE = 16  # pixels
ENCODER, EMBED = "conv3d_small", "frames"  # files of conf/encoder/ and conf/embed/
AUGMENTATION = {"clip": ["mirror", "shift", "exposure"], "volume": ["shift", "exposure"]}
WHY = {
    "clip": "the same change for all frames of a clip; no mirror where left and right are different classes",
    "volume": "no flips: left and right of a body differ",
}


def stored_side(media: str, side: float, has_gpu: bool) -> int:
    """Pixels of a stored side: the samples' own, up to what a small network takes in minutes.

    Args:
        media: clip or volume.
        side: Median of the shorter sides, in pixels.
        has_gpu: Whether this machine has a GPU.
    """
    largest = (LARGEST_SIDE_OF_GPU if has_gpu else LARGEST_SIDE)[media]
    return max(MIN_SIDE, min(int(side), largest))


def propose_components(media: str, is_frozen: bool) -> Iterator[tuple[str, str | list[str], str]]:
    """Key, value and reason of the settings that name files of conf/.

    Args:
        media: clip or volume.
        is_frozen: Whether the learner takes frozen features.
    """
    yield "/media", media, f"each sample is one {media}"
    if not is_frozen:
        yield "/encoder", ENCODER, "three convolutions over three axes, without pretrained weights"
    yield "/embed", EMBED, f"features of the {'frames' if media == 'clip' else 'slices'}, for the checks"
    if not is_frozen:
        yield "/augmentation", AUGMENTATION[media], WHY[media]
