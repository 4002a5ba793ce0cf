"""Decodes text files: UTF-8, UTF-16, and UTF-32 by byte order mark, and UTF-16 without a mark by its zero bytes.

A line that is not UTF-8 is decoded as Latin-1, the encoding that older programs used. This affects only comments and
names, since cells are the same in both encodings. Line length is limited, so that a file without line breaks cannot
fill memory.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

from trm.data.files.containers import ByteSource
from trm.errors import DataError

LONGEST_LINE = 1 << 20
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""UTF-32 comes first because its mark starts with the mark of UTF-16."""
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f]")
UNDECODED = re.compile(r"[\udc80-\udcff]")


def encoding_of(head: bytes) -> str:
    """Detect the encoding from the first bytes of a file."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    if len(head) >= 8 and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    if len(head) >= 8 and not any(head[::2]) and all(head[1::2]):
        return "utf-16-be"
    return "utf-8"


def lines_of(source: ByteSource) -> Iterator[str]:
    """The lines of a text file, including line breaks. Raises `DataError`, naming the line, if a line is too long."""
    encoding = encoding_of(source.head())
    with source.open() as stream:
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        text = io.TextIOWrapper(stream, encoding, errors=errors, newline="")
        number = 0
        while True:
            number += 1
            try:
                line = text.readline(LONGEST_LINE + 1)
            except UnicodeError:
                raise not_text(source.name) from None
            if not line:
                return
            if len(line) > LONGEST_LINE:
                raise DataError(
                    f"{source.name}, line {number}: over {LONGEST_LINE:,} characters. Write one puzzle or one row per line."
                )
            yield readable(line, source.name)


def readable(line: str, name: str) -> str:
    """Decode a line that is not UTF-8 as Latin-1. Raises `DataError` if it is not text."""
    if line.isascii() and "\x00" not in line:
        return line
    if UNDECODED.search(line):
        if NO_TEXT.search(line):
            raise not_text(name)
        line = line.encode("utf-8", "surrogateescape").decode("latin-1")
    if "\x00" in line:
        raise not_text(name)
    return line


def not_text(name: str) -> DataError:
    """The error for a file that is not text."""
    return DataError(f"{name} is not text in UTF-8 or another supported encoding. Give a CSV or text file.")
