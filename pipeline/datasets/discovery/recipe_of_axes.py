"""What `colibri init` proposes for clips and volumes beyond what it proposes for every data set."""

from __future__ import annotations

from collections.abc import Iterator

LARGEST_SIDE = {"clip": 64, "volume": 32}  # pixels of a side without a GPU: 16 x 64 x 64 and 32 x 32 x 32 values
LARGEST_SIDE_OF_GPU = {"clip": 112, "volume": 96}
LARGEST_EMBEDDED = 64  # pixels of a side of volumes, each slice of which is a picture for the checks
MIN_SIDE = 16  # pixels
ENCODER, FROZEN_ENCODER, EMBED, ATTRIBUTION = (
    "conv3d_small",
    "frame_mean",
    "frames",
    "occlusion_cuboid",
)  # files of conf/
AUGMENTATION = {"clip": ["mirror", "shift", "exposure"], "volume": ["shift", "axis_shift", "exposure"]}
CORRUPTION = {
    "clip": ["brightness", "contrast", "blur", "noise", "compression", "resolution", "frame_drop", "fewer_frames"],
    "volume": ["brightness", "contrast", "blur", "noise", "resolution", "slice_thickness"],
}
WHY = {
    "clip": "the same change for all frames of a clip; no mirror where left and right are different classes",
    "volume": "no flips: left and right of a body differ",
}
WORSE = {"clip": "the same for all frames, and lost frames", "volume": "the same for all slices, and thicker slices"}
PARTS = {"clip": "frames", "volume": "slices"}


def stored_side(media: str, side: float, has_gpu: bool) -> int:
    """Pixels of a stored side: the samples' own, up to what a small network takes in minutes.

    Args:
        media: clip or volume.
        side: Median of the shorter sides, in pixels.
        has_gpu: Whether this machine has a GPU.
    """
    largest = (LARGEST_SIDE_OF_GPU if has_gpu else LARGEST_SIDE)[media]
    return max(MIN_SIDE, min(int(side), largest))


def propose_components(media: str, is_frozen: bool, has_labels: bool) -> Iterator[tuple[str, str | list[str], str]]:
    """Key, value and reason of the settings that name files of conf/.

    Args:
        media: clip or volume.
        is_frozen: Whether the learner takes frozen features.
        has_labels: Whether any sample has a label.
    """
    parts = PARTS[media]
    yield "/media", media, f"each sample is one {media}"
    if is_frozen:
        yield "/encoder", FROZEN_ENCODER, f"the mean of the features of all {parts}"
    else:
        yield "/encoder", ENCODER, "three convolutions over three axes, without pretrained weights"
    yield "/embed", EMBED, f"features of the {parts}, for the checks"
    if has_labels:
        yield "/augmentation", AUGMENTATION[media], WHY[media]
        yield "/corruption", CORRUPTION[media], WORSE[media]
        yield "/attribution", ATTRIBUTION, f"parts of {media}s, in a quarter to a sixth of the time of squares"
        yield "/intervention", [], "interventions change pictures only"


def propose_sizes(media: str, side: float, has_gpu: bool, split: str) -> Iterator[tuple[str, int, str]]:
    """Key, value and reason of the settings that are numbers; `split` is a file of conf/split/, see `stored_side`."""
    yield "image_size", stored_side(media, side, has_gpu), f"pixels of a side; the {media}s have {side:.0f}"
    if media == "volume":
        yield "augment.margin", 0, "all of a volume is seen"
        reason = "hashes of volumes of one organ are often 2 bits apart"
        if split == "grouped":
            yield "split.near_duplicate_bits", 0, reason
        yield "check.split_leakage.near_duplicate_bits", 0, reason
        yield "curate.augmentation_safety.num_pictures", 100, "each slice of a changed volume is embedded again"
        yield "embed.image_size", min(max(int(side), MIN_SIDE), LARGEST_EMBEDDED), "pixels, and as many slices"
