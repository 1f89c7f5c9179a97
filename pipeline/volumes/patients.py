"""Whose a DICOM series is: a pseudonym for groups, and whether a path repeats what the file says of a person."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from typing import final

from pipeline.volumes.dicom_headers import DEFLATED, KIND, is_dicom, read_transfer_syntax
from pipeline.volumes.scan import import_reader, reading

HEAD_BYTES = 2**20  # of a file: the elements of a patient are near its beginning
CHARACTER_SET, PATIENT_NAME, PATIENT_ID, NUMBER_OF_FRAMES = 0x00080005, 0x00100010, 0x00100020, 0x00280008
MIN_LETTERS = 4  # of an identity, a part of a name, or all parts together, that is looked for in a path
NO_NAMES = frozenset(
    "anon anonym anonymous anonymized anonymised patient subject phantom test name none unknown".split()  # noqa: SIM905
)


@final
@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a file says of a person; it never leaves the process that reads it.

    Attributes:
        patient_id: Empty where the file does not say.
        name: Empty where the file does not say.
        is_series_of_one: Whether the file holds many frames, so that it is a sample of its own.
    """

    patient_id: str
    name: str
    is_series_of_one: bool

    def is_in(self, path: str) -> bool:
        """Whether a path repeats the identity, a long part of the name, or all its parts, in any case."""
        parts = set(_words(path))
        if any(_is_name_in(_words(spelling), parts) for spelling in self.name.split("=")):
            return True
        known = self.patient_id.casefold()
        whole = len(known) >= MIN_LETTERS and known not in NO_NAMES
        return whole and bool(re.search(rf"(?<![^\W_]){re.escape(known)}(?![^\W_])", path.casefold()))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.casefold()) if word]


def _is_name_in(name: list[str], parts: set[str]) -> bool:
    """Whether one long word of a name is among the parts of a path, or all words are, apart or joined."""
    words = [word for word in name if word not in NO_NAMES]
    if any(len(word) >= MIN_LETTERS for word in parts.intersection(words)):
        return True
    joined = {"".join(words), "".join(reversed(words))}
    return len(words) > 1 and sum(map(len, words)) >= MIN_LETTERS and (parts.issuperset(words) or bool(joined & parts))


NOBODY = Identity(patient_id="", name="", is_series_of_one=False)


def read_identity(head: bytes) -> Identity:
    """The identity in the first `HEAD_BYTES` of a DICOM file; `NOBODY` of another file or of one packed as a whole.

    Raises:
        ItemRejected: The header is damaged.
        UserError: pydicom is not installed.
    """
    if not is_dicom(head):
        return NOBODY
    import_reader("pydicom", KIND)
    from pydicom.filereader import read_partial

    with reading(KIND):
        if read_transfer_syntax(head) in DEFLATED:
            return NOBODY
        found = read_partial(
            io.BytesIO(head),
            stop_when=lambda tag, vr, length: tag > NUMBER_OF_FRAMES,
            specific_tags=[CHARACTER_SET, PATIENT_NAME, PATIENT_ID, NUMBER_OF_FRAMES],
        )
        frames = found.get("NumberOfFrames")
        return Identity(
            patient_id=str(found.get("PatientID") or "").strip(),
            name=str(found.get("PatientName") or "").strip(),
            is_series_of_one=isinstance(frames, int) and frames > 1,
        )


def make_pseudonym(patient_id: str, salt: str) -> str:
    """16 hexadecimal digits of HMAC-SHA256, which without the salt say nothing of the identity.

    Source: FIPS 198-1, The Keyed-Hash Message Authentication Code.
    """
    return hmac.new(salt.encode(), patient_id.encode(errors="replace"), hashlib.sha256).hexdigest()[:16]
