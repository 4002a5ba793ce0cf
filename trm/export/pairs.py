"""Two runs beside each other, as the player is sent them: two payloads, and what each is called."""

from collections.abc import Sequence
from typing import Any


def pair_payload(
    players: Sequence[dict[str, Any]],
    *,
    names: Sequence[str],
    titles: Sequence[str],
    start: dict[str, Any] | None = None,
    hint: str = "",
) -> dict[str, Any]:
    """What the player shows of two runs on one clock, the first on the left.

    `players` are payloads (`trm.export.payload`), of which only the steps that have arrived need to be there; `names`
    are short and stand in sentences ("Pinned: ended after step 8"), `titles` say all that tells the runs apart. `start` is
    the view to open with: coordinates, cell and mode as for one player; `align`, "step" or "call"; `lead`, "left" where
    the coordinates are the left run's. `hint` is said while both are the same run.
    """
    if not len(players) == len(names) == len(titles) == 2:
        raise ValueError("A pair is two players, each with a name and a title.")
    return {
        "players": list(players),
        "names": list(names),
        "titles": list(titles),
        "start": start,
        "hint": hint,
    }
