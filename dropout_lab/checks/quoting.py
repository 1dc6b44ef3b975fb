"""Quote a function or class of the library as a lesson shows it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any


def plain_source(code: Callable[..., Any]) -> str:
    """The source of `code` without annotations: the cells of a lesson have not imported the types."""
    source = inspect.getsource(code).rstrip()
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda node: -node.lineno):
        for argument in ast.walk(function.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        header = f"{' ' * function.col_offset}def {function.name}({ast.unparse(function.args)}):"
        lines[function.lineno - 1 : function.body[0].lineno - 1] = [header]
    return "\n".join(lines)
