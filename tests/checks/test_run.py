import time

import numpy as np
import pytest

from dropout_lab.checks.run import OutOfTimeError, run_guarded, where_it_stopped


def test_what_the_code_returns_comes_back():
    assert run_guarded(lambda: 7) == 7


def test_an_exception_comes_back_as_it_was_raised():
    with pytest.raises(KeyError, match="slip"):
        run_guarded(lambda: {}["slip"])


def test_an_endless_loop_is_stopped():
    turns = []

    def endless():
        while True:
            turns.append(0)

    with pytest.raises(OutOfTimeError, match=r"after 0\.2 seconds"):
        run_guarded(endless, 0.2)
    turned = len(turns)
    time.sleep(0.1)
    assert len(turns) == turned


def test_a_loop_that_catches_exceptions_is_stopped_too():
    def stubborn():
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                continue

    with pytest.raises(OutOfTimeError):
        run_guarded(stubborn, 0.2)


def test_time_in_which_the_processor_did_something_else_is_no_reason_to_stop():
    assert run_guarded(lambda: time.sleep(0.4) or "right", 0.2) == "right"


def test_what_the_code_prints_and_warns_is_swallowed(capsys):
    run_guarded(lambda: print("noise") or np.ones(1) / np.zeros(1))
    assert capsys.readouterr() == ("", "")


def test_the_line_that_stopped_is_named():
    def answer():
        return np.ones(3).no_such_method()

    with pytest.raises(AttributeError) as caught:
        run_guarded(answer)
    assert "return np.ones(3).no_such_method()" in where_it_stopped(caught.value)


def test_an_error_inside_a_library_is_placed_at_the_line_that_called_it():
    def answer():
        return np.linalg.inv(np.zeros((2, 2)))

    with pytest.raises(np.linalg.LinAlgError) as caught:
        run_guarded(answer)
    assert "np.linalg.inv(np.zeros((2, 2)))" in where_it_stopped(caught.value)
