"""What Pillow raises becomes the reason why a sample is left out."""

import struct

import pytest
from PIL import Image, UnidentifiedImageError

from pipeline.core.errors import ItemRejected
from pipeline.images.damage import reject_damage

UNKNOWN, NO_PICTURE = ItemRejected("truncated", "the header"), ItemRejected("not_a_picture", "starts with b'x'")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (MemoryError(), "^too_large: there is not enough memory to decode it$"),
        (Image.DecompressionBombError("9 pixels"), "^too_large: 9 pixels$"),
        (UnidentifiedImageError("?"), "^truncated: the header$"),
        (OSError("broken data"), "^truncated: broken data$"),
        (struct.error(), "^truncated: error$"),
        (ItemRejected("unsupported", "32 bits"), "^unsupported: 32 bits$"),
    ],
)
def test_each_error_has_its_reason(raised, message):
    with pytest.raises(ItemRejected, match=message), reject_damage(UNKNOWN):
        raise raised


def test_damaged_data_can_have_another_reason_and_other_errors_stay_errors():
    with pytest.raises(ItemRejected, match=r"^not_a_picture: starts with b'x'$"), reject_damage(UNKNOWN, NO_PICTURE):
        raise SyntaxError("not a PNG")
    with pytest.raises(ZeroDivisionError, match="by zero"), reject_damage(UNKNOWN):
        1 / 0  # noqa: B018
