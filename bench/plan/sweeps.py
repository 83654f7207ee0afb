"""Sweeps as TOML or the command line writes them: what may stand there, and what is wrong."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hexbench.errors import BadInput
from hexbench.files import nearest, read_toml, reason, short
from hexbench.models import Entry, entries
from hexbench.plan.cell import INITIALISATION, ORDER, SOURCES, SUBSET, Value
from hexbench.plan.values import MOST, is_count, quoted, values_of

SIZE = re.compile(r"all|up to [0-9][0-9,]{0,12}")
FEWEST_IMAGES = 2
MOST_CELLS = 100_000
"""No suite has more cells, so that a few bytes cannot ask for all memory."""
BESIDE_PARAMS = ("batch_size", "epochs")
"""Hyperparameters that may stand in `params` or beside it."""
FIRST = ("first_seed", "first_split")
"""May stand beside the sweeps, for all of them; the second for those with `splits`."""
LISTS = ("train_size", "images", "classes", "evaluate_at", "snapshot_at", "vary")
VARIED = (*SOURCES, "split")

Models = Mapping[str, Entry]


@dataclass(frozen=True)
class Sweep:
    """Cells to measure. Lists are crossed; a single value is a list of one."""

    model: str
    params: dict[str, list[Value]] = field(default_factory=dict)
    """Values of hyperparameters; the others have the model's defaults."""
    seeds: int = 1
    """How many, from `first_seed`."""
    first_seed: int = 0
    splits: int | None = None
    """How many random splits, from `first_split`; if neither is given, the study's own split alone."""
    first_split: int | None = None
    seed_per_split: bool = False
    """Whether each split has other seeds than the one before, so that what they draw differs as well."""
    train_size: list[int | str] = field(default_factory=lambda: ["all"])
    """Numbers, `all`, or `up to N`: N, or all where there are fewer. Left out above the data."""
    images: list[int | str] | None = None
    """Like train_size, but so many images are drawn from the whole set and split themselves."""
    steps_of_epochs: int | None = None
    """As many optimizer steps as this many epochs of all training images take."""
    steps: int | None = None
    """As many optimizer steps; the last epoch is a whole one."""
    validated: bool = False
    """Early stopping: a fifth of the images is held out, and the epoch with its lowest loss tested."""
    classes: list[int | None] = field(default_factory=lambda: [None])
    """Tasks of so many classes, drawn by seed, instead of all classes."""
    evaluate_at: list[int] | None = None
    """Epochs after which the test images are evaluated, besides the last; see `suites.evaluated`."""
    snapshot_at: list[int] | None = None
    """Those of them after which predictions are kept; if not given, all of a few."""
    vary: list[str] = field(default_factory=list)
    """Each of these sources of variance (VARIED) alone, `seeds` times."""
    losses: bool = False
    """Whether predictions that are kept have the loss of each test image."""
    params_from: str | None = None
    """The model whose largest search in this suite chooses the hyperparameters that it searches."""
    images_above: int = 0
    """The sweep holds only for data sets of more images than this ..."""
    images_at_most: int | None = None
    """... and of at most this many."""


FIELDS = tuple(item.name for item in fields(Sweep))


@dataclass(frozen=True)
class Suite:
    """A named set of sweeps, and how many images are drawn for it where the user has none."""

    name: str
    description: str
    sweeps: tuple[Sweep, ...]
    synthetic_images: int | None = None


def read_suite(path: Path, models: Models) -> Suite:
    """Read a suite file strictly: unknown keys, wrong types and what makes no sense are faults."""
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    try:
        return _suite(path.stem, content, models)
    except BadInput as error:
        raise BadInput(f"{path}: {error}.") from None


def suite_of(texts: list[str], models: Models) -> Suite:
    """The suite `sweep` of what `--sweep` options say: `MODEL: NAME=VALUE,... NAME=VALUE ...`."""
    sweeps = []
    for text in texts:
        try:
            sweeps.append(_sweep(_entry_of(text), models))
        except BadInput as error:
            raise BadInput(f"--sweep {short(text)!r}: {error}.") from None
    suite = Suite("sweep", "Sweeps given on the command line.", tuple(sweeps))
    try:
        _check_size(suite)
    except BadInput as error:
        raise BadInput(f"--sweep: {error}.") from None
    return suite


def _suite(name: str, content: dict[str, Any], models: Models) -> Suite:
    entries = content.get("sweep")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput("sweeps are written as [[sweep]] tables")
    others = {key: value for key, value in content.items() if key != "sweep"}
    _check_names(others, ("description", "synthetic_images", *FIRST), "the suite")
    first = {key: value for key, value in others.items() if key in FIRST}
    entries = [
        {k: v for k, v in first.items() if k != FIRST[1] or {"splits", "vary"} & e.keys()} | e
        for e in entries
    ]
    suite = Suite(
        name,
        others.get("description", ""),
        tuple(_numbered(number, entry, models) for number, entry in enumerate(entries, 1)),
        others.get("synthetic_images"),
    )
    if not isinstance(suite.description, str):
        raise BadInput("the description is no text")
    if suite.synthetic_images is not None and not is_count(suite.synthetic_images):
        raise BadInput("synthetic_images is not a whole number above 0")
    _check_size(suite)
    return suite


def _numbered(number: int, entry: dict[str, Any], models: Models) -> Sweep:
    try:
        return _sweep(entry, models)
    except BadInput as error:
        raise BadInput(f"sweep {number}: {error}") from None


def _check_size(suite: Suite) -> None:
    if sum(map(_most_cells, suite.sweeps)) > MOST_CELLS:
        raise BadInput(f"the sweeps have more than {MOST_CELLS:,} cells")


def _sweep(entry: dict[str, Any], models: Models) -> Sweep:
    model = entry.get("model")
    if not isinstance(model, str) or model not in models:
        near = nearest(model, models) if isinstance(model, str) else ""
        raise BadInput(f"there is no model {quoted(model)}: choose one of {', '.join(models)}{near}")
    known = models[model]
    params = entry.get("params", {})
    if not isinstance(params, dict):
        raise BadInput("params is no table of hyperparameters")
    beside = {name: entry[name] for name in BESIDE_PARAMS if name in entry}
    twice = sorted(beside.keys() & params.keys())
    if twice:
        raise BadInput(f"{twice[0]} stands in params and beside it")
    rest = {name: value for name, value in entry.items() if name not in (*BESIDE_PARAMS, "params")}
    _check_names(rest, FIELDS, f"a sweep of {model}", (*BESIDE_PARAMS, *known.defaults))
    listed = {
        name: value if name not in LISTS or isinstance(value, list) else [value]
        for name, value in rest.items()
    }
    values = {name: values_of(known, name, value) for name, value in (params | beside).items()}
    sweep = Sweep(**(listed | {"params": values}))
    fault = next(_faults(sweep, known, models), None)
    if fault is not None:
        raise BadInput(f"a sweep of {model} {fault}")
    return sweep


def _check_names(
    content: dict[str, Any], allowed: tuple[str, ...], where: str, others: tuple[str, ...] = ()
) -> None:
    unknown = sorted(set(content) - set(allowed))
    if unknown:
        near = nearest(unknown[0], (*allowed, *others))
        if unknown[0] in others:
            near = "; hyperparameters stand in params"
        raise BadInput(f"{where} has the unknown key {short(unknown[0])!r}{near}")


def _faults(sweep: Sweep, entry: Entry, models: Models) -> Iterator[str]:
    """What is wrong with a sweep of a known model, as the rest of a sentence that begins with it."""
    optional = (
        sweep.steps_of_epochs,
        sweep.steps,
        sweep.images_at_most,
        sweep.splits,
        *sweep.classes,
    )
    given = [count for count in optional if count is not None]
    numbers = [sweep.seeds, *given, *(sweep.evaluate_at or []), *(sweep.snapshot_at or [])]
    from_0 = [sweep.images_above, sweep.first_seed, sweep.first_split or 0]
    if not all(map(is_count, numbers)) or not all(is_count(n, least=0) for n in from_0):
        yield f"has a count that is not a whole number above 0, or is over {MOST:,}"
    sizes = [*sweep.train_size, *(sweep.images or [])]
    wrong = [size for size in sizes if not _is_size(size)]
    if wrong:
        yield f"has the size {quoted(wrong[0])}: write a number from {FEWEST_IMAGES}, 'all' or 'up to N'"
    if [] in (sweep.train_size, sweep.images, sweep.classes, sweep.evaluate_at, sweep.snapshot_at):
        yield "has an empty list"
    if sweep.images is not None and sweep.train_size != ["all"]:
        yield "has both images and train_size"
    if any(count == 1 for count in sweep.classes):
        yield "has a task of one class"
    yield from _faults_of_variation(sweep, entry)
    for name in ("validated", "losses", "seed_per_split"):
        if not isinstance(getattr(sweep, name), bool):
            yield f"has a value of {name} that is neither true nor false"
    yield from _faults_of_training(sweep, entry)
    yield from _faults_of_search(sweep, entry, models)


def _faults_of_variation(sweep: Sweep, entry: Entry) -> Iterator[str]:
    unknown = [source for source in sweep.vary if source not in VARIED]
    if unknown:
        near = nearest(unknown[0], VARIED) if isinstance(unknown[0], str) else ""
        yield f"varies {quoted(unknown[0])}: choose from {', '.join(VARIED)}{near}"
    elif sweep.vary and (sweep.splits or sweep.images or sweep.classes != [None]):
        yield "has vary beside splits, images or classes"
    elif SUBSET in sweep.vary and "all" in sweep.train_size:
        yield "varies the subset, of which there is one alone with all images: give a train_size"
    elif {INITIALISATION, ORDER} & {*sweep.vary} and not entry.learning_curve:
        yield f"varies {INITIALISATION} or {ORDER}, but that model does not train by epochs"


def _faults_of_training(sweep: Sweep, entry: Entry) -> Iterator[str]:
    by_epochs = entry.learning_curve and "epochs" in entry.defaults
    lengths = [sweep.params.get("epochs"), sweep.steps_of_epochs, sweep.steps]
    if sum(length is not None for length in lengths) > 1:
        yield "has more than one of epochs, steps_of_epochs and steps"
    if by_epochs:
        if sweep.validated and sweep.images is not None:
            yield "is validated: it has train_size instead of images"
        return
    for name in ("steps_of_epochs", "steps", "validated", "evaluate_at", "snapshot_at", "losses"):
        if getattr(sweep, name) not in (None, False):
            yield f"has {name}, but that model does not train by epochs"


def _faults_of_search(sweep: Sweep, entry: Entry, models: Models) -> Iterator[str]:
    if sweep.params_from is None:
        return
    search = models.get(sweep.params_from) if isinstance(sweep.params_from, str) else None
    if search is None or not search.searches:
        searching = [name for name, model in entries().items() if model.searches]
        yield f"has params_from = {quoted(sweep.params_from)}: choose one of {', '.join(searching)}"
        return
    lacking = [name for name in search.searches if name not in entry.defaults]
    if lacking:
        yield f"takes its hyperparameters from {search.name}, but has no {lacking[0]}"
    both = [name for name in search.searches if name in sweep.params]
    if both:
        yield f"has values of {both[0]}, which {search.name} chooses"


def _entry_of(text: str) -> dict[str, Any]:
    """What a `--sweep` option says, as TOML would have it."""
    model, colon, rest = text.partition(":")
    if not colon:
        raise BadInput("write MODEL: NAME=VALUE,... NAME=VALUE ...")
    entry: dict[str, Any] = {"model": model.strip()}
    params: dict[str, Any] = {}
    for part in _split(rest, " "):
        name, sign, value = part.partition("=")
        if not sign or not name:
            raise BadInput(f"{short(part)!r} is no NAME=VALUE")
        if name in entry or name in params:
            raise BadInput(f"{name} stands there twice")
        values = [_literal(one) for one in _split(value, ",")]
        if not values:
            raise BadInput(f"{name} has no value")
        if name in LISTS:
            entry[name] = values[0] if isinstance(values[0], list) and len(values) == 1 else values
        elif name in FIELDS and name not in ("model", "params"):
            if len(values) > 1:
                raise BadInput(f"{name} has more than one value")
            entry[name] = values[0]
        else:
            params[name] = values
    return entry | {"params": params}


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand outside brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else (character == "[") - (character == "]")
        if character == separator and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:  # not TOML, or a number of thousands of digits
        if re.fullmatch(r"[A-Za-z_][\w.-]*", text):
            return text
        raise BadInput(f"{short(text)!r} is neither a number, a word nor a list") from None
    except RecursionError:
        raise BadInput("a value is nested too deeply") from None


def _is_size(value: Any) -> bool:
    if isinstance(value, str):
        number = value.removeprefix("up to ").replace(",", "")
        return SIZE.fullmatch(value) is not None and (value == "all" or int(number) >= FEWEST_IMAGES)
    return is_count(value, FEWEST_IMAGES)


def _most_cells(sweep: Sweep) -> int:
    count = (
        sweep.seeds
        * (sweep.splits or len(sweep.vary) or 1)
        * len(sweep.images or sweep.train_size)
        * len(sweep.classes)
    )
    for values in sweep.params.values():
        count *= len(values)
    return count
