"""A study: a report's claims with all that belongs to it, from a folder with a `study.toml`.

The studies that come with hexbench lie in `studies/`; the engine knows them by name alone. A
folder's optional `study.py` may define:

- `RULES`: rules of its own for its claims, by name (`hexbench.analyse.rules`)
- `sections`: a function that makes parts of its report (`hexbench.report.page`)
- `SOURCES`, `READERS`, `FALLBACK`, `KNOWN`: data (`hexbench.data.sources.Sources`)
- `REFERENCE`: images of each class as they should be, for hints (`hexbench.data.hints.Reference`)
- `COMMANDS`: click commands for `hexbench data`
"""

import importlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hexbench.data.dataset import Split
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.files import is_of_system, nearest, read_toml, reason, short
from hexbench.own_code import imported

if TYPE_CHECKING:
    from hexbench.analyse.claims import Claim
    from hexbench.data.hints import Reference

FOLDER = Path(__file__).parent / "studies"
FILE = "study.toml"
DEFAULT = "digit_recognizer"
KEYS = ("title", "source", "rules_note", "split", "data", "claim")


@dataclass(frozen=True)
class Study:
    """A report that is rerun and judged."""

    name: str
    """Of a study that comes with hexbench, else its folder."""
    folder: Path
    title: str
    source: str
    """Where the report is found; empty if that is not said."""
    split: Split
    """How the report divides its data."""
    data_default: str
    """What `--data auto` means."""
    reported_images: int | None = None
    """Images of the report's own data; on other data its numbers may not hold."""
    rules_note: str = ""
    """What else there is to say of when the rules were written."""
    module: ModuleType | None = field(default=None, repr=False, compare=False)
    content: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What `study.toml` says."""

    @property
    def is_ours(self) -> bool:
        """Whether it comes with hexbench."""
        return self.folder.parent == FOLDER

    def is_named(self, name: str) -> bool:
        """Whether `name`, of a study or a path of its folder, is this one's."""
        return name == self.name or (not self.is_ours and Path(name).resolve() == self.folder.resolve())

    @cached_property
    def claims(self) -> "tuple[Claim, ...]":
        """The statements of the report with their rules; BadInput if one is wrong."""
        from hexbench.analyse.claims import parse
        from hexbench.analyse.shares import check_shares

        found = parse(self.content.get("claim", []), self.rules, str(self.folder / FILE))
        check_shares(found)
        return found

    def beyond(self, class_names: Collection[str]) -> dict[str, str]:
        """By id the claims that ask for a class which data with these classes lack, and that class."""
        asked = {claim["id"]: sorted(_classes_in(claim)) for claim in self.content.get("claim", [])}
        lacking = {id_: [name for name in names if name not in class_names] for id_, names in asked.items()}
        return {id_: names[0] for id_, names in lacking.items() if names}

    @property
    def rules(self) -> Mapping[str, Any]:
        """Rules of its own, by name."""
        return getattr(self.module, "RULES", {})

    @property
    def sections(self) -> Callable[..., Any] | None:
        """What makes parts of its report."""
        return getattr(self.module, "sections", None)

    @property
    def reference(self) -> "Reference | None":
        """What makes images of its classes as they should be."""
        return getattr(self.module, "REFERENCE", None)

    @property
    def sources(self) -> Sources:
        """The data that it can use: its own, and those of the studies that come with hexbench."""
        own = Sources.of(self.module)
        others = [Sources.of(study.module) for study in our_studies() if study.name != self.name]
        return Sources(
            named={name: source for s in (*others, own) for name, source in s.named.items()},
            readers=(*own.readers, *(reader for s in others for reader in s.readers)),
            fallback=own.fallback if own.named or not others else others[0].fallback,
            known={name: known for s in (*others, own) for name, known in s.known.items()},
        )

    @property
    def suites(self) -> dict[str, Path]:
        """Its suites' files, by name."""
        files = sorted((self.folder / "suites").glob("*.toml"))
        return {path.stem: path for path in files if not is_of_system(path.name)}

    @property
    def thresholds(self) -> Path | None:
        """Its file of thresholds for `check`, if it has one."""
        file = self.folder / "thresholds.toml"
        return file if file.is_file() else None

    def suite(self, name: str) -> Path:
        """The file of a suite: the study's of this name, or one's own; BadInput if there is none."""
        if name.endswith(".toml"):
            return Path(name)
        if name not in self.suites:
            known = f"it has {', '.join(self.suites)}" if self.suites else "it has none"
            raise BadInput(
                f"the study {self.name} has no suite {name!r}{nearest(name, self.suites)}: {known}; name a "
                "suite file, FILE.toml, or say what to measure with --sweep."
            )
        return self.suites[name]


def our_studies() -> Iterator[Study]:
    """The studies that come with hexbench."""
    for name in names():
        yield load(name)


def names() -> list[str]:
    """Of the studies that come with hexbench, the default first."""
    found = sorted(path.parent.name for path in FOLDER.glob(f"*/{FILE}"))
    return sorted(found, key=lambda name: name != DEFAULT)


def load(name: str) -> Study:
    """The study of this name, or in this folder; BadInput says what is wrong with it."""
    ours = name in names()
    folder = FOLDER / name if ours else Path(name)
    if not ours and not folder.is_dir():
        near = nearest(name, names())
        raise BadInput(
            f"there is no study {name!r}{near}: choose {', '.join(names())}, or a folder with {FILE}."
        )
    file = folder / FILE
    try:
        content = read_toml(file)
    except FileNotFoundError:
        raise BadInput(f"{folder} is no study: it has no {FILE}.") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read: {reason(error)}.") from None
    try:
        return _study(name if ours else str(folder), folder, content)
    except BadInput as error:
        raise BadInput(f"{file}: {error}.") from None


def of_run(name: str, run: Path) -> Study:
    """The study that the results folder `run` names; BadInput as `load`."""
    try:
        return load(name)
    except BadInput as fault:
        if Path(name).is_dir():
            raise
        raise BadInput(
            f"{run} was measured for the study {name}, which is not there from this folder: run the command "
            "where it was run then, or name the study by --study, for `check` a file by --thresholds."
        ) from fault


def _study(name: str, folder: Path, content: dict[str, Any]) -> Study:
    unknown = sorted(set(content) - set(KEYS))
    if unknown:
        raise BadInput(f"unknown key {short(unknown[0])!r}{nearest(unknown[0], KEYS)}")
    for key in ("title", "source", "rules_note"):
        if not isinstance(content.get(key, ""), str):
            raise BadInput(f"{key} is no text")
    if not content.get("title"):
        raise BadInput("it has no title")
    data = _table(content, "data", ("default", "reported_images"))
    if not isinstance(data.get("default", "auto"), str):
        raise BadInput("data.default is no text")
    images = data.get("reported_images")
    if images is not None and (type(images) is not int or images < 1):
        raise BadInput("data.reported_images is no whole number above 0")
    return Study(
        name,
        folder,
        content["title"],
        content.get("source", ""),
        _split(_table(content, "split", ("test_size", "shuffle", "random_state"))),
        data.get("default", "auto"),
        images,
        content.get("rules_note", ""),
        _module(name, folder),
        content,
    )


def _classes_in(table: Any) -> Iterator[str]:
    """The classes that a claim names, however deep."""
    if isinstance(table, dict):
        if isinstance(table.get("class"), str):
            yield table["class"]
        table = list(table.values())
    if isinstance(table, list):
        for entry in table:
            yield from _classes_in(entry)


def _table(content: dict[str, Any], name: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise BadInput(f"{name} is no table")
    unknown = sorted(set(found) - set(allowed))
    if unknown:
        raise BadInput(f"{name} has the unknown key {short(unknown[0])!r}{nearest(unknown[0], allowed)}")
    return found


def _split(found: dict[str, Any]) -> Split:
    test_size, shuffle = found.get("test_size", 0.3), found.get("shuffle", True)
    random_state = found.get("random_state", 42)
    if type(test_size) is not float or not 0 < test_size < 1:
        raise BadInput("split.test_size is no number between 0 and 1")
    if not isinstance(shuffle, bool):
        raise BadInput("split.shuffle is neither true nor false")
    if type(random_state) is not int or not 0 <= random_state < 2**32:
        raise BadInput("split.random_state is no whole number from 0 to 4,294,967,295")
    return Split(test_size, random_state if shuffle else None)


def _module(name: str, folder: Path) -> ModuleType | None:
    file = folder / "study.py"
    if not file.is_file():
        return None
    if folder.parent == FOLDER:
        return importlib.import_module(f"hexbench.studies.{name}.study")
    try:
        return imported(file).module
    except BadInput as error:
        raise BadInput(f"its study.py {error}") from None
