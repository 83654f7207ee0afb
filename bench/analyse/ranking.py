"""Ranks models by test accuracy, with intervals, and beside the best of them.

Which model is the best is seen in the same test images that it is compared on, so that the intervals hold
for all pairs of models at once (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import ANY, Group, Selection, Setting
from hexbench.analyse.intervals import CONFIDENCE, Estimate
from hexbench.analyse.quantities import Case, Part, Quantity
from hexbench.analyse.runs import Runs
from hexbench.analyse.size_rules import images_needed

METRIC, SIZE = "test_accuracy", "train_size"


@dataclass(frozen=True)
class Rank:
    """A model among others."""

    setting: Setting
    group: Group
    accuracy: Estimate
    """With its 95% interval."""
    behind: Estimate | None
    """Accuracy of the best less its own; intervals of all pairs hold together. None of the best itself."""
    images: Estimate | None
    """Training images needed for the accuracy `reach`; 0 or infinity beyond the measured sizes. None if
    there are not two sizes."""
    smallest: int
    """Training images that it was measured with at the least."""

    @property
    def is_behind(self) -> bool:
        """Whether the best is shown to be better."""
        return self.behind is not None and self.behind.low > 0


@dataclass(frozen=True)
class Ranking:
    """Models, the most accurate first."""

    ranks: list[Rank]
    reach: float
    """The accuracy that all of them reach, rounded down to a percent."""


def ranking(runs: Runs, settings: Mapping[str, Setting], groups: Mapping[Setting, Group]) -> Ranking | None:
    """The ranking of one setting a model, of those on the whole test part; None unless there are several.

    They have the same training images: the largest set that there is.
    """
    kept = {s: groups[s] for s in settings.values() if on_study_test(s, runs) and groups[s].correct}
    largest = max((s.subset.size for s in kept), default=0)
    among = {s: group for s, group in kept.items() if s.subset.size == largest}
    if len(among) < 2:
        return None
    spreads = {s: _spread(runs, s, g) for s, g in among.items()}
    found = {s: intervals.accuracy(np.array(g.correct), CONFIDENCE, spreads[s]) for s, g in among.items()}
    order = sorted(among, key=lambda s: -found[s].value)
    pairs = len(order) * (len(order) - 1) // 2
    level = 1 - (1 - CONFIDENCE) / pairs
    best, reach = order[0], floor(100 * min(e.value for e in found.values())) / 100

    def behind(setting: Setting) -> Estimate | None:
        if setting == best:
            return None
        sides = np.array(among[best].correct), np.array(among[setting].correct)
        return intervals.difference(*sides, level, (spreads[best], spreads[setting]))

    def rank(setting: Setting) -> Rank:
        smallest = min((largest, *runs.varied(_selection(setting), SIZE)))
        needed = _needed(runs, setting, reach)
        return Rank(setting, among[setting], found[setting], behind(setting), needed, smallest)

    return Ranking([rank(setting) for setting in order], reach)


def on_study_test(setting: Setting, runs: Runs) -> bool:
    """Whether it was tested on the whole test part of the study's own split."""
    study = runs.manifest.split
    own = (setting.split, setting.test_size) == (study.split, study.test_size)
    return own and not setting.subset.resplit and setting.subset.classes is None


def _spread(runs: Runs, setting: Setting, group: Group) -> intervals.Spread | None:
    """How much seeds differ, as all settings of the model tell; None where they do not on these images."""
    prior = None if runs.is_fixed(group) else runs.priors[setting.model]
    return prior and prior.at(float(np.mean(group.metric(METRIC))))


def _selection(setting: Setting) -> Selection:
    return Selection(setting.model, {SIZE: ANY})


def _needed(runs: Runs, setting: Setting, reach: float) -> Estimate | None:
    part = Part("images_needed", "of", (Quantity(METRIC, _selection(setting)),))
    return images_needed(Case(part, runs, CONFIDENCE), reach=reach).found
