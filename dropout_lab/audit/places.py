"""Where in somebody's source a call was made: the line to look at, never a path of this machine."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

import torch

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = (str(Path(torch.__file__).resolve().parent), str(_PACKAGE))
_OWN_LAYERS = str(_PACKAGE / "torch_layers")
_PROBABILITIES = ("p", "drop_prob", "dropout_p", "drop_p", "p_drop", "drop_rate", "dropout", "rate")


@dataclass(frozen=True)
class Place:
    """One line of source."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Caller:
    """The function that drew, what it held as its drop probability, and the reader's line that led there."""

    function: str
    p: object
    place: Place | None


def caller() -> Caller:
    """The innermost function outside PyTorch, and the innermost line outside PyTorch and this package."""
    function, p = "", None
    for frame in _frames(sys._getframe(1)):
        library = _is_library(frame.f_code.co_filename)
        own_layer = frame.f_code.co_filename.startswith(_OWN_LAYERS)
        if library and not own_layer:
            continue
        if own_layer or not function:
            function = frame.f_code.co_name
            p = next((frame.f_locals[name] for name in _PROBABILITIES if name in frame.f_locals), None)
        if not library:
            return Caller(function, p, _place(frame.f_code.co_filename, frame.f_lineno))
    return Caller(function, p, None)


def place_of_error(error: BaseException) -> Place | None:
    """The last line outside PyTorch that an exception passed through."""
    place, step = None, error.__traceback__
    while isinstance(step, TracebackType):
        file = step.tb_frame.f_code.co_filename
        place = place if _is_library(file) else _place(file, step.tb_lineno)
        step = step.tb_next
    return place


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    # up to the pass that the audit started: beyond it lies the caller of the audit, who drew nothing
    while frame is not None and frame.f_code.co_name != "run_forward":
        yield frame
        frame = frame.f_back


def _is_library(file: str) -> bool:
    return file.startswith(_LIBRARIES) or file.startswith("<frozen")


def _place(file: str, line: int) -> Place:
    return Place(_short(file), line, linecache.getline(file, line).strip())


def _short(file: str) -> str:
    if "ipykernel" in file or file.startswith("<ipython"):
        return "this notebook's cell"
    path = Path(file)
    if "site-packages" in path.parts:
        return Path(*path.parts[path.parts.index("site-packages") + 1 :]).as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name
