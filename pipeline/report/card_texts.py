"""What only a person knows of a model and its data, as `card` of conf/ has it, and how a page says what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.report.markdown import bullets, paragraphs


@dataclass(frozen=True, kw_only=True)
class CardTexts:
    """Texts of people; null where nobody has written one. No page holds a placeholder: it names what is missing.

    Args:
        intended_use: What the model is for, and who uses it.
        out_of_scope: What it must not be used for.
        ethics: Whom a mistake harms, and what was done about it.
        contact: Who answers questions about model and data.
        license: Of the model.
        data_motivation: Why the pictures were taken, by whom, and who paid for it.
        data_collection: How, where and when they were taken, and who labelled them.
        data_people: Whether people or personal data can be seen, and their consent.
        data_license: Of the pictures, such as CC BY 4.0.
        data_citation: How they are cited.
        data_maintenance: Who corrects them, and where corrections appear.
    """

    intended_use: str | None = None
    out_of_scope: str | None = None
    ethics: str | None = None
    contact: str | None = None
    license: str | None = None
    data_motivation: str | None = None
    data_collection: str | None = None
    data_people: str | None = None
    data_license: str | None = None
    data_citation: str | None = None
    data_maintenance: str | None = None

    def text(self, key: str) -> str:
        """A person's text as Markdown, escaped; empty where there is none."""
        return paragraphs(str(getattr(self, key) or ""))

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys of conf/ without a text."""
        return [f"card.{key}" for key in keys if not self.text(key)]


def join_sections(title: str, lead: str, sections: Sequence[tuple[str, Sequence[str]]], missing: Sequence[str]) -> str:
    """The page: sections without any content are left out, and the last one names what nobody has written.

    Args:
        title: Markdown.
        lead: Markdown below it.
        sections: Heading and its blocks of Markdown; empty blocks are left out.
        missing: Keys of conf/.
    """
    parts = [f"# {title}", lead]
    for heading, blocks in sections:
        filled = [block for block in blocks if block]
        if filled:
            parts += [f"## {heading}", *filled]
    if missing:
        parts += [
            "## What nobody has written yet",
            "Only a person can say it; `conf/config.yaml` or the file of the data set takes each text:",
            bullets(f"`{key}`" for key in missing),
        ]
    return "\n\n".join(parts) + "\n"
