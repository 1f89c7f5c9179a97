"""Rendering of templates to pages: the same bytes for the same content, and they load nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.report import formatting
from pipeline.report.headline import of_hundred

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, content: Mapping[str, object], script: str = "", media: str = "image") -> str:
    """The page of a template; all texts of the data set (class names, paths, attributes) are escaped.

    Args:
        template: Name of the file.
        content: Its variables.
        script: Name of a script in the same folder. The page then runs this one, by its digest, and no other.
        media: Of the data set: the templates call a sample `noun`, and so does the filter `named` in texts.
    """
    code = _own(script) if script else ""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    own = {"css": _own("page.css"), "script": code, "script_hash": f"sha256-{digest}" if script else ""}
    return templates(noun_of(media)).get_template(template).render(content, **own) + "\n"


def _own(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 (our own file)


@cache
def templates(noun: str) -> Environment:
    """The templates, cached, since compiling them takes half a second, ten times as long as rendering.

    Args:
        noun: What a sample is called: picture, clip or volume.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["noun"] = noun
    environment.filters |= {
        "named": partial(formatting.with_noun, noun=noun),
        "share": formatting.share,
        "whole": formatting.whole,
        "counted": count_of,
        "hundred": of_hundred,
        "brief": formatting.brief,
    }
    return environment
