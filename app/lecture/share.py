"""A QR code of an address, as one SVG path: small enough to be sent with every scene."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit


@lru_cache(maxsize=256)
def invitation(page: str, scene: str, language: str, room: str) -> dict[str, Any]:
    """The code that opens a scene and goes on with the lecturer from there: {scene, address, path, size, is_local}.

    `page` is the address of the page as the browser sees it, `room` the lecturer's (`rooms.py`); the path is drawn with
    lines of width 1 in a square of `size`.
    """
    import segno

    parts = urlsplit(page)
    query = urlencode({"scene": scene, "lang": language, "follow": room})
    address = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    rows = [list(row) for row in segno.make(address, error="m", micro=False).matrix]
    path = "".join(
        f"M{column} {row + 0.5}h1"
        for row, cells in enumerate(rows)
        for column, dark in enumerate(cells)
        if dark
    )
    return {
        "scene": scene,
        "address": address,
        "path": path,
        "size": len(rows),
        "is_local": is_local(parts.hostname or ""),
    }


def is_local(host: str) -> bool:
    """Whether an address means this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
