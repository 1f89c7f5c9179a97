"""What a DICOM file says of the scanner and the sequence, without a word that a person typed.

Of a fixed list the term itself; of names of models and protocols, which are free text, 16 bits of a hash: enough to
tell them apart as a category, and no text.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

MODALITIES = frozenset("CT MR PT NM US MG XA RF DX CR OP OPT OCT IVUS SM ES RTDOSE SEG PX IO BI".split())  # noqa: SIM905
SEQUENCES = frozenset(["SE", "IR", "GR", "EP", "RM"])
MAKERS = {  # beginning of a name, in small letters, to the maker
    **{name: name for name in ("siemens", "philips", "canon", "hitachi", "fujifilm", "agfa", "carestream", "hologic")},
    **{name: name for name in ("samsung", "esaote", "bruker", "hamamatsu", "zeiss", "heidelberg", "mindray")},
    "ge ": "ge",
    "general electric": "ge",
    "toshiba": "canon",
    "united imaging": "united imaging",
    "uih": "united imaging",
    "carl zeiss": "zeiss",
    "picker": "philips",
    "elscint": "elscint",
    "planmeca": "planmeca",
    "neusoft": "neusoft",
}
NUMBERS = {  # attribute to element
    "kvp": "KVP",
    "field_strength": "MagneticFieldStrength",
    "echo_time": "EchoTime",
    "repetition_time": "RepetitionTime",
}
NAMES = ("modality", "manufacturer", "model", "sequence", "protocol", *NUMBERS)


def describe(found: Dataset) -> dict[str, str | float | None]:
    """The attributes of a series, of the header of one slice; None where the file does not say.

    Returns:
        `modality` and `sequence` (terms of the standard, else `other`), `manufacturer` (one of those known here, else
        `other`), `model` and `protocol` (four hexadecimal digits), `kvp` (kilovolts), `field_strength` (tesla),
        `echo_time` and `repetition_time` (milliseconds).
    """
    maker = _text(found, "Manufacturer").casefold()
    sequence = "_".join(sorted(map(str, as_list(found.get("ScanningSequence")))))
    parts = set(sequence.split("_")) - {""}
    protocol = _text(found, "ProtocolName") or _text(found, "SeriesDescription")
    return {
        "modality": _term(_text(found, "Modality"), MODALITIES),
        "manufacturer": next((known for start, known in MAKERS.items() if maker.startswith(start)), "other")
        if maker
        else None,
        "model": _digits(f"{maker} {_text(found, 'ManufacturerModelName').casefold()}".strip()),
        "sequence": None if not parts else sequence if parts <= SEQUENCES else "other",
        "protocol": _digits(protocol.casefold()),
        **{name: _number(found.get(element)) for name, element in NUMBERS.items()},
    }


def as_list(value: object) -> list[object]:
    """The values of an element as a list, also where there is one or none."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | int | float) else list(value)  # type: ignore[call-overload]


def _text(found: Dataset, name: str) -> str:
    return str(found.get(name) or "").strip()


def _term(term: str, terms: frozenset[str]) -> str | None:
    return None if not term else term if term in terms else "other"


def _digits(text: str) -> str | None:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:4] if text else None


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
