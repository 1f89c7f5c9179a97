"""What is flagged as out of distribution, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.core.estimate import Estimate
from pipeline.report.formatting import share

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject


UNFLAGGED = "A {noun} that is not flagged can be unlike those of train too: features keep only what training needed."


def describe_distance(policy: JsonObject, figures: dict[str, Estimate]) -> str:
    """What is flagged as out of distribution, wanted and found; empty where no distance is measured."""
    flag, found = policy.get("out_of_distribution"), figures.get("out_of_distribution")
    if flag is None or found is None or found.value is None:
        return ""
    text = (
        f"A {{noun}} is out of distribution if its features are farther from those of train than a limit, which is "
        f"chosen on val so that about {100 * flag['share']:.4g} % of new {{noun}}s like those of val are flagged; "
        f"{share(found.value)} of test is. "
    )
    if found.low is not None and found.low > _most_like_val(flag["share"], policy["num_groups"]):
        text += "That is more than val shows: test holds {noun}s unlike train. "
    if flag["abstains"]:
        text += "The policy leaves them to a person. "
    else:
        text += "They are decided all the same; policy.out_of_distribution=abstain leaves them to a person. "
    return f"{text}{UNFLAGGED}"


def _most_like_val(wanted: float, num_groups: int) -> float:
    """The largest share of new pictures like val that the limit may flag, in 97.5 of 100 choices of val.

    The limit is the k-th largest of n distances of val, and the share beyond it has a beta distribution. 1 where n is
    too small for the wanted share.

    Args:
        wanted: Share that is to be flagged.
        num_groups: n; independent units of val.

    Source: David and Nagaraja 2003, Order Statistics, section 2.
    """
    from scipy.stats import beta

    largest = math.floor(wanted * (num_groups + 1) + 1e-9)
    return float(beta.ppf(0.975, largest, num_groups + 1 - largest)) if largest else 1.0
