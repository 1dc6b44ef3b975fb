"""With this folder on PYTHONPATH torch cannot be imported, as where it is not installed: lessons 00 to 05 need none."""

import sys


class NoTorch:
    """The first finder that Python asks, and it refuses torch."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError("torch is hidden here: lessons 00 to 05 need none", name=name)


sys.meta_path.insert(0, NoTorch)
