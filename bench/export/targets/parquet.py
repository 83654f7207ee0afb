"""Apache Parquet: cells.parquet, epochs.parquet and verdicts.parquet, compressed by Zstandard.

The same results give the same bytes with the same version of pyarrow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from hexbench.export.source import Source, Verdict, batches, curves
from hexbench.export.staged import staged
from hexbench.export.targets import Place
from hexbench.plan.cell import Value
from hexbench.store.flat import KINDS, PARAM, flat
from hexbench.store.record import History, Record

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

NEEDS = ("pyarrow",)
COMPRESSION = "zstd"
OF_CELL = ("key", "model", "train_size", "seed")
"""Columns of a cell that its epochs have as well; by `key` the others can be joined."""
ROWS_AT_ONCE = 100_000
"""Of epochs that are held in memory."""
WIDEST = 2**53
"""Whole numbers beyond are not all exact as real ones."""
Row = Mapping[str, Any]


def export(source: Source, records: Iterable[Record], place: Place) -> list[str]:
    """As `Target`."""
    verdicts = source.verdicts  # that they can be read is known before anything is written
    rows: list[Row] = []
    with staged(place.folder, "parquet", source) as folder:
        with _writer(folder / "epochs.parquet", _epochs(source)) as writer:
            for batch in batches(_noted(records, rows), ROWS_AT_ONCE):
                writer.write_table(_table(batch, writer.schema))
        places = {key: place for place, key in enumerate(source.manifest.cells)}
        rows.sort(key=lambda row: places[row["key"]])
        _write(folder / "cells.parquet", rows, _cells(rows, source))
        if verdicts:
            _write(folder / "verdicts.parquet", map(msgspec.structs.asdict, verdicts), _verdicts(source))
        files = sorted(path.name for path in folder.iterdir())
    return [str(place.folder / file) for file in files]


def _noted(records: Iterable[Record], rows: list[Row]) -> Iterator[Row]:
    """The rows of the records' epochs; those of the records are added to `rows`."""
    for record in records:
        row = flat(record)
        rows.append(row)
        for epoch, values in curves(record):
            yield {**{name: row[name] for name in OF_CELL}, "epoch": epoch, **values}


def _cells(rows: Iterable[Row], source: Source) -> "pa.Schema":
    columns: dict[str, Any] = {name: _plain(kind) for name, kind in KINDS.items()}
    for name in dict.fromkeys(name for row in rows for name in row if name.startswith(PARAM)):
        columns[name] = type_of([row.get(name) for row in rows])
    return _schema(columns, source)


def _epochs(source: Source) -> "pa.Schema":
    columns = {name: _plain(KINDS[name]) for name in OF_CELL}
    columns |= {name: _plain(int if name == "epoch" else float) for name in History.__struct_fields__}
    return _schema(columns, source)


def _verdicts(source: Source) -> "pa.Schema":
    import pyarrow as pa

    plain = {str: str, int: int, float | None: float}
    hints = get_type_hints(Verdict)
    columns = {n: _plain(plain[k]) if k in plain else pa.list_(pa.string()) for n, k in hints.items()}
    return _schema(columns, source)


def _schema(columns: "Mapping[str, pa.DataType]", source: Source) -> "pa.Schema":
    """With what the numbers depend on as metadata, `hexbench.NAME`."""
    import pyarrow as pa

    facts = {f"hexbench.{name}": value for name, value in source.facts.items()}
    return pa.schema(list(columns.items()), metadata=facts)


def _plain(kind: type) -> "pa.DataType":
    import pyarrow as pa

    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[kind]


def type_of(values: Iterable[Value]) -> "pa.DataType":
    """The type of a column with these values: what all of them are, else text.

    Whole and real numbers together are real ones; tuples are lists.
    """
    import pyarrow as pa

    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds == {tuple}:
        return pa.list_(type_of(chain.from_iterable(present)))
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in present):
        return pa.int64()
    if kinds in ({float}, {int, float}) and all(isinstance(v, float) or abs(v) <= WIDEST for v in present):
        return pa.float64()
    return pa.string()


def as_type(value: Value, kind: "pa.DataType") -> Value:
    """A value as its column has it: as JSON where that is one of texts and the value is none."""
    import pyarrow as pa

    if value is None or isinstance(value, str):
        return value
    if pa.types.is_list(kind):
        return [as_type(part, kind.value_type) for part in value]
    return msgspec.json.encode(value).decode() if pa.types.is_string(kind) else value


def _write(path: Path, rows: Iterable[Row], schema: "pa.Schema") -> None:
    with _writer(path, schema) as writer:
        writer.write_table(_table(list(rows), schema))


def _writer(path: Path, schema: "pa.Schema") -> "ParquetWriter":
    from pyarrow.parquet import ParquetWriter

    return ParquetWriter(path, schema, compression=COMPRESSION)


def _table(rows: Sequence[Row], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    columns = [pa.array([as_type(row.get(f.name), f.type) for row in rows], f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)
