"""Ranges of numbers that many options share; `core.hints` holds what a file says to them."""

from typing import Annotated

from annotated_types import Ge, Gt, Interval

Seed = Annotated[int, Ge(0)]
Count = Annotated[int, Ge(0)]
PositiveInt = Annotated[int, Ge(1)]
PositiveFloat = Annotated[float, Gt(0)]
Fraction = Annotated[float, Interval(ge=0, le=1)]
