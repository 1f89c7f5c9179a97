"""How strongly two things go together: AUC of a number for a class, Cramer's V of two categories."""

from __future__ import annotations

import numpy as np


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """AUC of one property for a class against the rest, turned to be at least 0.5; 0.5 when one side is empty.

    Source: as the Mann-Whitney statistic, Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    from scipy.stats import rankdata

    known = np.isfinite(values)
    ranks, positive = rankdata(values[known]), positive[known]
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return 0.5
    area = (ranks[positive].sum() - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)
    return float(max(area, 1 - area))


def cramers_v(table: np.ndarray) -> float:
    """How strongly rows and columns of counts go together, 0 (chance) to 1, corrected for what chance alone gives.

    phi2 = chi2 / n, less (r - 1)(c - 1) / (n - 1); divided by the smaller of r' - 1 and c' - 1 with
    r' = r - (r - 1)^2 / (n - 1). Empty rows and columns are left out.

    Source: Bergsma 2013, doi:10.1016/j.jkss.2012.10.002.
    """
    nonempty = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    size, (num_rows, num_columns) = nonempty.sum(), nonempty.shape
    if size < 2 or min(num_rows, num_columns) < 2:
        return 0.0
    expected = np.outer(nonempty.sum(axis=1), nonempty.sum(axis=0)) / size
    phi2 = max(
        0.0, ((nonempty - expected) ** 2 / expected).sum() / size - (num_rows - 1) * (num_columns - 1) / (size - 1)
    )
    least = min(num_rows - (num_rows - 1) ** 2 / (size - 1), num_columns - (num_columns - 1) ** 2 / (size - 1)) - 1
    return float(min(1.0, np.sqrt(phi2 / least))) if least > 0 else 0.0
