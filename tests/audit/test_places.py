"""A place is the reader's line, with no path of this machine."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dropout_lab.audit import places
from dropout_lab.audit.places import caller, place_of_error
from dropout_lab.torch_layers import dropout


def run_forward(function):
    """Named like the frame at which the search for the reader's line ends."""
    return function()


def test_the_innermost_line_outside_pytorch_is_the_callers():
    class Asks(nn.Module):
        def forward(self):
            p = 0.3
            return caller(), p

    seen, _ = run_forward(nn.Sequential(Asks())[0])
    assert (seen.function, seen.p) == ("forward", 0.3)
    assert seen.place.text == "return caller(), p"
    assert str(seen.place).startswith("tests/audit/test_places.py:")


def test_nothing_beyond_the_pass_is_the_readers():
    assert run_forward(caller).place is None


def test_our_own_functions_are_named_and_the_readers_line_is_shown(rows, only_finding):
    class Reader(nn.Module):
        def forward(self, h):
            return dropout(h, 0.2).tanh()

    found = only_finding(nn.Sequential(nn.Linear(5, 32), Reader()), rows)
    assert found.where.startswith("1 (tests/audit/test_places.py:")
    assert "(p = 0.2)" in found.message
    assert "`return dropout(h, 0.2).tanh()`" in found.message


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("here/net.py", "here/net.py"),
        ("../elsewhere/net.py", "net.py"),
        ("lib/site-packages/zoo/layers/drop.py", "zoo/layers/drop.py"),
        ("tmp/ipykernel_123/456.py", "this notebook's cell"),
    ],
)
def test_a_file_is_shown_without_the_machine(file, shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places._short(str(Path(tmp_path, file).resolve())) == shown


def test_an_error_is_placed_in_the_readers_code():
    try:
        torch.nn.functional.linear(torch.ones(2, 3), torch.ones(2, 2))
    except RuntimeError as error:
        place = place_of_error(error)
    assert place.text == "torch.nn.functional.linear(torch.ones(2, 3), torch.ones(2, 2))"
