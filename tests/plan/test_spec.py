from dataclasses import replace

from bench.plan.spec import CellSpec

CELL = CellSpec(model="mlp", train_size=100, seed=0, batch_size=16, epochs=5, evaluate_at=(3,))


def test_a_key_changes_with_everything_it_names_and_with_nothing_else():
    changes = {
        "model": "cnn", "protocol": "report", "images": 143, "train_size": 99, "seed": 1,
        "batch_size": 32, "epochs": 6, "evaluate_at": (4,), "fit": "grid", "grid": CELL,
        "classes": 2,
    }  # fmt: skip
    keys = [CELL.key("a"), CELL.key("b")]
    keys += [replace(CELL, **{name: value}).key("a") for name, value in changes.items()]
    assert len(set(keys)) == len(keys)
    assert replace(CELL).key("a") == CELL.key("a")


def test_a_key_written_down_stays_the_same():
    """If this fails, stored results are no longer found: raise MEASUREMENT_VERSION on purpose."""
    assert CELL.key("a") == "90a399e5dcba7b235969eea2822ef600cb97b40f2104a47f16c10a1a4a3720a3"
