"""How time and memory grow with the number of images: exponents fitted to readings, with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, log
from statistics import median
from typing import Any

import numpy as np

from bench.plan.spec import SIMPLER

Row = dict[str, Any]
FEWEST_SIZES = 3
FROM = 200
"""Training images: with fewer, fixed costs hide how time grows."""
CONFIDENCE = 0.95
MEMORY = "memory above the start"
KNOWN = 1.0
"""The exponent of memory is told where its interval is narrower: small cells need hardly any."""


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent, by least squares on the logarithms."""

    exponent: float
    low: float
    high: float
    """The 95% interval of the exponent, by Student's t with n - 2 degrees of freedom."""
    factor: float
    points: list[tuple[float, float]]

    def __call__(self, x: float) -> float:
        """The fitted y at x."""
        return float(self.factor * x**self.exponent)

    def predicted(self, x: float) -> tuple[float, float]:
        """The 95% interval in which one more y at x is expected, by least squares on the logarithms."""
        from statsmodels.regression.linear_model import OLS

        at, y = (np.log([point[i] for point in self.points]) for i in (0, 1))
        fitted = OLS(y, np.column_stack([np.ones_like(at), at])).fit()
        around = fitted.get_prediction([[1.0, log(x)]]).conf_int(obs=True, alpha=1 - CONFIDENCE)
        low, high = np.exp(around)[0]
        return float(low), float(high)


@dataclass(frozen=True)
class Growth:
    """What of a model grows with the number of training images, and how."""

    model: str
    fit: str | None
    batch_size: int | None
    what: str
    law: PowerLaw
    clean: bool
    """Whether every run behind it had the machine, one and the same, to itself."""


def fit_power(points: Iterable[tuple[float, float]]) -> PowerLaw | None:
    """The power law through (x, y) points; None with fewer than three different x."""
    from scipy.stats import linregress, t

    points = sorted((x, y) for x, y in points if x > 0 and y > 0)
    if len({x for x, _ in points}) < FEWEST_SIZES:
        return None
    line = linregress([log(x) for x, _ in points], [log(y) for _, y in points])
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(points) - 2)) * line.stderr
    slope = float(line.slope)
    return PowerLaw(slope, slope - reach, slope + reach, exp(float(line.intercept)), points)


def growths(rows: Iterable[Row]) -> list[Growth]:
    """Every law that the readings have sizes for, through the median at each size.

    Clean runs alone are used where they have three sizes.
    """
    rows = [r for r in rows if r["epochs"] == (r["stopped_at"] or r["trained_epochs"])]
    rows = [r for r in rows if r["protocol"] != SIMPLER]
    found = []
    for model, fit, batch_size in dict.fromkeys(
        (r["model"], r["fit"], r["batch_size"]) for r in rows
    ):
        alike = [
            r for r in rows if (r["model"], r["fit"], r["batch_size"]) == (model, fit, batch_size)
        ]
        clean = [r for r in alike if r["timing_clean"]]
        machines = {(r["machine"], r["device"]) for r in clean}
        for what, of in _measures(model, fit):
            by_clean = _law(clean, of)
            law = by_clean or _law(alike, of)
            if law is not None and (what != MEMORY or law.high - law.low < KNOWN):
                alone = by_clean is not None and len(machines) == 1
                found.append(Growth(model, fit, batch_size, what, law, alone))
    return found


def _law(rows: list[Row], of: Callable[[Row], Any]) -> PowerLaw | None:
    """The law through the median at each size."""
    values: dict[int, list[float]] = {}
    for row in rows:
        value = of(row)
        if row["train_size"] >= FROM and value is not None:
            values.setdefault(row["train_size"], []).append(value)
    return fit_power((size, median(found_there)) for size, found_there in values.items())


def _measures(model: str, fit: str | None) -> list[tuple[str, Callable[[Row], Any]]]:
    memory = (MEMORY, _memory)
    if model != "svm":
        return [("seconds an epoch", lambda r: r["epoch_s"]), memory]
    if fit is not None and fit.startswith("grid"):
        return [(f"seconds of the {fit}", lambda r: r["search_s"]), memory]
    return [
        ("seconds of one fit", lambda r: r["train_s"]),
        ("seconds to predict the test images", lambda r: r["predict_s"]),
        memory,
    ]


def _memory(row: Row) -> float | None:
    if row["peak_mb"] is None or row["start_mb"] is None:
        return None
    return float(row["peak_mb"] - row["start_mb"])
