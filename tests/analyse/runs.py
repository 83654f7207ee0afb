"""Made-up runs of sound records, as compare sees them and as a results folder has them."""

import numpy as np
from analyse.sound import FINGERPRINT, TESTED, hits, network

from bench.analyse.compare import Run
from bench.store import Store


def manifest_of(records, **environment):
    keys = [record["key"] for record in records]
    return {
        "suite": "made-up", "cells": keys, "labels": {key: f"cell {key[:8]}" for key in keys}, "left_out": [],
        "data": {
            "name": "made-up", "origin": "made up", "licence": "none", "synthetic": False,
            "images": 7_000 + TESTED, "train": 7_000, "test": TESTED, "fingerprint": FINGERPRINT,
            "class_counts": [60] * 17, "missing_classes": [],
        },
        "environment": {
            "processor": "p", "cores": 2, "memory_gb": 1.0, "system": "s", "python": "3",
            "packages": {"jax": "0.10"}, "commit": None, "variables": {},
        } | environment,
        "command": "python run_benchmarks.py",
    }  # fmt: skip


def run_of(records, name="run", **environment):
    return Run.of(name, manifest_of(records, **environment), records)


def folder_of(path, records, **environment):
    """A results folder with these records, all that were planned."""
    store = Store(path)
    store.put_manifest(manifest_of(records, **environment))
    for record in records:
        store.put(record)
    return path


def dropped(right, share, seed=0):
    """The hits with a share of all images read wrongly that were read rightly."""
    lost = right.copy()
    rng = np.random.default_rng(seed)
    lost[rng.choice(np.flatnonzero(right), round(share * len(right)), replace=False)] = False
    return lost


def cnns(seeds, accuracy=0.95, drop=0.0, **more):
    """A CNN of each seed on all images; `drop` is taken from the same seeds' hits."""
    return [
        network("cnn", dropped(hits(accuracy, seed), drop, seed), seed=seed, **more)
        for seed in seeds
    ]
