"""Workarounds for Streamlit: updates between page and server that a slow machine must not lose."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from app.server import streamlit_fixes

PART = "a part of the page"


@pytest.fixture(autouse=True)
def fixed() -> None:
    streamlit_fixes.apply()


def words_of(part: str, text: str) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.fragment_id = part
    message.delta.new_element.markdown.body = text
    message.metadata.delta_path.extend([0, 3, 1])
    return message


def finished() -> ForwardMsg:
    return ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


def texts(queue: ForwardMsgQueue) -> list[str]:
    return [
        message.delta.new_element.markdown.body if message.HasField("delta") else "finished"
        for message in queue.flush()
    ]


def test_unsent_messages_of_a_page_survive_a_fragment_rerun():
    queue = ForwardMsgQueue()
    for message in (words_of(PART, "of the page"), finished()):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[PART])
    queue.enqueue(words_of(PART, "of the part"))
    assert texts(queue) == ["of the page", "finished", "of the part"]


def test_a_full_rerun_still_drops_unsent_messages():
    queue = ForwardMsgQueue()
    queue.enqueue(words_of(PART, "of the part"))
    queue.clear(retain_lifecycle_msgs=True)
    queue.enqueue(words_of("", "of the page"))
    assert texts(queue) == ["of the page"]


def states(text: str) -> WidgetStates:
    return WidgetStates(widgets=[WidgetState(id="puzzle", string_value=text)])


def request_after(*requests: RerunData) -> RerunData:
    """The request that the script runs with after these requests."""
    waiting = ScriptRequests()
    for request in requests:
        waiting.request_rerun(request)
    return waiting.on_scriptrunner_ready().rerun_data


TIMED_RERUN = RerunData(fragment_id=PART, is_auto_rerun=True, widget_states=states("previous"))


def test_a_timed_rerun_undoes_nothing():
    assert request_after(TIMED_RERUN).widget_states is None
    assert request_after(TIMED_RERUN, RerunData()).widget_states is None
    assert request_after(TIMED_RERUN).fragment_id_queue == [PART]


def test_user_changes_before_and_after_a_timed_rerun_are_applied():
    chosen = RerunData(widget_states=states("chosen"))
    for requests in ((chosen, TIMED_RERUN), (TIMED_RERUN, chosen)):
        assert request_after(*requests).widget_states == states("chosen")
        assert not request_after(*requests).fragment_id_queue
