"""Frames that are chosen by what they show, so that two cuts of one video have some in common."""

from __future__ import annotations

import numpy as np

MAX_KEY_FRAMES = 16
FIRST_REACH = 0.25  # seconds before and after a frame within which it must be an extreme
USUAL_STEP = 0.04  # seconds between frames of which nothing says when they are shown
DETAIL = 8  # side of the copies whose content is followed
PATTERNS = ((0, 1), (1, 0), (1, 1), (0, 2))  # down and across: waves over a frame, of the lowest frequencies
SAME = 2.0  # grey levels of mean difference below which a key frame shows nothing that another one does not


def choose_key_frames(small: np.ndarray, times: np.ndarray) -> list[int]:
    """Positions of at most 16 frames, ascending.

    A frame is chosen where a slow wave of brightness over the frame is largest, or the change from the frame before
    is, among all frames within some time before and after. That depends on nothing else, so two cuts choose the same
    frames wherever both reach that far. The time is a quarter of a second, doubled until there are few enough:
    what is chosen for a longer time is chosen for a shorter one too, so a short cut has those of a long one. Where
    brightness moves steadily, its extremes are frames like their neighbours, so compression changes little.

    Args:
        small: (N, 64, 64) uint8 copies of all frames.
        times: (N,) ascending seconds.
    """
    signals = _signals(small)
    reach = FIRST_REACH
    while True:
        found = np.unique(np.concatenate([_extremes(signal, times, reach) for signal in signals]))
        chosen = _without_alike(small, found)
        if len(chosen) <= MAX_KEY_FRAMES:
            return chosen
        reach *= 2


def moments(times: np.ndarray, chosen: list[int]) -> np.ndarray:
    """(K, 3) positions of each chosen frame, and of those shown a quarter of a second before and after it.

    Before one fixed camera two clips may have a frame in common by chance; what happens around it tells them apart.
    At an end of the clip it is the last frame there.
    """
    shown = np.stack([times[chosen] + shift for shift in (0.0, -FIRST_REACH, FIRST_REACH)], axis=1)
    positions: np.ndarray = (np.searchsorted(times, shown, side="right") - 1).clip(0)
    positions[:, 0] = chosen
    return positions


def _signals(small: np.ndarray) -> np.ndarray:
    """(S, N) how strong each wave is in each frame, and how much each differs from the one before."""
    block = small.shape[1] // DETAIL
    coarse = small.reshape(len(small), DETAIL, block, DETAIL, block).mean(axis=(2, 4), dtype=np.float32)
    places = (np.arange(DETAIL) + 0.5) / DETAIL * np.pi
    waves = np.stack([np.outer(np.cos(down * places), np.cos(across * places)) for down, across in PATTERNS])
    strengths = np.tensordot(waves.astype(np.float32), coarse, axes=([1, 2], [1, 2]))
    change = np.zeros(len(small), np.float32)
    change[1:] = np.abs(np.diff(coarse, axis=0)).mean(axis=(1, 2))
    return np.concatenate([strengths, change[None]])


def _extremes(signal: np.ndarray, times: np.ndarray, reach: float) -> np.ndarray:
    """Positions of the values that none within `reach` seconds exceeds; of equal ones the first."""
    starts = np.searchsorted(times, times - reach, side="left")
    ends = np.searchsorted(times, times + reach, side="right")
    return np.array(
        [
            position
            for position, (start, end) in enumerate(zip(starts, ends, strict=True))
            if start + int(signal[start:end].argmax()) == position
        ],
        dtype=np.intp,
    )


def _without_alike(small: np.ndarray, positions: np.ndarray) -> list[int]:
    """Those positions whose frame differs from all that are chosen before; no more than one too many."""
    chosen: list[int] = []
    for position in positions:
        frame = small[position].astype(np.int16)
        if all(np.abs(frame - small[other]).mean() >= SAME for other in chosen):
            chosen.append(int(position))
        if len(chosen) > MAX_KEY_FRAMES:
            break
    return chosen
