"""A whole run of made-up, sound records: every model at the points that claims and figures ask for."""

import numpy as np
from analyse.sound import correct, grid, network, svm

CNN, MLP, SVM = 0.95, 0.82, 0.92


def run(cnn=CNN, mlp=MLP, machine=SVM, seeds=3, draws=60):
    """Records of a whole run, every model at its points."""
    records = [svm(correct(machine, 98), times={"train_s": 0.001 * 7_000**1.8})]
    for seed in range(seeds):
        records += _on_all_images(seed, cnn, mlp)
        for size, lower in ((100, 0.3), (300, 0.2), (1_000, 0.1), (7_000, 0.0)):
            records += _of_size(seed, size, cnn - lower, mlp - lower, machine - lower)
        for images in (300, 1_000):
            slow = correct(0.7, seed)[: round(0.3 * images)]
            records.append(grid(slow, seed=seed, images=images, probability=True))
    for seed in range(draws):
        few = np.random.default_rng(seed).random(30) < 0.48
        records.append(grid(few, seed=seed, images=100))
    records.append(grid(correct(machine, 5), images=10_000))
    for seed in range(6):
        for classes in (2, 4):
            ahead, behind = correct(0.99, seed)[:400], correct(0.985, 7 + seed)[:400]
            early = {"train_size": 125, "held_out": 25, "epochs": 120, "stopped_at": 60}
            records += [
                grid(ahead, seed=seed, train_size=100, classes=classes),
                grid(ahead, seed=seed, train_size=300, classes=classes),
                network("cnn", behind, seed=seed, classes=classes, **early),
                network(
                    "cnn", behind, seed=seed, classes=classes, **early | {"train_size": 375, "held_out": 75}
                ),
            ]
    return records


def _on_all_images(seed, cnn, mlp):
    loss = [1.0 if e == 3 else 2.0 + 0.1 * seed if e == 15 else None for e in range(1, 50)] + [3.0]
    after = {3: correct(cnn, 10 + seed), 15: correct(cnn, 20 + seed)}
    times = {"train_s": 1.0 + 0.01 * seed, "epoch_s": 0.02 + 0.001 * seed}
    rising = [0.84 + 0.002 * (e - 5) for e in range(1, 51)]
    lower = {1: correct(mlp - 0.4, 43 + seed), 5: correct(mlp - 0.1, 40 + seed)}
    return [
        network("cnn", correct(cnn, seed), seed=seed, epochs=50, test_loss=loss, evaluated=after),
        network("cnn", correct(cnn - 0.05, 97), seed=seed, batch_size=64),
        network(
            "mlp",
            correct(mlp, 30 + seed),
            seed=seed,
            epochs=50,
            train_accuracy=rising,
            evaluated=lower,
            times=times,
        ),
    ]


def _of_size(seed, size, cnn, mlp, machine):
    """Early stopping at every size that is fitted on, or on all images; at the smaller ones the SVM, and
    networks at the report's epochs."""
    drawn = size if size == 7_000 else size * 5 // 4
    early = {"train_size": drawn, "held_out": drawn // 5, "seed": seed}
    records = [
        network("cnn", correct(cnn, 50 + seed), epochs=9, stopped_at=4, **early),
        network("mlp", correct(mlp, 60 + seed), epochs=99, stopped_at=40, **early),
    ]
    if size < 7_000:
        times = {"train_s": (0.001 + 1e-5 * seed) * size**1.8}
        records += [
            svm(correct(machine, 70 + seed), seed=seed, train_size=size, times=times),
            network("cnn", correct(cnn - 0.1, 80), seed=seed, train_size=size),
            network("mlp", correct(mlp - 0.1, 90), seed=seed, train_size=size, epochs=50),
        ]
    return records
