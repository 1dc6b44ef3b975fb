"""Relative links and paths in Markdown: where they lead must exist in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
PATH = re.compile(r"`((?:\w[\w.-]*/)+[\w.-]+\.(?:py|md|ipynb|ya?ml|toml|txt|csv|npz))`")
CODE = re.compile(r"(?ms)^```.*?^```|(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")


def links(text: str) -> list[str]:
    """Return the links of a Markdown text that stay inside the repository."""
    targets = (first or second for first, second in LINK.findall(CODE.sub("", text)))
    return [target for target in targets if not re.match(r"[a-z]+:|#", target)]


def broken_links(text: str, folder: Path, root: Path) -> list[str]:
    """Return the relative links of a text in `folder` whose target is missing or outside the repository."""
    complaints = []
    for link in links(text):
        target = (folder / unquote(link.split("#")[0])).resolve()
        if not target.exists() or not target.is_relative_to(root.resolve()):
            complaints.append(f"broken link {link}")
    return complaints


def broken_paths(text: str, root: Path) -> list[str]:
    """Return the paths in back quotes that start in a folder of the repository and name no file there.

    NN stands for a lesson's number, so such a path is a pattern.
    """
    paths = (path for path in PATH.findall(text) if "NN" not in path and (root / path.split("/")[0]).is_dir())
    return [f"`{path}` is not in the repository" for path in paths if not (root / path).exists()]
