"""Workarounds for two races in Streamlit 1.67 that lose updates on slow machines.

There is no public API for either, so two of Streamlit's methods are wrapped. requirements.txt limits the version for
that reason.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, wraps

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests


@cache
def apply() -> None:
    """Wrap both methods. Call once per server, before the first page is drawn."""
    ForwardMsgQueue.clear = _keep_pending_messages(ForwardMsgQueue.clear)
    ScriptRequests.request_rerun = _ignore_timer_values(ScriptRequests.request_rerun)


def _keep_pending_messages(clear: Callable[..., None]) -> Callable[..., None]:
    """Wrap `clear` so that a rerun of a fragment does not drop pending messages.

    If a fragment reruns right after a full run of the page, Streamlit drops the page's unsent messages about that
    fragment but not its "finished" message. On that message the browser removes every element that it has not received:
    the player would disappear and then reappear in its initial state.
    """

    @wraps(clear)
    def wrapper(
        queue: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if fragment_ids_this_run:
            queue._delta_index_map = {}  # new messages must queue behind the pending ones rather than replace them
        else:
            clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)

    return wrapper


def _ignore_timer_values(
    request_rerun: Callable[[ScriptRequests, RerunData], bool],
) -> Callable[[ScriptRequests, RerunData], bool]:
    """Ignore the widget values that come with a timed rerun of a fragment.

    Such a rerun carries all of the browser's widget values. The user's changes have already been sent, each
    immediately. Values that the server has changed in the meantime have not reached the browser, so the rerun would
    undo them: the previous preset used to replace a puzzle that had just been typed.
    """

    @wraps(request_rerun)
    def wrapper(requests: ScriptRequests, new_data: RerunData) -> bool:
        if new_data.is_auto_rerun:
            new_data = replace(new_data, widget_states=None)
        return request_rerun(requests, new_data)

    return wrapper
