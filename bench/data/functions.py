"""Data from a Python function of one's own: `--data FILE.py:FUNCTION`."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hexbench.data.dataset import Dataset, Provenance
from hexbench.data.formats import TEST, TRAIN
from hexbench.data.npy import in_memory
from hexbench.data.parts import Part, Parts, of_arrays
from hexbench.data.sources import Source
from hexbench.errors import BadInput
from hexbench.files import nearest, one_line, said, short
from hexbench.own_code import imported

RETURNS = (
    "a Dataset, (images, labels), (images, labels, class_names), ((X_train, y_train), (X_test, y_test)) or a "
    "scikit-learn Bunch"
)


def source(file: Path, function: str) -> Source:
    """The source of what a function returns, which is called at once; BadInput where it fails."""
    where = f"{file}:{function}"
    if not file.is_file():
        raise BadInput(f"--data {where}: there is no file {file}.")
    called = _function(file, function, where)
    returned = _guarded(called, f"{function}() failed", where)
    name = one_line(f"{file.stem}.{function}")
    described = f"images that {function}() of {one_line(file.name)} returned"
    if isinstance(returned, Dataset):
        data = replace(returned, name=one_line(returned.name.strip()) or name)
    else:
        found = _guarded(partial(_parts, returned, where), "what it returned cannot be read", where)
        data = found.source(file, name).load()
        data = replace(data, provenance=Provenance(described))
    del returned
    return Source(
        data.name,
        len(data.images),
        lambda: data,
        data.provenance.origin,
        shape=data.shape,
        classes=data.classes,
        tested=None if data.test_part is None else len(data.test_part),
    )


def _function(file: Path, function: str, where: str) -> Callable[[], Any]:
    try:
        module = imported(file).module
    except BadInput as error:
        raise BadInput(f"--data {where}: {file.name} {error}.") from None
    found = getattr(module, function, None)
    if not callable(found):
        names = [name for name, value in vars(module).items() if callable(value)]
        raise BadInput(
            f"--data {where}: {file.name} has no function {short(function)!r}{nearest(function, names)}."
        )
    called: Callable[[], Any] = found
    return called


def _guarded(work: Callable[[], Any], what: str, where: str) -> Any:
    """What the user's code gives; BadInput whatever it raises, but for Ctrl-C."""
    try:
        return work()
    except (KeyboardInterrupt, BadInput):
        raise
    except BaseException as error:
        raise BadInput(f"--data {where}: {what}: {said(error)}.") from None


def _parts(returned: Any, where: str) -> Parts:
    """Images and labels in one of the usual forms; BadInput for anything else."""
    names: Any = None
    parts: dict[str, Part]
    if isinstance(returned, Mapping) and "target" in returned and {"images", "data"} & returned.keys():
        images = returned["images"] if "images" in returned else returned["data"]
        parts = {"": _pair(images, returned["target"], where)}
        names = returned.get("target_names")
        names = None if names is None or isinstance(names, Mapping) or not _are_texts(names) else names
    elif isinstance(returned, tuple) and len(returned) == 2 and all(isinstance(p, tuple) for p in returned):
        if {len(part) for part in returned} != {2}:
            raise BadInput(f"--data {where}: expected ((X_train, y_train), (X_test, y_test)).")
        parts = {
            part: _pair(pair[0], pair[1], where) for part, pair in zip((TRAIN, TEST), returned, strict=True)
        }
    elif isinstance(returned, tuple | list) and len(returned) in (2, 3):
        parts = {"": _pair(returned[0], returned[1], where)}
        names = returned[2] if len(returned) == 3 else None
    else:
        raise BadInput(f"--data {where}: it returned {type(returned).__name__}, not {RETURNS}.")
    texts = None if names is None else np.asarray(list(names))
    opens = None if texts is None else lambda: nullcontext(in_memory(texts, f"{where} (class names)"))
    return Parts(where, parts, opens)


def _are_texts(names: Any) -> bool:
    return len(names) > 1 and all(isinstance(name, str) for name in names)


def _pair(images: Any, labels: Any, where: str) -> Part:
    return of_arrays(np.asarray(images), np.asarray(labels), where)
