"""Python files of the user's, of models, data and studies: how they are run, and their sha256."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from hexbench.errors import BadInput
from hexbench.files import said


class Source(NamedTuple):
    """What a module is made of."""

    content: bytes
    """Of its file."""
    digest: str
    """sha256 of that, followed by the content of `beside`."""
    beside: tuple[Path, ...]
    """The files that are imported besides, in order."""


class Imported(NamedTuple):
    """A module that was run, and the sha256 of its source."""

    module: ModuleType
    digest: str


def imported(file: Path) -> Imported:
    """A file, run from its source; modules beside it can be imported, behind all that is installed.

    BadInput says in half a sentence, to follow the file's name, why not.
    """
    file = file.resolve()
    folder, name = file.parent, ""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        source = source_of(file, folder)
        if hidden := next(_hidden(source.beside, folder), None):
            raise BadInput(f"imports {hidden}: rename the file beside it")
        name = _module_name(file)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickle look a class's module up there
        # Not from __pycache__: what runs is what was digested.
        exec(compile(source.content, str(file), "exec", dont_inherit=True), vars(module))
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, KeyboardInterrupt | BadInput):
            raise
        raise BadInput(f"cannot be imported: {said(error)}") from None
    return Imported(module, source.digest)


def _hidden(beside: Sequence[Path], folder: Path) -> Iterator[str]:
    """What is imported instead of files that lie beside the user's, in words."""
    for file in beside:
        name = file.relative_to(folder).parts[0].removesuffix(".py")
        found = importlib.util.find_spec(name)
        places = [found.origin, *(found.submodule_search_locations or ())] if found else []
        if not any(place and Path(place).resolve().is_relative_to(folder) for place in places):
            yield f"{name}, and Python finds {places[0] if places else 'nothing'} under that name"


def _module_name(file: Path) -> str:
    """Its own where that leads to it, as in processes that a model starts; else one that nothing else has."""
    name = file.stem
    if name.isidentifier() and name not in sys.modules:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin and Path(found.origin).resolve() == file:
            return name
    return f"hexbench_own_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"


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
        for name in _names_in(found[path], inside):
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


def _names_in(content: bytes, inside: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
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
