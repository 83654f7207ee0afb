"""How time and memory grow with the number of training images: fitted exponents with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, log

import numpy as np
from hexbench.analyse.intervals import CONFIDENCE, Estimate
from hexbench.analyse.runs import Runs
from hexbench.plan.cell import Value
from hexbench.store.record import Done

FEWEST_SIZES = 3
FROM = 200
"""Training images: with fewer, fixed costs hide how time grows."""
MEMORY = "memory_mb"
"""Above the start of the measurement."""
KNOWN = 1.0
"""The exponent of memory is told where its interval is narrower: small cells need hardly any."""


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent, by least squares on the logarithms."""

    exponent: float
    low: float
    high: float
    """The interval of the exponent, by Student's t with n - 2 degrees of freedom."""
    factor: float
    points: list[tuple[float, float]]

    def __call__(self, x: float) -> float:
        """The fitted y at x."""
        return float(self.factor * x**self.exponent)

    @property
    def estimate(self) -> Estimate:
        """The exponent with its interval."""
        return Estimate(self.exponent, self.low, self.high)

    def predicted(self, x: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The interval in which one more y at x is expected, by least squares on the logarithms."""
        from statsmodels.regression.linear_model import OLS

        at, y = (np.log([point[i] for point in self.points]) for i in (0, 1))
        fitted = OLS(y, np.column_stack([np.ones_like(at), at])).fit()
        around = fitted.get_prediction([[1.0, log(x)]]).conf_int(obs=True, alpha=1 - confidence)
        low, high = np.exp(around)[0]
        return float(low), float(high)


@dataclass(frozen=True)
class Growth:
    """What of a model grows with the number of training images, and how."""

    model: str
    params: tuple[tuple[str, Value], ...]
    """Its hyperparameters but the number of epochs, and but those that a search chose."""
    params_from: str | None
    what: str
    """The name of a time, or MEMORY."""
    law: PowerLaw
    clean: bool
    """Whether every run behind it had the machine, one and the same, to itself."""


def fit_power(points: Iterable[tuple[float, float]], confidence: float = CONFIDENCE) -> PowerLaw | None:
    """The power law through (x, y) points; None with fewer than three different x."""
    from scipy.stats import linregress, t

    points = sorted((x, y) for x, y in points if x > 0 and y > 0)
    if len({x for x, _ in points}) < FEWEST_SIZES:
        return None
    line = linregress([log(x) for x, _ in points], [log(y) for _, y in points])
    reach = float(t.ppf((1 + confidence) / 2, len(points) - 2) * line.stderr)
    slope = float(line.slope)
    return PowerLaw(slope, slope - reach, slope + reach, exp(float(line.intercept)), points)


def law_of(
    records: Iterable[Done], what: str, confidence: float = CONFIDENCE
) -> tuple[PowerLaw | None, bool]:
    """The law through all runs, and whether it rests on clean ones alone.

    Clean runs, of one machine, had that to themselves; they alone are used where they have three sizes.
    """
    records = list(records)
    clean = [record for record in records if record.timing_clean]
    by_clean = fit_power(_points(clean, what), confidence)
    machines = {(record.environment.machine, record.device) for record in clean}
    law = by_clean or fit_power(_points(records, what), confidence)
    return law, by_clean is not None and len(machines) == 1


def growths(runs: Runs) -> list[Growth]:
    """Every law that the cells on all classes have sizes for; each cell counts once."""
    alike: dict[tuple[str, tuple[tuple[str, Value], ...], str | None], list[Done]] = {}
    for setting, records in runs.cells.items():
        if setting.subset.classes is None:
            key = (setting.model, setting.params, setting.params_from)
            alike.setdefault(key, []).extend(records)
    found = []
    for key, records in alike.items():
        for what in (*_times_of(runs, key[0]), MEMORY):
            law, clean = law_of(records, what)
            if law is not None and (what != MEMORY or law.high - law.low < KNOWN):
                found.append(Growth(*key, what, law, clean))
    return found


def _times_of(runs: Runs, model: str) -> tuple[str, ...]:
    """The times that tell how a model's cost grows."""
    facts = runs.facts(model)
    if facts.learning_curve:
        return ("epoch_s",)
    return ("search_s",) if facts.searches else ("train_s", "predict_s")


def _points(records: Iterable[Done], what: str) -> list[tuple[float, float]]:
    """(training images, value) of each run that has one."""
    of: Callable[[Done], float | None] = _memory if what == MEMORY else lambda r: getattr(r.times, what)
    found = [(record.train_size, of(record)) for record in records if record.train_size >= FROM]
    return [(size, value) for size, value in found if value is not None]


def _memory(record: Done) -> float | None:
    peak, start = record.memory.peak_mb, record.memory.start_mb
    return None if peak is None or start is None else peak - start
