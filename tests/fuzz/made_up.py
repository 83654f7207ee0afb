"""Records of every kind that a run has, as small as they can be and sound."""

import msgspec
from cells import cell, correct, done, failed
from hexbench.store.record import Search

SEARCH = cell("svm_grid", images=100)
BEST = {"C": 10, "gamma": 0.1, "kernel": "rbf"}
POINTS = [BEST | {"C": 1}, BEST]
RIGHT = correct(0.8, tested=60)


def early(of, planned):
    """The record of a cell that stopped before its planned epochs, and chose the second."""
    short = done(of.but(params=of.params | {"epochs": 4}), RIGHT, {2: RIGHT})
    history = msgspec.structs.replace(short.history, validation_loss=[0.5] * 4)
    return msgspec.structs.replace(
        short,
        params=of.params | {"epochs": planned},
        key=of.but(params=of.params | {"epochs": planned}).key_on(short.data.fingerprint),
        stopped_at=2,
        history=history,
        snapshots={"2": msgspec.structs.replace(short.snapshots["2"], confusion=None)},
    )


def records():
    """One of each kind, a failure last."""
    chosen = cell("svm", 7_000, params_from=SEARCH)
    probable = cell("svm_grid", images=300, probability=True)
    search = Search(0.5, "shared", 5, POINTS, [0.4, 0.5])
    curve = {1: RIGHT, 2: RIGHT}
    return [
        done(cell("mlp", 7_000, epochs=3, evaluate_at=(1, 2)), RIGHT, curve),
        done(cell("mlp", 7_000, epochs=3, evaluate_at=(1, 2), seed=1), RIGHT, curve),
        done(cell("mlp", 7_000, epochs=3, learning_rate=0.01), RIGHT),
        done(cell("mlp", 700, epochs=3), RIGHT),
        done(cell("cnn", 7_000, epochs=3, evaluate_at=(1, 2)), RIGHT, curve),
        done(cell("cnn", 7_000, epochs=3, batch_size=64), RIGHT),
        done(cell("cnn", 7_000, epochs=3, split=1), RIGHT),
        early(cell("cnn", 1_000, held_out=200), 9),
        early(cell("cnn", 100, held_out=20, classes=4), 40),
        done(SEARCH, RIGHT[:30], search=search),
        done(probable, RIGHT, search=search),
        msgspec.structs.replace(
            done(chosen, RIGHT), params=chosen.params | BEST, chosen=("C", "gamma", "kernel")
        ),
        done(cell("svm", 7_000, C=3), RIGHT),
        done(cell("logistic", 7_000), RIGHT),
        failed(cell("cnn", 7_000, epochs=3, seed=1), "MemoryError: no"),
    ]
