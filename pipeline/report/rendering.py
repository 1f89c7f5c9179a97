"""Rendering of templates to pages: the same bytes for the same content, and they load nothing from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.terminal import count_of
from pipeline.report import formatting
from pipeline.report.headline import of_hundred

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, content: Mapping[str, object]) -> str:
    """The page of a template; all texts of the data set (class names, paths, attributes) are escaped."""
    css = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704 (our own file)
    return templates().get_template(template).render(content, css=css) + "\n"


@cache
def templates() -> Environment:
    """The templates, cached, since compiling them takes half a second, ten times as long as rendering."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": formatting.share,
        "whole": formatting.whole,
        "counted": count_of,
        "hundred": of_hundred,
        "brief": formatting.brief,
    }
    return environment
