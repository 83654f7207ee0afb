"""Made-up records that are sound: their keys are those of their specifications, their figures agree."""

from dataclasses import asdict

import numpy as np

from bench.measure.snapshot import confusion, snapshot
from bench.plan.spec import CHOSEN, MEASUREMENT_VERSION, CellSpec

TESTED = 3_000
LABELS = (np.arange(TESTED) % 17).astype(np.uint8)
FINGERPRINT = "f" * 64


def hits(accuracy, seed, spread=0.0):
    """(3000,) bool: the same images are hard for every seed, up to a little noise."""
    hard = np.random.default_rng(9).random(TESTED)
    rng = np.random.default_rng(seed)
    return hard + rng.normal(0, 0.05, TESTED) < accuracy + spread * rng.normal()


def network(model, right, *, seed=0, epochs=3, train_size=7_000, evaluated=None, **more):
    """`right` is hits at the last epoch; `evaluated` those at earlier ones, by epoch."""
    spec = CellSpec(
        model=model, train_size=train_size, seed=seed, batch_size=more.pop("batch_size", 16), epochs=epochs,
        evaluate_at=tuple(sorted(evaluated or {})),
        **{name: more.pop(name) for name in ("protocol", "images", "classes") if name in more},
    )  # fmt: skip
    stopped = more.pop("stopped_at", None)
    found = dict(evaluated or {}) | {stopped or epochs: right}
    shares = {e: float(r.mean()) for e, r in found.items()}
    rising = [0.99 - 0.5 / e for e in range(1, epochs + 1)]
    history = {
        "epoch": list(range(1, epochs + 1)),
        "train_accuracy": more.pop("train_accuracy", rising),
        "train_loss": [1.0 / e for e in range(1, epochs + 1)],
        "test_accuracy": [shares.get(e) for e in range(1, epochs + 1)],
        "test_loss": more.pop(
            "test_loss", [1 - shares[e] if e in shares else None for e in range(1, epochs + 1)]
        ),
    }
    return _record(spec, right, found) | {
        "history": history,
        "stopped_at": stopped,
        "parameters": {"mlp": 4_197, "cnn": 158_385}[model],
        "layers": [{"name": "output", "shapes": {"kernel": [17, 10]}, "parameters": 170}],
        "times": {"train_s": (0.1 + 0.001 * seed) * epochs, "epoch_s": 0.1 + 0.001 * seed, "predict_s": 0.1},
    } | more  # fmt: skip


def svm(right, *, seed=0, train_size=7_000, fit=CHOSEN, **more):
    """An SVM whose hits are `right`."""
    spec = CellSpec(
        model="svm", train_size=train_size, seed=seed, fit=fit,
        **{name: more.pop(name) for name in ("protocol", "images", "classes") if name in more},
    )  # fmt: skip
    return _record(spec, right, {"last": right}) | {
        "history": None, "stopped_at": None, "parameters": 9, "search": {"best_score": 0.5},
        "times": {"train_s": 1.0 + 0.01 * seed, "search_s": 30.0 + seed, "predict_s": 0.1},
    } | more  # fmt: skip


def _record(spec, right, found):
    labels = LABELS[: len(right)]
    blank = np.zeros((len(right), 400), np.uint8)

    def read(right):
        return np.where(right, labels, (labels + 1) % 17).astype(np.uint8)

    def sure(right):
        return None if spec.model == "svm" else np.where(right, 0.97, 0.64)

    header = {k: v for k, v in asdict(spec).items() if k not in ("evaluate_at", "grid")}
    return header | {
        "key": spec.key(FINGERPRINT), "spec": asdict(spec), "measurement_version": MEASUREMENT_VERSION,
        "status": "done", "error": None, "params": {}, "device": "cpu", "machine": "m", "commit": "c",
        "timing_clean": True, "data": {"name": "made-up", "fingerprint": FINGERPRINT},
        "metrics": {
            "test_accuracy": float(right.mean()), "test_loss": 0.5, "train_accuracy": 0.9,
            "train_loss": 0.1,
        },
        "confusion": confusion(labels, read(right)).tolist(),
        "snapshots": {
            str(epoch): snapshot(blank, labels, read(r), sure(r), mistakes_kept=3)
            for epoch, r in found.items()
        },
    }  # fmt: skip
