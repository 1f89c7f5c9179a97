"""Which samples are shown without what a model predicts, to measure how much people follow it."""

from __future__ import annotations

import hashlib

SHARE = 10  # of so many samples one is blind


def is_blind(sample_id: str, batch: str) -> bool:
    """Whether this sample of this batch is shown without a prediction: a random tenth, the same one for everybody.

    Source: automation bias of people who see a model's answer, Beck et al. 2025, arXiv:2509.08514.
    """
    digest = hashlib.sha256(f"{batch}\0{sample_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SHARE == 0
