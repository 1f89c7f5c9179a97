"""Options as a file gives them: refused where they do not fit the types of what they build."""

import re
from typing import Any

from pipeline.core import config
from pipeline.core.errors import UserError


def from_file(target: Any, **options: Any) -> Any:
    """What params.yaml would build of these options; a refusal begins with the key."""
    try:
        return config.instantiate(target, options, "options")
    except UserError as error:
        raise UserError(re.sub(r"^params\.yaml: options(: |\.)", "", str(error))) from None
