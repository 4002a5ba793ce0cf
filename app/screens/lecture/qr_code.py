"""A QR code of an address as one SVG path, small enough to send with every scene."""

import socket
from functools import lru_cache
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from app.site.address import lecture_address

LOCK = Lock()
SOME_ADDRESS = ("192.0.2.1", 9)  # reserved for documentation: no machine has it


def invitation(
    page: str, scene: str, language: str, room: str | None, site: str | None = None
) -> dict[str, Any]:
    """Return a QR code that opens a scene and then follows the lecturer: {scene, address, path, size, is_local, site}.

    `page` is the page's address in the browser, and `room` is the code of the lecturer's room (`rooms.py`), if any.
    `site` is the address of the published site, if any; then there is a code of the same scene there,
    {address, path, size}.
    """
    parts = urlsplit(page)
    query = urlencode({"scene": scene, "lang": language} | ({"follow": room} if room else {}))
    return {
        "scene": scene,
        **_qr_code(urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))),
        "is_local": is_local(parts.hostname or ""),
        "site": _qr_code(lecture_address(site, scene, language)) if site else None,
    }


def _qr_code(address: str) -> dict[str, Any]:
    """Return a QR code: {address, path, size}. The path needs a stroke width of 1 and fills a square of side `size`."""
    with LOCK:  # a code takes 15 ms; it is made only once when a whole class arrives at the same time
        path, size = _qr_path(address)
    return {"address": address, "path": path, "size": size}


@lru_cache(maxsize=256)
def _qr_path(text: str) -> tuple[str, int]:
    """Return the path and the side length of a text's QR code."""
    import segno

    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    path = "".join(
        f"M{column} {row + 0.5}h1"
        for row, cells in enumerate(rows)
        for column, dark in enumerate(cells)
        if dark
    )
    return path, len(rows)


def in_the_network(page: str) -> str:
    """Return an address of this machine with its IP address in the local network; unchanged without a network.

    Addresses of other hosts are returned unchanged, too.
    """
    parts = urlsplit(page)
    if not is_local(parts.hostname or ""):
        return page
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOME_ADDRESS)  # sends nothing: it chooses the address to send from
        except OSError:
            return page
        host = probe.getsockname()[0]
    return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))


def is_local(host: str) -> bool:
    """Return whether a host name is reachable only from this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
