"""Refuses views that leave all views of a picture alike, by trying them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.contracts import Augmentation
    from pipeline.training.view_dataset import ViewDataset

COPIES = 16  # of one picture; a view with two outcomes leaves them all alike with a probability of 2^-15
TRIED = 64  # pictures of the data, at most


def refuse_idle_views(views: Mapping[Any, Augmentation], shape: tuple[int, ...]) -> None:
    """Refuses views that change every copy of a random picture alike, or not at all.

    Args:
        views: By name, at least one.
        shape: (C, *spatial) of a stored picture.

    Raises:
        UserError: All views of a picture are alike.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.randint(0, 256, (1, *shape), generator=generator, dtype=torch.uint8)
    batch = picture.repeat(COPIES, *[1] * len(shape))
    for view in views.values():
        batch = view(batch, generator)
    if bool((batch == batch[:1]).all()):
        raise UserError(
            f"views ({', '.join(map(str, views))}) change nothing, so all views of a picture are alike and there is "
            "nothing to learn; raise their strengths, or name others of conf/views/, such as views=[crop]"
        )


def refuse_alike_pictures(samples: ViewDataset) -> None:
    """Refuses views that change none of the pictures of the data, such as colour of grey ones.

    Raises:
        UserError: All views of a picture are alike.
    """
    batch, *_ = samples.make_batch(np.arange(min(TRIED, len(samples))), seed=0)
    each = batch.unflatten(0, (-1, samples.pretext.num_views))
    if bool((each == each[:, :1]).all()):
        raise UserError(
            f"views change none of the first {len(each)} pictures of pretraining, so all views of a picture are alike "
            "and there is nothing to learn (colour changes no grey picture); name others, such as views=[crop]"
        )


def refuse_unchanged_pictures(samples: ViewDataset) -> None:
    """Refuses views that leave the pictures of the data as they are, where these are restored from them.

    Raises:
        UserError: There is nothing to restore.
    """
    batch, clean, *_ = samples.make_batch(np.arange(min(TRIED, len(samples))), seed=0)
    if torch.equal(batch, clean):
        raise UserError(
            f"views change none of the first {len(batch)} pictures of pretraining, so there is nothing to restore; "
            "raise their strengths, or name others, such as views=[erasing]"
        )
