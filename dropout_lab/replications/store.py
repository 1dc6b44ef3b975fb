"""Results as JSON lines: one line a finished job, appended in one piece, so that an interrupt loses none."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dropout_lab.replications.paper import Paired

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "replications"


def append(path: Path, line: dict[str, Any]) -> None:
    """Append one finished job: a single write of a whole line, which is on the disk when this returns.

    A line that an earlier interrupt left half-written is ended first, so it cannot swallow this one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    content = ("\n" if torn else "") + json.dumps(line, sort_keys=True) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, content.encode("utf-8"))
        os.fsync(file)
    finally:
        os.close(file)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the finished jobs by their id. Half-written lines are left out; of two of one job the first counts."""
    found: dict[str, dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        found.setdefault(line["id"], line)
    return found


def write_pairs(path: Path, pairs: dict[str, Paired]) -> None:
    """Write the paired differences by the label of their cell, as JSON."""
    found = {label: {key: round(value, 6) for key, value in asdict(pair).items()} for label, pair in pairs.items()}
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_pairs(path: Path) -> dict[str, Paired]:
    """Return the paired differences by the label of their cell; none where the file is not there."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {label: Paired(**fields) for label, fields in found.items()}
