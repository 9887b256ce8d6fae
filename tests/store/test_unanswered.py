"""Work whose file may never answer: slow is not stuck, and what is given up holds up nothing."""

import threading
import time

import pytest

from tubelet.store import stalling
from tubelet.store.stalling import Attendant, Unanswered


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(stalling, "PATIENCE_S", 0.3)


def test_slow_work_that_takes_steps_is_waited_for():
    def work() -> str:
        for _ in range(8):
            time.sleep(0.1)
            stalling.step()
        return "read"

    assert Attendant().wait(work) == "read"


def test_what_work_raises_is_raised_where_it_is_waited_for():
    with pytest.raises(OSError, match="gone"):
        Attendant().wait(lambda: (_ for _ in ()).throw(OSError("gone")))


def test_work_that_stands_still_is_given_up_and_the_next_has_a_new_thread():
    began, answer, attendant = [], threading.Event(), None
    attendant = Attendant(lambda: began.append(threading.get_ident()))
    with pytest.raises(Unanswered, match="gave nothing for 0 s"):
        attendant.wait(answer.wait)
    assert attendant.wait(lambda: "next") == "next" and len(set(began)) == 2
    answer.set()  # what the first thread finds now is dropped, and it ends
    assert attendant.wait(lambda: "still the next") == "still the next"
    for thread in threading.enumerate():
        if thread.ident == began[0]:
            thread.join(5)
            assert not thread.is_alive()


def test_its_thread_ends_with_the_attendant():
    attendant, seen = Attendant(), []
    attendant.wait(lambda: seen.append(threading.current_thread()))
    del attendant
    seen[0].join(5)
    assert not seen[0].is_alive()
