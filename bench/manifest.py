"""What a manifest must hold to be believed: the store asks, so that nobody after it sees another."""

from pathlib import PurePosixPath
from typing import Any

KINDS: dict[str, type] = {
    "suite": str, "cells": list, "labels": dict, "left_out": list, "data": dict, "environment": dict,
    "command": str,
}  # fmt: skip
DATA: dict[str, type] = {
    "name": str, "origin": str, "licence": str, "synthetic": bool, "images": int, "train": int,
    "test": int, "fingerprint": str, "class_counts": list, "missing_classes": list,
}  # fmt: skip
ENVIRONMENT: dict[str, type] = {"packages": dict, "variables": dict}
SINGLE_VALUES = ("processor", "cores", "memory_gb", "system", "python", "commit")
"""Of the environment, which may have more."""
SINGLE = (str, int, float, bool, type(None))


def fault_of_manifest(manifest: Any) -> str | None:
    """What is wrong with the JSON of a manifest, as half a sentence; None if readers can count on it."""
    if not isinstance(manifest, dict):
        return "it is no JSON object"
    return (
        _wrong(manifest, KINDS)
        or _wrong(manifest["data"], DATA)
        or _wrong(manifest["environment"], ENVIRONMENT)
        or _wrong_cells(manifest)
        or _wrong_lists(manifest)
        or _wrong_environment(manifest["environment"])
    )


def _wrong(found: dict[str, Any], kinds: dict[str, type]) -> str | None:
    missing = sorted(kinds.keys() - found.keys())
    if missing:
        return f"it has no {', '.join(missing)}"
    for name, kind in kinds.items():
        if type(found[name]) is not kind:
            return f"its {name} is of the wrong kind"
    return None


def _wrong_cells(manifest: dict[str, Any]) -> str | None:
    cells, labels = manifest["cells"], manifest["labels"]
    if not all(isinstance(key, str) and PurePosixPath(key).name == key for key in cells):
        return "a cell is no name of a record"
    if len(set(cells)) < len(cells):
        return "a cell stands there twice"
    if not set(cells) <= set(labels):
        return "a cell has no label"
    return None


def _wrong_lists(manifest: dict[str, Any]) -> str | None:
    data = manifest["data"]
    texts = [*manifest["labels"].values(), *manifest["left_out"], *data["missing_classes"]]
    if not all(isinstance(text, str) for text in texts):
        return "a label, a size left out or a missing class is no text"
    if not all(type(count) is int for count in data["class_counts"]):
        return "its class_counts are no numbers"
    return None


def _wrong_environment(environment: dict[str, Any]) -> str | None:
    missing = [name for name in SINGLE_VALUES if name not in environment]
    if missing:
        return f"it has no {missing[0]}"
    for name, value in environment.items():
        if isinstance(value, dict):
            entries = list(value.values())
        else:
            entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, SINGLE) for entry in entries):
            return f"its {name} is of the wrong kind"
    return None
