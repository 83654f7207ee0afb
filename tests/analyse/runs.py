"""Made-up runs of sound records, as analysis sees them and as a results folder has them."""

import msgspec
import numpy as np
from analyse.sound import FINGERPRINT, TESTED, correct, network
from hexbench.analyse.compare import Run
from hexbench.analyse.runs import Runs
from hexbench.models import entries
from hexbench.store.manifest import DataFacts, Manifest, ModelFacts, SplitFacts
from hexbench.store.record import Environment
from hexbench.store.store import Store

DATA = DataFacts(
    name="made-up",
    origin="made up",
    licence="none",
    synthetic=False,
    images=7_000 + TESTED,
    train=7_000,
    test=TESTED,
    fingerprint=FINGERPRINT,
    shape=(20, 20),
    pixel_max=255,
    class_names=[*"0123456789ABCDEF", "empty"],
    class_counts=[60] * 17,
)


def manifest_of(records, *, data=DATA, models=None, study="digit_recognizer", **environment):
    keys = [record.key for record in records]
    return Manifest(
        study=study,
        suite="made-up",
        cells=keys,
        labels={key: f"cell {key[:8]}" for key in keys},
        left_out=[],
        models={name: ModelFacts.of(entry) for name, entry in entries().items()} | (models or {}),
        own_models=[],
        data=data,
        split=SplitFacts(42, 0.3),
        environment=Environment(
            **{
                "python": "3",
                "system": "s",
                "processor": "p",
                "cores": 2,
                "usable_cores": 2,
                "memory_gb": 1.0,
                "packages": {"jax": "0.10"},
            }
            | environment
        ),
        command="python run_benchmarks.py",
    )


def runs_of(records, **more):
    """As rules, tables and figures see them."""
    return Runs.of(manifest_of(records, **more), records)


def run_of(records, name="run", **more):
    """As `compare` sees them."""
    return Run.of(name, manifest_of(records, **more), records)


def folder_of(path, records, **more):
    """A results folder with these records, all that were planned."""
    store = Store(path)
    store.put_manifest(manifest_of(records, **more))
    for record in records:
        store.put(record)
    return path


def dropped(right, share, seed=0):
    """The same with a share of all images classified wrongly that were classified correctly."""
    lost = right.copy()
    rng = np.random.default_rng(seed)
    lost[rng.choice(np.flatnonzero(right), round(share * len(right)), replace=False)] = False
    return lost


def cnns(seeds, accuracy=0.95, drop=0.0, **more):
    """A CNN of each seed on all images; `drop` is taken from the same seeds' correct images."""
    return [network("cnn", dropped(correct(accuracy, seed), drop, seed), seed=seed, **more) for seed in seeds]


def with_data(**changes):
    """The made-up data with other facts."""
    return msgspec.structs.replace(DATA, **changes)
