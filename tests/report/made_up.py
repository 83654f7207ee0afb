"""Results folders of made-up runs, whose data set has a name that would do harm unescaped."""

from dataclasses import replace

import numpy as np
from analyse.runs import folder_of, runs_of, with_data
from analyse.sound import but, correct, network
from analyse.whole_run import run
from hexbench.data.dataset import Subset
from hexbench.plan.cell import Cell
from hexbench.report.slices import Slices
from hexbench.report.write import write_report
from hexbench.store.manifest import ModelFacts
from hexbench.store.record import LAST, Mistake, Times
from hexbench.store.store import Store
from hexbench.study import load

NAME = '<script>alert("hi")</script>|*`'
STUDY = load("digit_recognizer")
PLAIN = replace(STUDY, title="Plain", module=None, content={})
"""A study that claims nothing and shows nothing."""
FOREST = ModelFacts("Forêt <1>", {"n_estimators": 100, "max_depth": None, "criterion": "gini"})


def with_mistakes(record, shape=(20, 20)):
    """The record with three mistakes at its end, as a model that knows its confidence has them."""
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8).tobytes()
    kept = [Mistake(0, label, 0.9, pixels) for label in (1, 2, 3)]
    last = but(record.snapshots[record.last], mistakes=kept)
    return but(record, snapshots={**record.snapshots, record.last: last})


def whole_run():
    """Records of a whole run."""
    return [with_mistakes(record) for record in run()]


def save_run(folder, records=None, models=None, **data):
    """Store the records and a manifest of them; returns the store."""
    records = whole_run() if records is None else records
    return Store(folder_of(folder, records, data=with_data(**{"name": NAME} | data), models=models))


def reported(folder, records=None, study=PLAIN, **more):
    """The folder of a run with its report."""
    store = save_run(folder, records, **more)
    write_report(store, study)
    return store.folder


def slices_of(records, **more):
    """The records as tables and figures have them."""
    return Slices(runs_of(records, **more))


def forest(seed=0, accuracy=0.8, *, train_size=7_000, seconds=1.0, **params):
    """A record of a model that hexbench has never heard of."""
    params = dict(FOREST.defaults) | params
    of = Cell(model="forest", params=params, subset=Subset(train_size), split=42, test_size=0.3, seed=seed)
    record = network("mlp", correct(accuracy, seed))
    return but(
        record,
        **{name: getattr(of, name) for name in Cell.__struct_fields__},
        key=of.key_on(record.data.fingerprint),
        epochs=None,
        history=None,
        snapshots={LAST: but(record.snapshots["3"], calibration=None)},
        times=Times(train_s=seconds, predict_s=0.1),
        layers=(),
    )
