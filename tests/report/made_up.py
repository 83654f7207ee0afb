"""A results folder of a whole made-up run, whose data set has a name that would do harm unescaped."""

from analyse.whole_run import run

from bench.store import Store

NAME = '<script>alert("hi")</script>|*`'


def save_run(folder, records=None, **data):
    """Store the records and a manifest of them; returns the store."""
    records = run() if records is None else records
    store = Store(folder)
    for record in records:
        store.put(record)
    store.put_manifest(manifest([r["key"] for r in records], **data))
    return store


def manifest(keys, **data):
    return {
        "suite": "full", "cells": keys, "labels": {key: f"cell {key[:6]}" for key in keys},
        "left_out": ["svm: 10,000 images left out"],
        "data": {
            "name": NAME, "origin": "made up", "licence": "none", "synthetic": False, "images": 10_000,
            "train": 7_000, "test": 3_000, "fingerprint": "f" * 64, "class_counts": [588] * 17,
            "missing_classes": [], **data,
        },
        "environment": {
            "processor": "p", "cores": 2, "memory_gb": 1.0, "system": "s", "python": "3",
            "packages": {"jax": "1"}, "commit": "c", "variables": {},
        },
        "command": "python run_benchmarks.py --suite full",
    }  # fmt: skip
