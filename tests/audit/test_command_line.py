"""The audit from a shell: what it prints, and with which status it ends."""

import os
import subprocess
import sys

import pytest
import torch

from dropout_lab.audit.command_line import UsageError, build, main, tensor_of

MODELS = """
import torch
from torch import nn
from torch.nn import functional as F


def sound():
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


class Buggy(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 8)

    def forward(self, x):
        return F.dropout(self.first(x), 0.3).tanh()


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Embedding(50, 8), nn.Linear(8, 2)

    def forward(self, words, h):
        return self.last(self.embed(words).mean(1) + h)


made = sound()
number = 3


def broken():
    raise RuntimeError("no weights\\nin this house")


def quits():
    raise SystemExit(3)
"""


@pytest.fixture
def name(tmp_path, monkeypatch):
    (tmp_path / "models_of_a_reader.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("models_of_a_reader", None)
    return "models_of_a_reader"


@pytest.mark.parametrize(
    ("model", "options", "status"),
    [
        ("sound", ["--input", "9x5"], 0),
        ("made", ["--input", "9x5"], 0),
        ("sound", ["--input", "9x5:float"], 0),
        ("Words", ["--input", "9x4:long:50", "--input", "9x8"], 0),
        ("Buggy", ["--input", "9x5"], 1),
        ("Buggy", ["--input", "9x5", "--random-in-eval"], 0),
    ],
)
def test_the_status_says_whether_something_was_found(model, options, status, name, capsys):
    assert main([f"{name}:{model}", *options]) == status
    printed = capsys.readouterr()
    assert ("functional-always-on at models_of_a_reader.py:17" in printed.out) == (status == 1)
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{}:sound"], "the following arguments are required: --input"),
        (["--input", "9x5"], "the following arguments are required: model"),
        (["{}:sound", "--input", "9x5", "--wrong"], "unrecognized arguments: --wrong"),
        (["{}:sound", "--input", "9x5:complex"], "is no shape"),
        (["{}:sound", "--input", "9x4"], "forward raised RuntimeError in eval mode"),
        (["{}", "--input", "9x5"], "names no model"),
        (["models.py:sound", "--input", "9x5"], "without .py"),
        (["no_such_module_here:sound", "--input", "9x5"], "ModuleNotFoundError: No module named"),
        (["{}:missing", "--input", "9x5"], "AttributeError: module 'models_of_a_reader' has no attribute 'missing'"),
        (["{}:number", "--input", "9x5"], "gave a int, not an nn.Module"),
        (["{}:broken", "--input", "9x5"], "RuntimeError: no weights in this house"),
        (["{}:quits", "--input", "9x5"], "SystemExit: 3"),
    ],
)
def test_what_cannot_be_audited_is_one_line_and_status_two(arguments, words, name, capsys):
    assert main([argument.format(name) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert words in printed.err


def test_help_names_the_statuses(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "exit status: 0 nothing found, 1 findings" in " ".join(capsys.readouterr().out.split())


def test_the_module_runs_from_a_shell(name, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "dropout_lab.audit", *arguments]
        root = os.pathsep.join(path for path in sys.path if path)
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    status, out, err = run(f"{name}:Buggy", "--input", "9x5")
    assert (status, err) == (1, "")
    assert "Fix: Pass training=self.training" in out
    assert run("nonsense")[0] == 2


@pytest.mark.parametrize(
    ("spec", "shape", "dtype"),
    [
        ("7", (7,), torch.float32),
        ("32x1x28x28", (32, 1, 28, 28), torch.float32),
        ("4x3:double", (4, 3), torch.float64),
        ("4x3:bfloat16", (4, 3), torch.bfloat16),
        ("4x3:long", (4, 3), torch.int64),
        ("4x3:bool", (4, 3), torch.bool),
    ],
)
def test_an_input_has_the_shape_and_dtype_that_were_typed(spec, shape, dtype):
    tensor = tensor_of(spec)
    assert tuple(tensor.shape) == shape
    assert tensor.dtype == dtype
    torch.testing.assert_close(tensor, tensor_of(spec), rtol=0, atol=0)


def test_whole_numbers_stay_below_the_bound():
    numbers = tensor_of("1000:long:7")
    assert numbers.unique().tolist() == list(range(7))
    assert tensor_of("1000:int").unique().tolist() == [0, 1]


@pytest.mark.parametrize(
    "spec", ["", "x", "3x", "3x0", "-3x4", "3,4", "3x4:float16", "3x4:long:0", "3x4:long:many", "³x4"]
)
def test_what_is_no_shape_is_refused(spec):
    with pytest.raises(UsageError, match="is no shape"):
        tensor_of(spec)


def test_a_dotted_name_is_followed():
    assert build("torch.nn:Identity").training
    with pytest.raises(UsageError, match="TypeError"):
        build("torch:nn.Dropout.forward")
