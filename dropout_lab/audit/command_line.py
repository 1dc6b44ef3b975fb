"""The audit from a shell, with an exit status for continuous integration."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from dropout_lab.audit.examine import audit
from dropout_lab.audit.passes import AuditError

SOUND, FOUND, FAILED = 0, 1, 2
_DTYPES = {
    "float": torch.float32,
    "double": torch.float64,
    "bfloat16": torch.bfloat16,
    "half": torch.float16,
    "long": torch.int64,
    "int": torch.int32,
    "bool": torch.bool,
}
_EPILOG = "exit status: 0 nothing found, 1 findings, 2 the model could not be audited"


class UsageError(ValueError):
    """What was typed cannot be audited; the message says why in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the model that the command line names, print the report, and return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line; by default the one of the process.

    Returns
    -------
    status : 0 if nothing was found, 1 if something was, 2 if the model could not be audited
    """
    try:
        options = _parser().parse_args(arguments)
        inputs = [tensor_of(spec) for spec in options.input]
        report = audit(build(options.model), *inputs, random_in_eval=options.random_in_eval)
    except (UsageError, AuditError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    print(report)
    return SOUND if report.ok else FOUND


def tensor_of(spec: str) -> Tensor:
    """A tensor from its shape and dtype, such as "32x1x28x28", "32x10:long" or "32x10:long:1000".

    Floats are standard normal, whole numbers lie below the third part (2 if there is none); both are the same at every
    call, so that a check in continuous integration repeats.

    Raises
    ------
    UsageError
        If the text is no such shape.

    Examples
    --------
    >>> tensor_of("2x3:double").shape, tensor_of("2x3:long:7").dtype
    (torch.Size([2, 3]), torch.int64)
    """
    sizes, _, rest = spec.partition(":")
    name, _, below = rest.partition(":")
    dtype = _DTYPES.get(name or "float")
    numbers = [size for size in sizes.split("x") if size.isdecimal() and int(size) > 0]
    if dtype is None or numbers != sizes.split("x") or not (below or "2").isdecimal() or below == "0":
        raise UsageError(
            f"--input {spec!r} is no shape: write 32x1x28x28, or 32x10:long:1000 for whole numbers below 1000. The "
            f"dtypes are {', '.join(_DTYPES)}."
        )
    generator = torch.Generator().manual_seed(0)
    shape = [int(size) for size in numbers]
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(int(below or 2), shape, generator=generator).to(dtype)


def build(name: str) -> nn.Module:
    """The model behind "package.module:build_model": a function or class that makes one, or the model itself.

    Raises
    ------
    UsageError
        If the module cannot be imported, holds no such name, or no model comes of it.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute) or module.endswith(".py"):
        raise UsageError(f"{name!r} names no model: write package.module:build_model, with dots and without .py.")
    model = _made(name, module, attribute)
    if not isinstance(model, nn.Module):
        raise UsageError(f"{name} gave a {type(model).__name__}, not an nn.Module.")
    return model


def _made(name: str, module: str, attribute: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found if isinstance(found, nn.Module) or not callable(found) else found()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"{name}: {type(error).__name__}: {text}") from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Try --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m dropout_lab.audit", description="Find dropout bugs in a model.", epilog=_EPILOG)
    parser.add_argument("model", help="package.module:build_model, a function or class that makes the model")
    parser.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SHAPE[:DTYPE]",
        help="shape of one positional input, 32x1x28x28 or 32x10:long:1000; once for each input",
    )
    parser.add_argument("--random-in-eval", action="store_true", help="noise after eval() is meant (MC dropout)")
    return parser
