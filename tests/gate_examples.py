"""Contests of two models, made of their predictions."""

import pandas as pd

from pipeline.core.evaluation_contracts import Contender, Contest


def make_contest(challenger, champion, metrics=None, attributes=None, ours=None, theirs=None, **rest):
    """The contest; `ours` and `theirs` are further facts of the two contenders."""
    table = pd.DataFrame({"sample_id": challenger.sample_ids}) if attributes is None else attributes
    facts = {"findings": {}, "data_hash": "new", **(ours or {})}
    return Contest(
        challenger=Contender(predictions=challenger, **facts),
        champion=None
        if champion is None
        else Contender(predictions=champion, **{"findings": {}, "data_hash": "old", **(theirs or {})}),
        metrics=metrics or {},
        attributes=table,
        **{"figures": {}, "is_exclusive": True, **rest},
    )
