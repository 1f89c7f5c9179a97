"""What checks say of clips and volumes: they are written for pictures, and hold for any media."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import final

import pandas as pd

from pipeline.core.results import Finding
from pipeline.core.sample_codec import noun_of

PICTURE = re.compile(r"\b([Pp])icture(s?)\b")
PHOTOGRAPH = re.compile(r"\b(a|one|same) photograph\b")
ORIGINS = {"clip": "recording", "volume": "scan"}


@final
@dataclass(frozen=True, kw_only=True)
class MediaWords:
    """The noun of the samples in a text about pictures.

    Attributes:
        noun: `picture`, with which texts stay as they are, `clip` or `volume`.
    """

    noun: str = "picture"

    @classmethod
    def of(cls, samples: pd.DataFrame) -> MediaWords:
        """Those of manifest rows; `picture` also where a label is called so, which must keep its name."""
        if "media" not in samples or samples.empty:
            return cls()
        labels = {name.lower() for names in samples["labels"] for name in names}
        is_label = any(PICTURE.search(name) or PHOTOGRAPH.search(name) for name in labels)
        return cls() if is_label else cls(noun=noun_of(str(samples["media"].iloc[0])))

    def say(self, text: str) -> str:
        """A text of a check, with the noun of these samples."""
        if self.noun == "picture":
            return text
        first = self.noun.capitalize()
        text = PICTURE.sub(lambda found: (first if found[1] == "P" else self.noun) + found[2], text)
        return PHOTOGRAPH.sub(lambda found: f"{found[1]} {ORIGINS.get(self.noun, self.noun)}", text)

    def restate(self, finding: Finding) -> Finding:
        """The finding in these words; labels, names and tables stay as they are."""
        say = self.say
        return replace(
            finding,
            unit=say(finding.unit),
            advice=say(finding.advice),
            sentence=say(finding.sentence),
            obstacle=say(finding.obstacle),
            note=say(finding.note),
        )
