"""Made-up records, as short as the analysis lets them be."""


def network(model, accuracy, *, epochs=3, seed=0, train_size=700, batch_size=16, evaluated=()):
    """`accuracy` after the last epoch; one point less for each epoch before it."""
    at = {*evaluated, epochs}
    curve = [accuracy - 0.01 * (epochs - e) for e in range(1, epochs + 1)]
    tested = [a if e in at else None for e, a in enumerate(curve, start=1)]
    return {
        "key": f"{model}-{train_size}-{batch_size}-{seed}", "status": "done", "model": model,
        "protocol": "nested", "fit": None, "images": None, "classes": None,
        "stopped_at": None, "train_size": train_size,
        "batch_size": batch_size, "epochs": epochs, "seed": seed, "params": {},
        "confusion": [[150, 50], [50, 50]],
        "data": {"name": "made-up", "fingerprint": "f"}, "parameters": 5,
        "metrics": {"test_accuracy": accuracy, "test_loss": 0.5, "train_accuracy": accuracy},
        "history": {
            "epoch": list(range(1, epochs + 1)), "train_loss": [1 - a for a in curve],
            "train_accuracy": curve, "test_accuracy": tested,
            "test_loss": [None if t is None else 1 - t for t in tested],
        },
        "times": {"compile_s": 1.0, "train_s": 2.0 * epochs, "epoch_s": 2.0, "predict_s": 0.1},
        "spec": {"epochs": epochs, "evaluate_at": sorted(at - {epochs})},
        "device": "cpu", "machine": "m", "commit": "c", "timing_clean": True, "error": None, "snapshots": {},
    }  # fmt: skip


def svm(accuracy, *, seed=0, train_size=700, protocol="nested", images=None, fit="chosen"):
    return {
        **network("svm", accuracy, seed=seed, train_size=train_size),
        "key": f"svm-{protocol}-{train_size}-{seed}", "protocol": protocol, "images": images,
        "fit": fit, "spec": {"epochs": None, "evaluate_at": []}, "batch_size": None, "epochs": None,
        "history": None, "params": {"C": 10, "kernel": "rbf"}, "search": {"best_score": 0.5},
        "times": {"search_s": 9.0, "train_s": 1.0, "predict_s": 0.2},
    }  # fmt: skip


def broken(record):
    return {
        **record, "status": "failed", "metrics": {}, "times": {}, "history": None, "params": None,
        "parameters": None, "error": "ValueError: no", "timing_clean": None,
    }  # fmt: skip
