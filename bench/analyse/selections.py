"""Selections as claims and thresholds write them: flat TOML tables, read strictly."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from hexbench.analyse.groups import (
    ANY,
    FIELDS,
    LARGEST,
    METRICS,
    OTHER_METRICS,
    TIMES,
    Selection,
    fault_of_selection,
)
from hexbench.analyse.quantities import OF_CLASS, Quantity
from hexbench.errors import BadInput
from hexbench.files import nearest, short
from hexbench.plan.cell import SOURCES, Value, frozen
from hexbench.store.manifest import ModelFacts

ALL_METRICS = (*METRICS, *OTHER_METRICS, *OF_CLASS, *TIMES)
MOST = 10**9
"""No count is larger."""
WORDS = (ANY, "all", LARGEST)
SIZE = re.compile(r"up to [0-9][0-9,]{0,12}")


class Known(Protocol):
    """What a selection is checked against: `ModelFacts`, or an entry of the registry."""

    @property
    def defaults(self) -> Mapping[str, Value]:
        """Hyperparameters with their default values."""


def quantity(entry: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Quantity:
    """The quantity of a TOML table, with these values besides.

    BadInput says in half a sentence what is wrong with it.
    """
    rest = {**entry, **(values or {})}
    metric, of_class, other = rest.pop("metric", None), rest.pop("class", None), None
    if not isinstance(metric, str) or metric not in ALL_METRICS:
        near = nearest(metric, ALL_METRICS) if isinstance(metric, str) else ""
        known = ", ".join(ALL_METRICS)
        raise BadInput(f"there is no metric {_shown(metric)}: choose one of {known}{near}")
    if (metric in OF_CLASS) != isinstance(of_class, str):
        raise BadInput(f"{metric} needs a class, the name of one, and other metrics have none")
    if "otherwise" in rest:
        other = rest.pop("otherwise")
        if not isinstance(other, dict):
            raise BadInput("otherwise is no table that selects other cells")
        other = selection({**other, **(values or {})})
    return Quantity(metric, selection(rest), of_class, other)


def selection(entry: Mapping[str, Any]) -> Selection:
    """The selection of a TOML table, without the names that only its model knows."""
    rest = dict(entry)
    model = rest.pop("model", None)
    if not isinstance(model, str):
        raise BadInput("a selection of cells needs a model, the name of one")
    wanted = {name: frozen(value) for name, value in rest.items()}
    for name, value in wanted.items():
        fault = _fault_of_field(name, value)
        if fault:
            raise BadInput(f"{name} of {model} is {_shown(value)}: {fault}")
    return Selection(model, wanted)


def check_selection(selection: Selection, models: Mapping[str, Known]) -> None:
    """BadInput, in half a sentence, where there is no such model or it has no such hyperparameter."""
    if selection.model not in models:
        near = nearest(selection.model, models)
        known = ", ".join(models)
        raise BadInput(f"there is no model {selection.model!r}: choose one of {known}{near}")
    defaults = models[selection.model].defaults
    fault = fault_of_selection(selection, ModelFacts(selection.model, dict(defaults)))
    if fault is not None:
        raise BadInput(fault)
    search = selection.wanted.get("params_from")
    if search not in (None, ANY, *models):
        raise BadInput(f"params_from is {search!r}, no model{nearest(str(search), models)}")
    for name, value in (selection.wanted | selection.wanted.get("params", {})).items():
        if name in defaults and value != ANY and not _alike(value, defaults[name]):
            raise BadInput(
                f"{name} of {selection.model} is {_shown(value)}, but its default is "
                f"{_shown(defaults[name])}: write a value of that kind"
            )


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a value from TOML is a whole number, from `least`."""
    return type(value) is int and least <= value <= MOST


def _fault_of_field(name: str, value: Any) -> str | None:
    if name in ("train_size", "fitted", "images"):
        known = isinstance(value, str) and (value in WORDS or SIZE.fullmatch(value))
        return None if known or is_count(value) else "write a number, 'all', 'largest' or 'up to N'"
    if value == ANY or name not in (*FIELDS, "params"):
        return None
    fits = {
        "epochs": is_count(value),
        "classes": is_count(value, 2),
        "split": is_count(value, 0) or value == "given",
        "early_stopping": isinstance(value, bool),
        "params_from": isinstance(value, str),
        "varied": value in ("", *SOURCES),
        "params": isinstance(value, dict),
    }
    return None if fits[name] else "that is of the wrong kind"


def _alike(value: Value, default: Value) -> bool:
    """Whether a value is of the kind of a default; words may be numbers, as for gamma."""
    if default is None:
        return True
    kinds = {bool: (bool,), tuple: (tuple,), str: (str, int, float)}
    return type(value) in kinds.get(type(default), (int, float))


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(short(value))
    simple = isinstance(value, bool | float | None) or is_count(value, -MOST)
    return str(value) if simple else f"of type {type(value).__name__}"
