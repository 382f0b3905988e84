"""What may be a lead magnet's file, and how it is handed out."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File

from leads.models import Magnet

LARGEST = 50 * 1024 * 1024
_ZIP = b"PK\x03\x04"
_OFFICE = "application/vnd.openxmlformats-officedocument."
# Ending → its type, and how such a file begins. Nothing that a browser would run.
TYPES: dict[str, tuple[str, bytes]] = {
    ".pdf": ("application/pdf", b"%PDF-"),
    ".zip": ("application/zip", _ZIP),
    ".epub": ("application/epub+zip", _ZIP),
    ".docx": (f"{_OFFICE}wordprocessingml.document", _ZIP),
    ".xlsx": (f"{_OFFICE}spreadsheetml.sheet", _ZIP),
    ".pptx": (f"{_OFFICE}presentationml.presentation", _ZIP),
    ".csv": ("text/csv", b""),
    ".txt": ("text/plain", b""),
    ".md": ("text/markdown", b""),
    ".png": ("image/png", b"\x89PNG"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".mp3": ("audio/mpeg", b""),
    ".mp4": ("video/mp4", b""),
}
_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class FileRefused(ValueError):
    """This file is not taken; the message says why and what is."""


@dataclass(frozen=True, slots=True)
class Handout:
    """An open file with the name and the type it is given to people."""

    file: BinaryIO
    name: str
    content_type: str


def check(name: str, size: int, head: bytes) -> None:
    """FileRefused for a file that is too large, empty, of another type, or not what its name says."""
    ending = PurePath(name).suffix.lower()
    if ending not in TYPES:
        raise FileRefused(f"Files end in {', '.join(TYPES)}; this one is “{name[-40:]}”.")
    if not size:
        raise FileRefused("The file is empty.")
    if size > LARGEST:
        raise FileRefused(f"At most {LARGEST // 1024**2} MB; this one has {size / 1024**2:.1f} MB.")
    if not head.startswith(TYPES[ending][1]):
        raise FileRefused(f"It is called {ending}, and is not one. Save it again in that format.")


def check_upload(upload: File) -> None:  # type: ignore[type-arg]
    """The same for a file that was just sent; it can be read from its beginning afterwards."""
    upload.seek(0)
    head = upload.read(16)
    upload.seek(0)
    check(str(upload.name), int(upload.size), bytes(head))


def open_file(magnet: Magnet) -> Handout | None:
    """The magnet's file; None if it has none or the file is not where it was put. The caller closes it."""
    try:
        file = magnet.file.open("rb")
    except (OSError, ValueError, SuspiciousFileOperation):
        return None
    ending = PurePath(str(magnet.file.name)).suffix.lower()
    kind, _ = TYPES.get(ending, ("application/octet-stream", b""))
    return Handout(file, saved_as(magnet), kind)  # type: ignore[arg-type]  # a File reads as one


def saved_as(magnet: Magnet) -> str:
    """The name under which people save it: as the magnet says, else the file's own, and with the file's own ending."""
    own = PurePath(str(magnet.file.name))
    wanted = _fit(magnet.file_name)
    if not wanted:
        return _fit(own.name) or f"{magnet.slug}{own.suffix}"
    return wanted if wanted.lower().endswith(own.suffix.lower()) else f"{wanted}{own.suffix}"


def _fit(name: str) -> str:
    """Without what no system takes in a name, or what makes it look like another."""
    return " ".join(_UNFIT.sub(" ", name).split()).strip(" .")
