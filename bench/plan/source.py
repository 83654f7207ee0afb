"""The sha256 of a model's source: its file, and the files beside it that it imports."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """What a model's module is made of."""

    content: bytes
    """Of its file."""
    digest: str
    """sha256 of that, followed by the content of `beside`."""
    beside: tuple[Path, ...]
    """The files that are imported besides, in order."""


def source_of(file: Path, folder: Path, package: str = "") -> Source:
    """The source of a module, with what it imports from `folder`, and those from there.

    With `package` only modules of that top-level package count. Imports are read from the source, wherever
    they stand; what is imported by a name that is computed is not seen. Raises OSError.
    """
    found = _files(file, folder, package)
    content = found.pop(file)
    beside = tuple(sorted(found))
    whole = b"".join([content, *(found[path] for path in beside)])
    return Source(content, hashlib.sha256(whole).hexdigest(), beside)


def _files(file: Path, folder: Path, package: str) -> dict[Path, bytes]:
    """The file and those that it imports, one by another, with their content."""
    found = {file: file.read_bytes()}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        inside = path.relative_to(folder).parent.parts if path.is_relative_to(folder) else ()
        for name in _imported(found[path], inside):
            if package in ("", name[0]):
                for place in _places(folder, name):
                    if place not in found and _is(place, Path.is_file):
                        found[place] = place.read_bytes()
                        waiting.append(place)
    return found


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:  # a name that is too long for a file
        return False


def _imported(content: bytes, inside: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names that a module of the package `inside` imports; none where it cannot be parsed."""
    try:
        nodes = [*ast.walk(ast.parse(content))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def _places(folder: Path, name: tuple[str, ...]) -> Iterator[Path]:
    """Where a module and the packages that it lies in may be."""
    for length in range(1, len(name) + 1):
        place = folder.joinpath(*name[:length])
        yield place.with_name(f"{place.name}.py")
        if not _is(place, Path.is_dir):
            return
        yield place / "__init__.py"
