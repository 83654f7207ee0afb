"""Made-up records that are sound: their keys are those of their cells, their figures agree."""

import msgspec
import numpy as np
from cells import ENVIRONMENT, FINGERPRINT, cell, done, failed
from hexbench.models import entries
from hexbench.store.record import Layer, Search, Times, packed_losses

TESTED = 3_000
PARAMETERS = {"mlp": 4_197, "cnn": 158_385}
CHOSEN = {"C": 10, "gamma": 0.1, "kernel": "rbf"}
GRID = cell("svm_grid", images=10_000)
"""The largest search, which chooses the hyperparameters of the SVMs."""
__all__ = ("FINGERPRINT", "GRID", "TESTED", "broken", "but", "correct", "grid", "network", "svm")


def correct(accuracy, seed, spread=0.0):
    """(3000,) bool: the same images are hard for every seed, up to a little noise."""
    hard = np.random.default_rng(9).random(TESTED)
    rng = np.random.default_rng(seed)
    return hard + rng.normal(0, 0.05, TESTED) < accuracy + spread * rng.normal()


def but(record, **fields):
    """The record with other fields."""
    return msgspec.structs.replace(record, **fields)


def broken(record):
    """The record of the same cell, had it failed."""
    of = {name: getattr(record, name) for name in type(cell()).__struct_fields__}
    params = {name: v for name, v in record.params.items() if name not in record.chosen}
    return failed(type(cell())(**of | {"params": params}), fingerprint=record.data.fingerprint)


def network(
    model,
    right,
    *,
    seed=0,
    epochs=3,
    train_size=7_000,
    evaluated=None,
    stopped_at=None,
    held_out=0,
    classes=None,
    train_accuracy=None,
    test_loss=None,
    times=None,
    machine="p",
    device="cpu",
    timing_clean=True,
    split=42,
    losses=None,
    **params,
):
    """`right` is correct at the last epoch, or at `stopped_at`; `evaluated` at earlier ones, by epoch."""
    evaluated = evaluated or {}
    of = cell(
        model,
        train_size,
        seed=seed,
        held_out=held_out,
        classes=classes,
        evaluate_at=tuple(sorted(evaluated)),
        epochs=epochs,
        split=split,
        **params,
    )
    record = done(of, right, evaluated)
    history = record.history
    if train_accuracy:
        history = but(history, train_accuracy=train_accuracy)
    if test_loss:
        history = but(history, test_loss=test_loss)
    if stopped_at:
        accuracy = [None] * epochs
        accuracy[stopped_at - 1] = record.metrics.test_accuracy
        loss = [None if a is None else 1 - a for a in accuracy]
        history = but(history, test_accuracy=accuracy, test_loss=loss)
        record = but(record, snapshots={str(stopped_at): record.snapshots[str(epochs)]})
    if losses:
        kept = {
            name: but(one, losses=packed_losses(losses[int(name)])) if int(name) in losses else one
            for name, one in record.snapshots.items()
        }
        record = but(record, snapshots=kept)
    seconds = {"train_s": (0.1 + 0.001 * seed) * epochs, "epoch_s": 0.1 + 0.001 * seed, "predict_s": 0.1}
    return but(
        record,
        history=history,
        stopped_at=stopped_at,
        parameters=PARAMETERS[model],
        layers=[Layer("output", {"kernel": [17, 10]}, 170)],
        times=Times(**seconds | (times or {})),
        environment=but(ENVIRONMENT, processor=machine),
        device=device,
        timing_clean=timing_clean,
    )


def svm(
    right, *, seed=0, train_size=7_000, classes=None, times=None, timing_clean=True, source=GRID, split=42
):
    """An SVM with the hyperparameters of a search."""
    of = cell("svm", train_size, seed=seed, classes=classes, params_from=source, split=split)
    record = done(of, right)
    seconds = {"train_s": 1.0 + 0.01 * seed, "predict_s": 0.1} | (times or {})
    return but(
        record,
        params=dict(entries()["svm"].defaults) | CHOSEN,
        chosen=tuple(CHOSEN),
        snapshots=_unsure(record),
        times=Times(**seconds),
        timing_clean=timing_clean,
    )


def grid(right, *, seed=0, train_size=7_000, times=None, timing_clean=True, **cell_fields):
    """A grid search, on `train_size` images or on `images` that are split again."""
    record = done(cell("svm_grid", train_size, seed=seed, **cell_fields), right)
    seconds = {"train_s": 1.0 + 0.01 * seed, "search_s": 30.0 + seed, "predict_s": 0.1} | (times or {})
    return but(
        record,
        snapshots=_unsure(record),
        search=Search(0.5, "", 5, [CHOSEN], [0.5]),
        times=Times(**seconds),
        timing_clean=timing_clean,
    )


def _unsure(record):
    """The snapshots of a model without probabilities."""
    return {name: but(kept, calibration=None) for name, kept in record.snapshots.items()}
