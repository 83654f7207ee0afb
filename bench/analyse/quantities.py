"""Quantities: a metric of selected cells, a difference or a ratio of two; and what is found of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hexbench.analyse import intervals
from hexbench.analyse.groups import ANY, FIELDS, Group, Selection
from hexbench.analyse.intervals import Estimate, Unit
from hexbench.analyse.runs import Runs
from hexbench.plan.cell import shown
from hexbench.store.record import Failed

INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
"""Verdicts where there is nothing to decide; `hexbench.analyse.decisions` has the others."""

SPLITS = "random splits"
MANY_IMAGES, SEEDS_OF_MANY = 10_000, 5
"""Above so many test images the seeds have most of the variance: fewer seeds than these show it badly."""
SHARES = ("test_accuracy", "train_accuracy", "cv_score", "recall", "precision")
OF_CLASS = ("recall", "precision")
"""Metrics of one class, from the confusion matrix."""
NAMES = {
    "test_accuracy": "test accuracy",
    "test_loss": "test loss",
    "train_accuracy": "training accuracy",
    "train_loss": "training loss",
    "cv_score": "cross-validation accuracy",
    "parameters": "parameters",
    "recall": "recall",
    "precision": "precision",
    "epoch_s": "time per epoch",
    "train_s": "training time",
    "search_s": "search time",
    "predict_s": "prediction time",
    "compile_s": "compile time",
    "evaluate_s": "evaluation time",
    "total_s": "total time",
}


@dataclass(frozen=True)
class Quantity:
    """A metric of selected cells."""

    metric: str
    selection: Selection
    of_class: str | None = None
    """The name of the class whose recall or precision it is."""
    otherwise: Selection | None = None
    """Cells to take where there are none of `selection`."""

    def cells(self, runs: Runs) -> Group:
        """The cells, one a seed; Ambiguous where they differ in more than that."""
        found = runs.select(self.selection)
        if found.records or self.otherwise is None:
            return found
        other = runs.select(self.otherwise)
        return other if other.records else found

    def but(self, **wanted: Any) -> "Quantity":
        """The same of cells with other values."""
        other = self.otherwise.but(**wanted) if self.otherwise else None
        return replace(self, selection=self.selection.but(**wanted), otherwise=other)

    def failed(self, runs: Runs) -> list[Failed]:
        """The cells that would be among them if they had not failed."""
        asked = [self.selection] + ([self.otherwise] if self.otherwise else [])
        groups = [group for one in asked for _, group in runs.found(one)]
        return [failure for group in groups for failure in group.failed]

    @property
    def name(self) -> str:
        """`test accuracy`, or `recall of class 8`."""
        return NAMES[self.metric] + (f" of class {self.of_class}" if self.of_class else "")


@dataclass(frozen=True)
class Part:
    """What one rule is to decide: a quantity, or the difference or ratio of two."""

    rule: str
    kind: str
    """`of`, `difference` or `ratio`; empty where a rule needs no cells."""
    of: tuple[Quantity, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the rule."""
    seeds: int = 1
    """Fewer of a model with anything random in it decide nothing."""
    name: str = ""
    measures: str = ""
    """A sentence about the value, with `{}` for it, or `{inverse}` for that of a ratio."""
    place: tuple[tuple[str, Any], ...] = ()
    """The values of `for_each` that this part stands for."""

    def said(self, runs: Runs) -> str:
        """The quantity in words."""
        if not self.of:
            return self.name or "implied by the reported numbers"
        axes = [name for name, _ in self.place]
        sides = [described(quantity.selection, runs, axes) for quantity in self.of]
        where = ", ".join(described_axis(*one) for one in self.place)
        words = self.name or f"{self._metrics}{self._joined(sides)}"
        return f"{words}, {where}" if where else words

    @property
    def _metrics(self) -> str:
        return " and ".join(dict.fromkeys(quantity.name for quantity in self.of))

    def _joined(self, sides: Sequence[str]) -> str:
        if self.kind == "of":
            return f" of {sides[0]}"
        return ", " + {"difference": " minus ", "ratio": " / "}.get(self.kind, ", ").join(sides)


@dataclass(frozen=True)
class Finding:
    """What a rule says of a part."""

    verdict: str
    reason: str = ""
    """Why nothing is decided, or what else there is to say; half a sentence."""
    found: Estimate | None = None
    unit: Unit = intervals.NUMBER
    n: int = 0
    """How many runs the interval rests on."""
    groups: Sequence[Group] = ()
    distance: float = 0.0
    """How far the value is from what would turn the verdict, negative where it is beyond."""
    interval: str = ""
    """What the interval is called, if it is not one of confidence."""
    counted: str = "seeds"
    """What `n` counts."""
    said: str = ""
    """The value with its interval, where `unit` cannot say it."""
    target: float | None = None
    """The reported value, or the bound, that the value is held against."""
    room: float = 0.0
    """How far the value is from where the answer turns."""

    def text(self, level: float) -> str:
        """The value with its interval."""
        if self.found is None or self.said:
            return self.said
        return intervals.written(self.found, self.unit, self.interval or f"{100 * level:.4g}% CI")

    @property
    def inverse(self) -> "Finding":
        """The same of a ratio's inverse: `68x` instead of `0.0147x`."""
        if self.found is None or self.found.low <= 0:
            return self
        ends = (1 / end for end in (self.found.value, self.found.high, self.found.low))
        return replace(self, found=Estimate(*ends))


def described(selection: Selection, runs: Runs, without: Sequence[str] = ()) -> str:
    """The cells of a selection in words: the model's label, `after 3 epochs`."""
    wanted = {n: v for n, v in selection.wanted.items() if n not in without and v != ANY}
    params = [f"{name}={shown(value)}" for name, value in wanted.items() if name not in FIELDS]
    words = [runs.label(selection.model), f"({', '.join(params)})" if params else ""]
    words += [described_axis(name, value, runs) for name, value in wanted.items() if name in FIELDS]
    return " ".join(word for word in words if word)


def described_axis(name: str, value: Any, runs: Runs | None = None) -> str:
    """An axis with its value in words; empty where that goes without saying."""
    if value == "all" or value is False:
        return "all images" if value == "all" and runs is None else ""
    if name in ("train_size", "fitted", "images"):
        size = f"{value:,}" if isinstance(value, int) else value
        return f"{'on ' if runs else ''}{size} images"
    if name == "params_from" and runs is not None:
        return f"tuned by {runs.label(value)}"
    words = {
        "epochs": f"after {value} epoch{'s' if value != 1 else ''}",
        "classes": f"{'of ' if runs else ''}{value} classes",
        "early_stopping": "with early stopping",
        "split": f"on split {value}",
    }
    return words.get(name) or f"{name}={shown(value)}"


class Case(NamedTuple):
    """What a rule is asked: a part of a claim, of these runs, at this level of confidence."""

    part: Part
    runs: Runs
    level: float

    @property
    def quantity(self) -> Quantity:
        """The only one."""
        (found,) = self.part.of
        return found

    @property
    def percent(self) -> str:
        """The level in words."""
        return f"{100 * self.level:.4g}%"

    @property
    def interval(self) -> str:
        """What an interval of this level is called."""
        return f"{self.percent} CI"
