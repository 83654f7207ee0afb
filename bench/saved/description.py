"""What `model.json` says of a saved model, and the file itself: sealed, versioned, never more than data."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
from hexbench.errors import BadInput
from hexbench.files import reason, short, write_whole
from hexbench.plan.cell import Cell, frozen
from hexbench.saved.preprocess import Appearance
from hexbench.saved.thresholds import Threshold
from hexbench.store.manifest import DataFacts
from hexbench.store.record import Environment
from msgspec import Raw, Struct

FORMAT = 1
"""Raised when an older hexbench could no longer read what is saved, or this one what an older one saved."""
FILE, CARD = "model.json", "README.md"
MOST_BYTES = 2**22
MODELS = "models"
"""The folder of a results folder that its saved models lie in."""


class OwnSource(Struct, frozen=True):
    """Where a model's class is from that is none of hexbench's."""

    reference: str
    """FILE.py:NAME, as it was given, or the name of a model of an installed package."""
    sha256: str
    """Of its source, as in the cell."""


class Description(Struct, frozen=True, kw_only=True):
    """A saved model."""

    format: int = FORMAT
    hexbench: str
    """The version that saved it."""
    model: str
    label: str
    kind: Literal["orbax", "skops"]
    """Which library reads its weights."""
    own: OwnSource | None = None
    cell: Cell
    """How it was trained; all hyperparameters, those that a search chose included."""
    key: str
    """Of the cell, on these data."""
    scale: int | None = None
    """By which a network divides pixels."""
    data: DataFacts
    appearance: Appearance
    threshold: Threshold | None
    """None for a model without probabilities."""
    same_as_record: bool
    """Whether it classifies the test images as the run's record says."""
    environment: Environment
    files: dict[str, str]
    """sha256 of the files with weights, by their names in the folder."""


class _Sealed(Struct, forbid_unknown_fields=True):
    sha256: str
    model: Raw


class _Version(Struct):
    format: int
    hexbench: str


def write(folder: Path, description: Description) -> None:
    """Write `model.json` into a folder."""
    text = msgspec.json.format(msgspec.json.encode(description), indent=1)
    seal = hashlib.sha256(text).hexdigest()
    write_whole(folder / FILE, f'{{"sha256": "{seal}", "model":\n', text, "}\n")


def read(folder: Path) -> Description:
    """The description in a model's folder, whose files are as they were saved.

    BadInput where there is none, where one of the files was changed, or where another version saved it.
    """
    file = folder / FILE
    if not file.is_file():
        raise BadInput(f"{folder} {_instead(folder)}")
    try:
        content = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
        sealed = msgspec.json.decode(content, type=_Sealed)
        version = msgspec.json.decode(sealed.model, type=_Version)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {reason(error)}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{file} describes no model: {short(str(error))}: {AGAIN}.") from None
    if version.format != FORMAT:
        raise BadInput(
            f"{folder} was saved by hexbench {short(version.hexbench)} in format {version.format}, and this "
            f"hexbench reads format {FORMAT}: use that version, or train the model again with --save-models."
        )
    if hashlib.sha256(bytes(sealed.model)).hexdigest() != sealed.sha256:
        raise BadInput(f"{file} was changed after it was written: {AGAIN}.")
    try:
        found = msgspec.json.decode(sealed.model, type=Description)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{file} describes no model: {short(str(error))}: {AGAIN}.") from None
    _check_files(folder, found.files)
    params = {name: frozen(value) for name, value in found.cell.params.items()}
    return msgspec.structs.replace(found, cell=found.cell.but(params=params))


AGAIN = "copy the folder again, or train the model again with --save-models"
"""The remedy, without the full stop."""


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file in a model's folder but its description and its card, by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: digest(path) for name, path in names.items() if name not in (FILE, CARD)}


def digest(file: Path) -> str:
    """sha256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check_files(folder: Path, files: dict[str, str]) -> None:
    for name, sha256 in files.items():
        file = folder / name
        if not file.is_file():
            raise BadInput(f"{file} is missing: {AGAIN}.")
        try:
            found = digest(file)
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {reason(error)}.") from None
        if found != sha256:
            raise BadInput(f"{file} was changed after it was saved: {AGAIN}.")


def _instead(folder: Path) -> str:
    """What a folder is that holds no model, and the remedy, to follow its name."""
    if not folder.exists():
        return "is not there: name the folder of a saved model, such as RESULTS/models/NAME."
    if not folder.is_dir():
        return f"is no folder: name the folder that has the file {FILE}."
    for place in (folder / MODELS, folder):
        found = sorted(path.parent for path in place.glob(f"*/{FILE}"))
        if found:
            return f"is not the folder of one model: name one of {', '.join(map(str, found))}."
    if (folder / "manifest.json").is_file():
        return "is a results folder without saved models: run its command again with --save-models."
    return f"is no saved model: it has no {FILE}."
