"""Background self-checks: a model's score on a few puzzles, at the n and T that a user selects.

They have the lowest priority. One thread runs them, most recent request first. It yields to all runs at each f_H call,
and drops a check that no page is polling while another one waits.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.server.models import ModelSource
from app.server.opening import torch_threads
from trm.coordinates import F_H, Coordinates, Depth
from trm.errors import UserError

if TYPE_CHECKING:
    from trm.model import Model
    from trm.recursion import Hook, State

MOST_CHECKS = 64
PATIENCE = 5.0  # maximum seconds that a check waits for runs at each f_H call
LOOKED_AT = 5.0  # seconds after the last poll during which a check does not yield to another
GONE = 150.0  # seconds after the last poll during which a check runs at all

GiveWay = Callable[[float], None]


class _Dropped(Exception):
    """Raised inside a check to stop it."""


@dataclass(eq=False)
class Check:
    """One self-check. `result` is the return value of `trm.inspection.inspect.run_self_check`, and `states`, which is
    set later, that of `check_states`; each is None until then.
    """

    model: "Model | None"  # None once the check is done, to free the model
    depth: Depth
    looked: float
    result: dict[str, Any] | None = None
    states: dict[str, Any] | None = None


class Checks:
    """All self-checks of a server. `give_way` blocks while users wait for runs, at most for the given number of
    seconds.
    """

    def __init__(self, give_way: GiveWay):
        self._give_way = give_way
        self._lock = threading.Lock()
        self._checks: OrderedDict[tuple[ModelSource, int, int], Check] = (
            OrderedDict()
        )  # least recently requested first
        self._working = False

    def ask(self, source: ModelSource, model: "Model", depth: Depth) -> Check:
        """The self-check of an open model at this n and T, started if there is none. Call again to keep it running."""
        key = (source, depth.n, depth.T)
        with self._lock:
            check = self._checks.setdefault(key, Check(model, depth, 0.0))
            check.looked = time.monotonic()
            self._checks.move_to_end(key)
            while len(self._checks) > MOST_CHECKS:
                self._checks.popitem(last=False)
            if not self._working and check.states is None:
                self._working = True
                threading.Thread(target=self._work, name="self-check", daemon=False).start()
            return check

    def _work(self) -> None:
        while True:
            with self._lock:
                check = (
                    self._next() if threading.main_thread().is_alive() else None
                )  # otherwise the server is shutting down
                if check is None:
                    self._working = False
                    return
            from trm.inspection.inspect import check_states, run_self_check

            try:
                if check.result is None:
                    check.result = self._found(check, run_self_check)
                states = self._found(check, check_states)
            except _Dropped:
                continue
            with self._lock:
                check.states, check.model = {} if "note" in states else states, None

    def _next(self) -> Check | None:
        """The most recently polled check."""
        now = time.monotonic()
        waiting = [
            check for check in self._checks.values() if check.states is None and now - check.looked < GONE
        ]
        return max(waiting, key=lambda check: check.looked, default=None)

    def _found(self, check: Check, part: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        """The result of a check in `trm.inspection.inspect`, or a note if it fails."""
        try:
            with torch_threads(check.model):
                depth = replace(check.depth, N_sup=check.model.config.N_sup)
                return part(check.model, depth=depth, after_call=self._hook(check))
        except UserError as error:
            return {"note": str(error)}
        except _Dropped:
            raise
        except Exception:
            logging.getLogger(__name__).exception("the self-check of %s failed", check.model.name)
            return {"note": "failed; the server's log has the reason"}

    def _hook(self, check: Check) -> "Hook":
        """A hook that yields to runs at each f_H call, and drops the check if another one is waiting and this one is
        not being polled.
        """

        def after_call(at: Coordinates, state: "State") -> "State":
            if at.kind == F_H:
                self._give_way(PATIENCE)
                with self._lock:
                    is_looked_at = time.monotonic() - check.looked < LOOKED_AT
                    if not threading.main_thread().is_alive() or (
                        not is_looked_at and self._next() is not check
                    ):
                        raise _Dropped
            return state

        return after_call
