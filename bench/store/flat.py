"""A record as one flat row: the columns of cells.csv, and of tables that are made of it elsewhere."""

from typing import Any

from hexbench.store.record import Done, Memory, Metrics, Record, Times

PARAM = "params."
"""Before the name of a hyperparameter."""
MEASURED = (Metrics, Times, Memory)
"""Their fields are columns, in this order."""
KINDS: dict[str, type] = {
    **dict.fromkeys(("key", "status", "model", "protocol"), str),
    **dict.fromkeys(("images", "held_out", "classes", "train_size", "batch_size"), int),
    **dict.fromkeys(("epochs", "stopped_at", "seed"), int),
    "split": str,  # `given` besides numbers
    "test_size": float,
    **dict.fromkeys(("params_from", "chosen", "data", "fingerprint"), str),
    "parameters": int,
    **{name: float for kind in MEASURED for name in kind.__struct_fields__},
    "cv_score": float,
    **dict.fromkeys(("device", "machine", "commit"), str),
    "timing_clean": bool,
    **dict.fromkeys(("compiled", "disk"), int),
    "error": str,
}
"""The columns before those of the hyperparameters, in their order; a value may be missing in any."""


def flat(record: Record) -> dict[str, Any]:
    """A value for each of KINDS, None where there is none, and for each hyperparameter `params.NAME`."""
    done = record if isinstance(record, Done) else None
    subset = record.subset
    measured = (done.metrics, done.times, done.memory) if done else (None, None, None)
    return {
        "key": record.key,
        "status": "done" if done else "failed",
        "model": record.model,
        "protocol": record.protocol,
        "images": subset.size,
        "held_out": subset.held_out,
        "classes": subset.classes,
        "train_size": record.train_size,
        "batch_size": record.batch_size,
        "epochs": record.epochs,
        "stopped_at": record.stopped_at,
        "seed": record.seed,
        "split": record.split,
        "test_size": record.test_size,
        "params_from": record.params_from,
        "chosen": " ".join(record.chosen),
        "data": record.data.name,
        "fingerprint": record.data.fingerprint,
        "parameters": done.parameters if done else None,
        **{
            name: getattr(values, name, None)
            for kind, values in zip(MEASURED, measured, strict=True)
            for name in kind.__struct_fields__
        },
        "cv_score": done.search.best_score if done and done.search else None,
        "device": record.device,
        "machine": record.environment.machine,
        "commit": record.environment.commit,
        "timing_clean": record.timing_clean,
        **{name: (done.programs or {}).get(name) if done else None for name in ("compiled", "disk")},
        "error": None if done else getattr(record, "error", None),
        **{f"{PARAM}{name}": value for name, value in record.params.items()},
    }
