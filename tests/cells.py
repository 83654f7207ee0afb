"""Cells as suites make them, and made-up records that are sound."""

import msgspec
import numpy as np
from hexbench.data.dataset import Split, Subset
from hexbench.measure.snapshot import confusion, snapshot
from hexbench.models import entries
from hexbench.plan.cell import Cell
from hexbench.plan.cost import Expectation
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images
from hexbench.store.manifest import DataFacts, Manifest, ModelFacts, SplitFacts
from hexbench.store.record import (
    LAST,
    DataName,
    Done,
    Environment,
    Failed,
    History,
    Metrics,
    Search,
    Times,
)
from hexbench.store.store import Store
from hexbench.studies.digit_recognizer.data.ground import CLASS_NAMES

TESTED = 3_000
CLASSES = 17
FINGERPRINT = "f" * 64
ENVIRONMENT = Environment(python="3", system="s", processor="p", cores=2, usable_cores=2)

SMALL = {"epochs": 1, "max_iter": 100, "max_leaf_nodes": 3, "n_estimators": 5, "n_components": 20, "folds": 2}


def small(entry):
    """Hyperparameters with which a model is fitted in a moment."""
    params = {key: value for key, value in SMALL.items() if key in entry.defaults}
    if "channels" in entry.defaults:
        params["channels"] = (4,) * len(entry.defaults["channels"])
    return params | ({"C": [1.0], "gamma": [0.1], "kernel": ["rbf"]} if entry.searches else {})


def cell(
    model="mlp",
    train_size=100,
    *,
    seed=0,
    images=None,
    held_out=0,
    classes=None,
    split=42,
    test_size=0.3,
    evaluate_at=(),
    snapshot_at=None,
    params_from=None,
    **params,
):
    """A cell; `images` instead of `train_size` are split anew, `params_from` is a search's cell."""
    known = entries()[model].defaults
    assert params.keys() <= known.keys(), params
    if params_from is not None:
        searched = entries()[params_from.model].searches
        known = {name: value for name, value in known.items() if name not in searched}
    return Cell(
        model=model,
        params=dict(known) | params,
        subset=Subset(images or train_size, held_out, images is not None, classes),
        split=split,
        test_size=test_size,
        seed=seed,
        evaluate_at=evaluate_at,
        snapshot_at=evaluate_at if snapshot_at is None else snapshot_at,
        params_from=None if params_from is None else params_from.identity,
    )


def correct(accuracy, seed=0, tested=TESTED):
    """(tested,) bool: which test images a made-up model classifies correctly."""
    hard = np.random.default_rng(9).random(tested)
    return hard + np.random.default_rng(seed).normal(0, 0.05, tested) < accuracy


def done(of, right, evaluated=None, *, fingerprint=FINGERPRINT, **more):
    """The record of the cell `of`, `right` (n,) bool at its end and `evaluated` at earlier epochs."""
    labels = (np.arange(len(right)) % CLASSES).astype(np.uint8)
    epochs = of.planned_epochs
    found = {**(evaluated or {}), epochs: right}
    curve = range(1, (epochs or 0) + 1)
    history = History(
        epoch=list(curve),
        train_loss=[1 / e for e in curve],
        train_accuracy=[0.99 - 0.5 / e for e in curve],
        test_loss=[1 - float(found[e].mean()) if e in found else None for e in curve],
        test_accuracy=[float(found[e].mean()) if e in found else None for e in curve],
    )

    def matrix(right):
        predicted = np.where(right, labels, (labels + 1) % CLASSES).astype(np.uint8)
        return confusion(labels, predicted, CLASSES)

    snapshots = {
        str(epoch or LAST): snapshot(
            hit, np.where(hit, 0.97, 0.64), None if epoch == epochs else matrix(hit), []
        )
        for epoch, hit in found.items()
    }
    fields = {
        "epochs": epochs,
        "parameters": 9,
        "metrics": Metrics(float(right.mean()), 0.5, 0.9, 0.1),
        "confusion": matrix(right),
        "snapshots": snapshots,
        "times": Times(train_s=1.0, predict_s=0.1),
        "history": None if epochs is None else history,
        "timing_clean": True,
        "search": Search(0.5) if entries()[of.model].searches else None,
    }
    return Done(**_header(of, fingerprint) | fields | more)


def failed(of, error="ValueError: no", *, fingerprint=FINGERPRINT):
    """The record of a failure."""
    return Failed(**_header(of, fingerprint), epochs=of.planned_epochs, error=error)


def manifest(keys, labels=None, **changes):
    """A manifest of the cells with these keys; `changes` are fields of it or of its data."""
    data = DataFacts(
        name="made-up",
        origin="made up",
        licence="none",
        synthetic=False,
        images=10_000,
        train=7_000,
        test=TESTED,
        fingerprint=FINGERPRINT,
        shape=(20, 20),
        pixel_max=255,
        class_names=list(CLASS_NAMES),
        class_counts=[588] * CLASSES,
    )
    about_data = {name: changes.pop(name) for name in DataFacts.__struct_fields__ if name in changes}
    found = Manifest(
        study="digit_recognizer",
        suite="made-up",
        cells=list(keys),
        labels=labels or {key: f"cell {key[:6]}" for key in keys},
        left_out=[],
        models={name: ModelFacts.of(entry) for name, entry in entries().items()},
        own_models=[],
        data=msgspec.structs.replace(data, **about_data),
        split=SplitFacts(42, 0.3),
        environment=ENVIRONMENT,
        command="python run_benchmarks.py",
    )
    return msgspec.structs.replace(found, **changes)


def save_run(folder, records, **changes):
    """A results folder with these records, all that were planned."""
    store = Store(folder)
    for record in records:
        store.put(record)
    store.put_manifest(manifest([record.key for record in records], **changes))
    return store


def expectation_of(data, own_models=()):
    """How long cells on these data take."""
    count, split = len(data.images), Split()
    return Expectation(Images(count, split, split.tested(count)), known_models(own_models))


def _header(of, fingerprint):
    return {name: getattr(of, name) for name in Cell.__struct_fields__} | {
        "key": of.key_on(fingerprint),
        "data": DataName("made-up", fingerprint),
        "environment": ENVIRONMENT,
        "device": "cpu",
    }
