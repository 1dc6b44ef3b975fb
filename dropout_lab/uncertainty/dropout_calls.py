"""The dropout functions of PyTorch, watched: which are called without effect, and what they give with p = 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode


class DropoutCalls(TorchFunctionMode):
    """Watches the dropout functions of PyTorch, and calls them with p = 0 if asked to.

    Parameters
    ----------
    is_watched : function
        Whether the model that runs is the one to watch.
    mute : function
        Called where 0 < p < 1 and ``training=False``.
    p_zero : bool
    """

    def __init__(self, is_watched: Callable[[], bool], mute: Callable[[], None], *, p_zero: bool) -> None:
        super().__init__()
        self.is_watched, self.mute, self.p_zero = is_watched, mute, p_zero

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = getattr(func, "__name__", "").removesuffix(".default").rstrip("_")
        if not self.is_watched():
            return func(*args, **options)
        if name in _DROPOUTS:
            p = options.get("p", args[1] if len(args) > 1 else 0.5)
            training = options.get("training", options.get("train", args[2] if len(args) > 2 else name not in _OFF))
            if not training and 0 < p < 1:
                self.mute()
            if self.p_zero:
                args, options = _with(args, options, 1, "p")
        elif name == "scaled_dot_product_attention" and self.p_zero:
            args, options = _with(args, options, 4, "dropout_p")
        return func(*args, **options)


_OFF = ("alpha_dropout", "feature_alpha_dropout")  # off unless told otherwise, unlike the others
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "native_dropout", *_OFF)


def _with(
    args: tuple[Any, ...], options: dict[str, Any], index: int, key: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if len(args) > index:
        return (*args[:index], 0.0, *args[index + 1 :]), options
    return args, {**options, key: 0.0}
