"""How a run or one item ends early, with a text that a person can act on and that holds no credentials."""

from collections.abc import Collection
from itertools import islice

from pipeline.core.uris import mask_credentials


class UserError(ValueError):
    """A mistake a person can mend; its text is the one line they read.

    Args:
        text: What, where, found, expected, what to do.
        details: Further lines, where one would be too long.
    """

    def __init__(self, text: str, *details: str):
        super().__init__(mask_credentials(text))
        self.details = details

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        return type(self), (str(self), *self.details)


class ItemRejected(Exception):
    """One item of a source cannot be used; ingest puts it into quarantine.

    Args:
        reason: One of the short names in `pipeline.images.decoding.REJECTION_REASONS`.
        detail: What was found, for a person.
    """

    def __init__(self, reason: str, detail: str):
        self.reason = reason
        self.detail = mask_credentials(detail)
        super().__init__(f"{reason}: {self.detail}")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.reason, self.detail)


def name_some(names: Collection[str], most: int) -> str:
    """The first names in quotes, and the number of the others."""
    shown = ", ".join(repr(name) for name in islice(names, most))
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
