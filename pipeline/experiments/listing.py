"""Which experiments a leaderboard lists, and what was published elsewhere: conf/leaderboard/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import yaml
from annotated_types import Interval, MinLen

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.ranges import Fraction, PositiveInt

if TYPE_CHECKING:
    from pipeline.core.open_types import Params


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure that others reported; it is shown in the table, and never compared.

    Args:
        name: Of the row.
        value: Of the leaderboard's metric, as a share.
        source: Where it is published: authors, year, DOI.
        n: Test samples behind it, or null where that is not known; only then is there an interval (Wilson's).
    """

    name: str
    value: Fraction
    source: str
    n: PositiveInt | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError(f"{self.name}: source must say where the figure is published")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a leaderboard compares.

    Args:
        experiment: Of conf/experiment/, whose `metric` and `evaluate` say how the rows are compared; null for
            conf/config.yaml as it is.
        metric: A name in conf/metric/ that is one number for all classes.
        experiments: A row each: names of files in conf/experiment/, or a mapping of names to overrides of
            conf/config.yaml, such as `svm_hog: [train=svm, encoder=hog]`.
        overrides: What all rows share.
        published: Figures of others.
        margin: How much worse than the best a model may be and still be as good for the mark, above 0: the whole
            interval of the difference must lie above -margin.
    """

    experiment: str | None
    metric: str
    experiments: Annotated[list[str] | dict[str, list[str]], MinLen(1)]
    overrides: list[str] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    margin: Annotated[float, Interval(gt=0, lt=1)] = 0.01

    def __post_init__(self) -> None:
        names = [*self.experiments]
        twice = sorted({one for one in names if names.count(one) > 1})
        if twice:
            raise ValueError(f"experiments names {twice[0]!r} twice")
        names += [one.name for one in self.published]
        if len(set(names)) < len(names):
            raise ValueError("a published row has the name of another row")

    @property
    def rows(self) -> dict[str, list[str]]:
        """Each row's name to the overrides that make it, as Hydra takes them."""
        if isinstance(self.experiments, dict):
            return {name: [*own, *self.overrides] for name, own in self.experiments.items()}
        return {name: [f"experiment={name}", *self.overrides] for name in self.experiments}


def read(name: str) -> tuple[Listing, Params]:
    """What `conf/leaderboard/NAME.yaml` lists, and all parameters of the experiment that says how rows are compared.

    Raises:
        UserError: There is no such file, it lists nothing that can be run, or an experiment of it does not exist.
    """
    node = config.compose_option("leaderboard", name)
    rows = node.get("published") or []
    where = f"conf/leaderboard/{name}.yaml"
    published = [config.instantiate(Published, row, f"{where}.published[{place}]") for place, row in enumerate(rows)]
    listing: Listing = config.instantiate(Listing, {**node, "published": published}, where)
    for experiment in listing.experiments if isinstance(listing.experiments, list) else []:
        file = config.CONF / "experiment" / f"{experiment}.yaml"
        if not file.is_file():
            raise UserError(f"{where}: experiment {experiment!r} has no file {file}")
    return listing, yaml.safe_load(config.compose(overrides=config.select_experiment(listing.experiment)))
