"""Run a learner's code so that it can neither hang the notebook nor show a traceback."""

from __future__ import annotations

import contextlib
import ctypes
import io
import linecache
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIME_LIMIT = 6.0  # seconds of the processor, so that a slow or busy machine stops no right answer
PATIENCE = 4  # times as long for code that waits and computes nothing
PACKAGE = str(Path(__file__).resolve().parent.parent)


class OutOfTimeError(Exception):
    """The code was still running when its time was over."""


class _Stop(BaseException):
    """Raised inside the learner's thread to end it; no `except Exception` there swallows it."""


def run_guarded(call: Callable[[], Any], seconds: float = TIME_LIMIT) -> Any:
    """What `call()` returns; what it prints is swallowed and so are its warnings.

    Raises
    ------
    OutOfTimeError
        If it is still running after it has computed for `seconds`, or waited for PATIENCE times as long. A loop in
        Python is stopped; a call that waits inside C is left behind.
    Exception
        Whatever `call` raises.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = call()
        except BaseException as error:
            outcome["error"] = error

    worker = threading.Thread(target=work, daemon=True)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        computed, waited = time.process_time() + seconds, time.monotonic() + PATIENCE * seconds
        worker.start()
        while worker.is_alive() and time.process_time() < computed and time.monotonic() < waited:
            worker.join(seconds / 20)
        if worker.is_alive():
            _interrupt(worker)
            raise OutOfTimeError(f"still running after {seconds:g} seconds")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def where_it_stopped(error: BaseException) -> str:
    """Function, line number and text of the learner's line that raised `error`; empty if it was raised elsewhere."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_learners(frame.filename)]
    if not frames:
        return ""
    frame = frames[-1]
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    place = f"{frame.name}, line {frame.lineno} of the cell"
    return f"{place}, `{line}`" if line else place


def _is_learners(filename: str) -> bool:
    libraries = (PACKAGE, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    return not filename.startswith(libraries) and not filename.startswith("<frozen")


def _interrupt(worker: threading.Thread) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(_Stop))
    worker.join(0.5)
    sys.stdout.flush()
