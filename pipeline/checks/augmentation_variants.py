"""The variants of an augmentation policy: each choice alone, at its full size and at smaller ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pipeline.core import config
from pipeline.core.batches import Change
from pipeline.core.errors import UserError

SHARES = (0.5, 0.25, 0.125)  # of the full size
STRENGTH = "max_"  # how the names of strengths begin: 0 is off


@dataclass(frozen=True, eq=False)
class Variant:
    """One choice of one augmentation, the others switched off; or all of them.

    Attributes:
        name: As in conf/: `colour.max_hue`, or `colour` for all of them.
        size: Value of the choice; None for the augmentation as a whole.
        augmentation: The augmentation with this choice only.
        share: Share of the full size, above 0 to 1.
    """

    name: str
    size: Any
    augmentation: Change
    share: float = 1.0

    def __str__(self) -> str:
        return f"{self.name} as a whole" if self.size is None else f"{self.name}={self.size}"

    def weaker(self) -> Iterator[Variant]:
        """The same choice at smaller sizes, the largest first; none for a choice that is on or off."""
        key = self.name.rpartition(".")[2]
        if self.size is None or isinstance(self.size, bool) or not key.startswith(STRENGTH):
            return
        for share in SHARES:
            size = float(f"{share * self.size:.4g}")
            if isinstance(self.size, int):  # a step of a scale
                size = round(size)
                if size in (0, self.size):
                    continue
            values = vars(self.augmentation) | {key: size}
            try:
                weaker = config.instantiate(type(self.augmentation), values, self.name)
            except UserError:  # less than the augmentation takes
                return
            yield Variant(self.name, size, weaker, share)


def list_variants(policy: dict[str, Change]) -> Iterator[Variant]:
    """Each choice that is on, of each augmentation, alone; then the augmentation as a whole if that differs."""
    for name, augmentation in policy.items():
        sizes = _sizes(augmentation)
        active = [key for key, size in sizes.items() if size]
        alone = [one for key in active if (one := _alone(name, key, sizes, augmentation))]
        yield from alone
        if len(alone) != 1 or len(active) != 1:
            yield Variant(name, None, augmentation)


def _alone(name: str, key: str, sizes: dict[str, Any], augmentation: Change) -> Variant | None:
    """One choice with the others off; None where the augmentation refuses that combination."""
    off = {
        one: type(size)(0)
        for one, size in sizes.items()
        if one != key and (isinstance(size, bool) or one.startswith(STRENGTH))
    }
    try:
        alone = config.instantiate(type(augmentation), vars(augmentation) | off, name)
    except UserError:
        return None
    return Variant(f"{name}.{key}", sizes[key], alone)


def _sizes(augmentation: Change) -> dict[str, Any]:
    options: tuple[Any, ...] = fields(augmentation) if is_dataclass(augmentation) else ()
    values = {one.name: getattr(augmentation, one.name) for one in options}
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float)}
