"""A whole run of made-up, sound records: every model at the points that claims and figures ask for."""

import numpy as np
from analyse.sound import hits, network, svm

from bench.plan.spec import GRID, GRID_WITH_PROBABILITY

CNN, MLP, SVM = 0.95, 0.82, 0.92


def run(cnn=CNN, mlp=MLP, machine=SVM, seeds=3, draws=60):
    """Records of a whole run, every model at its points."""
    records = [svm(hits(machine, 98), times={"train_s": 0.001 * 7_000**1.8, "predict_s": 0.1})]
    for seed in range(seeds):
        loss = [1.0 if e == 3 else 2.0 + 0.1 * seed if e == 15 else None for e in range(1, 51)]
        records += [
            network("cnn", hits(cnn, seed), seed=seed, epochs=50, test_loss=loss,
                    evaluated={3: hits(cnn, 10 + seed), 15: hits(cnn, 20 + seed)}),
            network("cnn", hits(cnn - 0.05, 97), seed=seed, batch_size=64),
            network("mlp", hits(mlp, 30 + seed), seed=seed, epochs=50, train_accuracy=_rising(0.84),
                    evaluated={5: hits(mlp - 0.1, 40 + seed)},
                    times={"train_s": 1.0 + 0.01 * seed, "epoch_s": 0.02 + 0.001 * seed, "predict_s": 0.1}),
        ]  # fmt: skip
        for size, lower in ((100, 0.3), (300, 0.2), (1_000, 0.1), (7_000, 0.0)):
            shared = {"protocol": "validated", "images": size, "train_size": size - size // 5}
            records += [
                network("cnn", hits(cnn - lower, 50 + seed), seed=seed, epochs=9, stopped_at=4, **shared),
                network("mlp", hits(mlp - lower, 60 + seed), seed=seed, epochs=99, stopped_at=40, **shared),
            ]  # fmt: skip
            if size < 7_000:
                times = {"train_s": (0.001 + 1e-5 * seed) * size**1.8, "predict_s": 0.1}
                records += [
                    svm(hits(machine - lower, 70 + seed), seed=seed, train_size=size, times=times),
                    network("cnn", hits(cnn - 2 * lower, 80), seed=seed, train_size=size),
                    network("mlp", hits(mlp - 2 * lower, 90), seed=seed, train_size=size, epochs=50),
                ]  # fmt: skip
        records.append(
            svm(hits(0.7, seed)[:90], seed=seed, train_size=210, images=300, protocol="report",
                fit=GRID_WITH_PROBABILITY)
        )  # fmt: skip
    for seed in range(draws):
        few = np.random.default_rng(seed).random(30) < 0.48
        records.append(svm(few, seed=seed, train_size=70, images=100, protocol="report", fit=GRID))
    records.append(
        svm(hits(machine, 5), train_size=7_000, images=10_000, protocol="report", fit=GRID)
    )
    for seed in range(6):
        for classes in (2, 4):
            task = {"protocol": "simpler", "classes": classes}
            records += [
                svm(hits(0.99, seed)[:400], seed=seed, train_size=100, fit=GRID, **task),
                network("cnn", hits(0.985, 7 + seed)[:400], seed=seed, train_size=80, images=100,
                        epochs=120, stopped_at=60, **task),
            ]  # fmt: skip
    return records


def _rising(at_5):
    return [at_5 + 0.002 * (e - 5) for e in range(1, 51)]
