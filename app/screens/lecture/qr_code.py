"""A QR code of an address as one SVG path, small enough to send with every scene."""

from functools import lru_cache
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

LOCK = Lock()


def invitation(page: str, scene: str, language: str, room: str | None) -> dict[str, Any]:
    """A QR code that opens a scene and then follows the lecturer: {scene, address, path, size, is_local}.

    `page` is the page's address in the browser, `room` the lecturer's room (`rooms.py`), if any. The path needs a
    stroke width of 1 and fills a square of side `size`.
    """
    parts = urlsplit(page)
    query = urlencode({"scene": scene, "lang": language} | ({"follow": room} if room else {}))
    address = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    with LOCK:  # a code takes 15 ms: when a whole class arrives at once, it is made only once
        path, size = _qr_path(address)
    return {
        "scene": scene,
        "address": address,
        "path": path,
        "size": size,
        "is_local": is_local(parts.hostname or ""),
    }


@lru_cache(maxsize=256)
def _qr_path(text: str) -> tuple[str, int]:
    """The path and the side length of a text's QR code."""
    import segno

    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    path = "".join(
        f"M{column} {row + 0.5}h1"
        for row, cells in enumerate(rows)
        for column, dark in enumerate(cells)
        if dark
    )
    return path, len(rows)


def is_local(host: str) -> bool:
    """Whether a host name is reachable only from this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
