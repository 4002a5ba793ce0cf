"""What goes between page and server: two losses of Streamlit 1.67 that a slow machine shows, mended from outside.

There is no public way to either, so two methods of its own are wrapped. requirements.txt bounds the version for that.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, wraps

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests


@cache
def mend() -> None:
    """Once per server, before the first page is drawn."""
    ForwardMsgQueue.clear = _keeping_what_a_part_has_to_say(ForwardMsgQueue.clear)
    ScriptRequests.request_rerun = _believing_no_clock(ScriptRequests.request_rerun)


def _keeping_what_a_part_has_to_say(clear: Callable[..., None]) -> Callable[..., None]:
    """A fragment that runs again right after a whole page drops what that page has not sent of it yet, but not the word that the
    page is finished. On that the browser takes off all that did not come: a player would be gone, and come back at its start.
    So nothing is dropped for a fragment.
    """

    @wraps(clear)
    def kept(
        queue: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if fragment_ids_this_run:
            queue._delta_index_map = {}  # what comes now is of another run: it stands behind what waits, not in its place
        else:
            clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)

    return kept


def _believing_no_clock(
    request_rerun: Callable[[ScriptRequests, RerunData], bool],
) -> Callable[[ScriptRequests, RerunData], bool]:
    """A fragment that runs every second brings along how all widgets stood in the browser when its time came. A person's own
    changes have been told by then, each at once; what the server changed since is not known there yet, and would be undone:
    the preset of the puzzle before took the place of one just typed. So the clock says only that it is time.
    """

    @wraps(request_rerun)
    def request(requests: ScriptRequests, new_data: RerunData) -> bool:
        if new_data.is_auto_rerun:
            new_data = replace(new_data, widget_states=None)
        return request_rerun(requests, new_data)

    return request
