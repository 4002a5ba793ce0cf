"""Decodes text files in UTF-8, UTF-16, or UTF-32.

A byte order mark identifies the encoding. UTF-16 without a mark is recognised by its zero bytes. In a file that should
be UTF-8, any invalid line is decoded as Latin-1, which older programs used. This affects only comments and names,
because cells have the same bytes in both encodings. The length of a line is limited, so that a file without line breaks
cannot fill the memory.
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
"""Encoding for each byte order mark. UTF-32 precedes UTF-16, because the mark of UTF-32 starts with that of UTF-16."""
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f]")
UNDECODED = re.compile(r"[\udc80-\udcff]")


def encoding_of(head: bytes) -> str:
    """Detect the encoding from the first bytes of a file. The default is UTF-8."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    if len(head) >= 8 and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    if len(head) >= 8 and not any(head[::2]) and all(head[1::2]):
        return "utf-16-be"
    return "utf-8"


def lines_of(source: ByteSource) -> Iterator[str]:
    """Yield the lines of a text file, including line breaks.

    Raises `DataError` if the file is not text, or if a line, which the message names, is too long.
    """
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
    """Return the line, decoded as Latin-1 if it is not valid UTF-8. Raises `DataError` if the line is not text.

    `line` was decoded as UTF-8 with the error handler "surrogateescape". `name` is the file name for messages.
    """
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
    """Return the error for a file, called `name`, that is not text."""
    return DataError(f"{name} is not text in UTF-8 or another supported encoding. Give a CSV or text file.")
