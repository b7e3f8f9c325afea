"""Folder outputs: thousands of objects under one prefix that are told of, and verified, as one output.

Who wrote the objects folds what S3 answered to each PUT, who verifies them folds a LIST: the same objects give the same
digest, and nothing else does. A listing tells no checksums; the ETag is S3's word for the bytes, and whoever uploaded
them let S3 check their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

CONTENT_TYPE = "application/x-directory"
"""The content type that is told of a folder; no object carries it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """One object of a folder. ``name`` is its key after the folder's, ``etag`` has no quotes."""

    name: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What all entries of a folder come to. ``sha256`` is lower-case hex of the listing, not of any bytes stored."""

    objects: int
    size_bytes: int
    sha256: str


def fold(entries: Iterable[Entry]) -> Folded:
    """Fold entries, in whatever order they come, to their number, the sum of their sizes, and one digest.

    The digest is over one line of JSON, ``["name",size,"etag"]``, for each entry, sorted: JSON escapes what ends a
    string or a line, so that two listings never write the same text. It stands in manifests: its form must not change.
    """
    ordered = sorted(entries)
    digest = hashlib.sha256()
    for entry in ordered:
        digest.update(_line(entry))
    return Folded(
        objects=len(ordered), size_bytes=sum(entry.size_bytes for entry in ordered), sha256=digest.hexdigest()
    )


def _line(entry: Entry) -> bytes:
    written = json.dumps([entry.name, entry.size_bytes, entry.etag], ensure_ascii=False, separators=(",", ":"))
    # A name that UTF-8 cannot write is none of S3's, and still no two names may become one.
    return f"{written}\n".encode("utf-8", "surrogatepass")
