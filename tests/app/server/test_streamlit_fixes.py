"""What a slow machine must not lose between page and server."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from app.server import streamlit_fixes

PART = "a part of the page"


@pytest.fixture(autouse=True)
def mended() -> None:
    streamlit_fixes.apply()


def words_of(part: str, text: str) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.fragment_id = part
    message.delta.new_element.markdown.body = text
    message.metadata.delta_path.extend([0, 3, 1])
    return message


def finished() -> ForwardMsg:
    return ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


def said(queue: ForwardMsgQueue) -> list[str]:
    return [
        message.delta.new_element.markdown.body if message.HasField("delta") else "finished"
        for message in queue.flush()
    ]


def test_what_a_page_has_not_sent_yet_is_sent_though_a_part_of_it_runs_again():
    queue = ForwardMsgQueue()
    for message in (words_of(PART, "of the page"), finished()):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[PART])
    queue.enqueue(words_of(PART, "of the part"))
    assert said(queue) == ["of the page", "finished", "of the part"]


def test_a_whole_page_still_takes_the_place_of_what_was_not_sent():
    queue = ForwardMsgQueue()
    queue.enqueue(words_of(PART, "of the part"))
    queue.clear(retain_lifecycle_msgs=True)
    queue.enqueue(words_of("", "of the page"))
    assert said(queue) == ["of the page"]


def states(text: str) -> WidgetStates:
    return WidgetStates(widgets=[WidgetState(id="puzzle", string_value=text)])


def asked_for(*requests: RerunData) -> RerunData:
    """What the script is run with once it comes to these requests."""
    waiting = ScriptRequests()
    for request in requests:
        waiting.request_rerun(request)
    return waiting.on_scriptrunner_ready().rerun_data


ITS_TIME = RerunData(fragment_id=PART, is_auto_rerun=True, widget_states=states("of the page before"))


def test_a_clock_of_the_page_undoes_nothing():
    assert asked_for(ITS_TIME).widget_states is None
    assert asked_for(ITS_TIME, RerunData()).widget_states is None
    assert asked_for(ITS_TIME).fragment_id_queue == [PART]


def test_what_a_person_chose_is_heard_before_and_after_the_clock():
    chosen = RerunData(widget_states=states("chosen"))
    for requests in ((chosen, ITS_TIME), (ITS_TIME, chosen)):
        assert asked_for(*requests).widget_states == states("chosen")
        assert not asked_for(*requests).fragment_id_queue
