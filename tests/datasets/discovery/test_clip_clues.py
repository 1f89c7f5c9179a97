"""An animation is known by its first bytes."""

import io

import pytest
from films import animation, numbered
from PIL import Image

from pipeline.datasets.discovery.clip_clues import is_animation


def still(kind, **options):
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations_and_stills(kind):
    assert is_animation(animation(kind, numbered(2, 8, 8))[:4096])  # the GIF is played once
    assert not is_animation(still(kind))


def test_a_still_gif_with_a_transparent_colour_has_no_delay():
    assert b"!\xf9\x04" in still("GIF", transparency=0)
    assert not is_animation(still("GIF", transparency=0))
