"""The measurements of a clip: of its container, its motion, and of the frames that are taken."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from PIL import Image

from pipeline.clips.contact import contact_sheet
from pipeline.clips.reading import DecodedClip
from pipeline.core.sample_codec import SampleMeasurements
from pipeline.images import properties
from pipeline.images.decoding import content_hash

MEASURED_FRAMES = 4  # whose picture properties are averaged


def measure(clip: DecodedClip, num_bytes: int) -> SampleMeasurements:
    """Hashes, size and properties of a decoded clip.

    Properties are those of pictures, each the mean over four of the frames that are taken (`num_bytes` of the whole
    file; `jpeg_quality` is missing), and

    * `num_frames` of the whole clip, `duration` in seconds, `fps` (frames a second, on average), `bit_rate` (bits a
      second of the whole file, sound included); the last three are missing where the clip does not say when its frames
      are shown;
    * `motion_energy`: mean absolute difference of neighbouring frames that are taken, 0 (still) to 1;
    * `repeated_frames`: how many of the frames that are taken are repeated, since the clip has too few.

    The perceptual hash is that of the contact sheet.

    Args:
        clip: Decoded.
        num_bytes: Of the file, or of all files of a folder.
    """
    frames, facts = clip.frames, clip.facts
    positions = [(2 * number + 1) * len(frames) // (2 * MEASURED_FRAMES) for number in range(MEASURED_FRAMES)]
    pictures = [properties.measure(frames[position], num_bytes) for position in sorted(set(positions))]
    sheet = Image.fromarray(contact_sheet(frames)).convert("L")
    return SampleMeasurements(
        content_hash=content_hash(frames),
        perceptual_hash=properties.perceptual_hash(sheet),
        height=frames.shape[1],
        width=frames.shape[2],
        depth=len(frames),
        channels=3 if frames.ndim == 4 else 1,
        properties={
            **{
                name: math.fsum(one.properties[name] for one in pictures) / len(pictures)
                for name in pictures[0].properties
            },
            "num_frames": float(facts.num_frames),
            "duration": facts.duration,
            "fps": facts.num_frames / facts.duration,
            "bit_rate": 8 * num_bytes / facts.duration,
            "motion_energy": motion_energy(frames),
            "repeated_frames": float(facts.num_repeated),
        },
        encoding={"format": facts.container or "pixels", "camera": None, "time": None},
        attributes={name: value for name in ("codec", "container") if (value := getattr(facts, name)) is not None},
    )


def motion_energy(frames: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames, 0 to 1; 0 of a single frame.

    Args:
        frames: (T, H, W) or (T, H, W, 3) uint8.
    """
    if len(frames) < 2:
        return 0.0
    steps = [np.abs(after.astype(np.int16) - before).sum(dtype=np.int64) for before, after in pairwise(frames)]
    return float(sum(steps)) / (len(steps) * frames[0].size * 255)
