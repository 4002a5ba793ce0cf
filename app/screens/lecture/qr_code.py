"""A QR code of an address, as one SVG path: small enough to be sent with every scene."""

from functools import lru_cache
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

LOCK = Lock()


def invitation(page: str, scene: str, language: str, room: str | None) -> dict[str, Any]:
    """The code that opens a scene and goes on with the lecturer from there: {scene, address, path, size, is_local}.

    `page` is the address of the page as the browser sees it, `room` the lecturer's (`rooms.py`) if there is one; the path is drawn with
    lines of width 1 in a square of `size`.
    """
    parts = urlsplit(page)
    query = urlencode({"scene": scene, "lang": language} | ({"follow": room} if room else {}))
    address = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    with LOCK:  # a class that comes to a scene needs one code, which takes 15 ms: not each its own
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
    """The path and the size of a text's code."""
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
    """Whether an address means this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
