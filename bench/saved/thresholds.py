"""Above which probability an answer counts: chosen on training images that the model was not fitted on."""

from math import ceil

import numpy as np
from hexbench.analyse.intervals import Estimate, proportion
from hexbench.data.dataset import Dataset, stratified_order
from hexbench.measure.cell import make_model
from hexbench.measure.fields import labelled
from hexbench.models import Entry
from hexbench.plan.cell import ORDER, Cell
from msgspec import Struct

HELD_OUT = 0.2
"""Of the training images."""
ERRORS = 0.01
"""Among the accepted answers, at most."""
ACCEPTED = 0.5
"""Of the answers, at least."""
CALIBRATION = 6
"""The random stream of the draw."""


class Threshold(Struct, frozen=True):
    """The least probability of an answer, and what it gave on images that were held out."""

    probability: float
    images: int
    """Held out."""
    accepted: int
    """Of these, with at least that probability."""
    wrong: int
    """Of the accepted."""
    all_wrong: int
    """Of all that were held out."""

    @property
    def error(self) -> Estimate:
        """The share of the accepted answers that are wrong, with its 95% interval."""
        return proportion(self.wrong, self.accepted)


def calibrate(
    cell: Cell, data: Dataset, entry: Entry, rows: np.ndarray, epochs: int | None
) -> Threshold | None:
    """The threshold of a model like that of `cell`, fitted on 80% of the training images `rows` (n,).

    `epochs` is how many it is trained for, where early stopping chose that. None for a model without
    probabilities. Raises whatever the training raises.
    """
    params = cell.params if epochs is None else cell.params | {"epochs": epochs}
    model = make_model(entry, params, cell.seed_of(ORDER))
    if not entry.probabilities or not hasattr(model, "predict_proba"):
        return None
    rng = np.random.default_rng([cell.seed, CALIBRATION])
    order = rows[stratified_order(data.labels[rows], rng)]
    kept = len(rows) - max(1, round(HELD_OUT * len(rows)))
    images, labels = labelled(data, entry, order[:kept])
    more = {"classes": range(data.classes)} if entry.learning_curve else {}
    model.fit(images, labels, **more)
    asked, truth = labelled(data, entry, order[kept:])
    shares = np.asarray(model.predict_proba(asked))
    predicted = np.asarray(model.classes_)[shares.argmax(axis=1)]
    return choose(shares.max(axis=1), predicted == truth)


def choose(confidence: np.ndarray, correct: np.ndarray) -> Threshold:
    """The lowest threshold at which at most ERRORS of the accepted answers (n,) are wrong.

    Where it would accept fewer than ACCEPTED of them, that many are accepted, whatever their errors.
    """
    order = np.argsort(-confidence, kind="stable")
    confidence, wrong = confidence[order], np.cumsum(~correct[order])
    ends = np.flatnonzero(np.append(confidence[1:] < confidence[:-1], True))  # equal ones go together
    fine = [end for end in ends if end + 1 >= ACCEPTED * len(order) and wrong[end] <= ERRORS * (end + 1)]
    last = max(fine, default=min(end for end in ends if end + 1 >= ceil(ACCEPTED * len(order))))
    return Threshold(
        probability=float(confidence[last]),
        images=len(order),
        accepted=int(last) + 1,
        wrong=int(wrong[last]),
        all_wrong=int(wrong[-1]),
    )
