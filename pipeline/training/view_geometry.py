"""Whether a view of a picture shows each thing at the place where the picture has it."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d

from pipeline.core.batches import Change

SAMPLES = 64  # a view that moves one picture of ten is recognised in all but 0.1 % of tries
SIDE, SPOT = 64, 8  # pixels; of a smaller picture SIDE is taken
MIN_SHARE = 0.9  # of the spot's mass that must be found at its place: a shift by one pixel leaves 0.88


def moves_pixels(view: Change, side: int = SIDE) -> bool:
    """Whether something in a view is elsewhere than in its picture: after a crop, a shift, a mirror or a turn.

    Two grey pictures that differ by a bright square are changed alike; the view moves pixels if their difference is
    stronger at another place than that of the square. A square that the view hides is looked for nowhere.

    Args:
        view: As an `Augmentation`; it takes the same random numbers for equally many pictures of one size.
        side: Of the pictures, in pixels: a shift by a share of it may be less than a pixel of a small one.
    """
    generator = torch.Generator().manual_seed(0)
    side = max(SIDE, side // SPOT * SPOT)
    cells = side // SPOT
    corners = torch.randint(cells, (SAMPLES, 2), generator=generator) * SPOT
    plain = torch.full((SAMPLES, 3, side, side), 100, dtype=torch.uint8)
    marked = plain.clone()
    for picture, (top, left) in zip(marked, corners.tolist(), strict=True):
        picture[:, top : top + SPOT, left : left + SPOT] = 180
    before, after = (view(one, torch.Generator().manual_seed(1)) for one in (plain, marked))
    if after.shape != marked.shape:
        return True
    difference = (after.float() - before.float()).abs().sum(dim=1, keepdim=True)
    found = avg_pool2d(difference, SPOT, stride=1)[:, 0]
    at_place = found[torch.arange(SAMPLES), corners[:, 0], corners[:, 1]]
    return bool((at_place < MIN_SHARE * found.amax(dim=(1, 2))).any())
