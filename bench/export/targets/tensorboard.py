"""TensorBoard: event files, a run a cell, and a run `report` with the report's figures and verdicts.

Steps are epochs. The time of an event is when the run of the suite began plus the seconds that training had
taken until that epoch: records hold no dates. The same results give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hexbench.export.picture import confusion
from hexbench.export.source import CURVE, NUMBERS, Source, curves, numbers, settings
from hexbench.export.staged import staged
from hexbench.export.targets import Place
from hexbench.plan.cell import Value, shown
from hexbench.store.record import Done, Record

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

NEEDS = ("tensorboard",)
REPORT = "report"
FINAL = "final/"
"""Before the names of what is measured of the tested weights."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
"""In names of folders, on some system or other."""
LONGEST_NAME = 160
KEY_BEGINS = 8
"""Characters of a key that tell runs of one name apart."""
LISTED = 20
"""So many values of a hyperparameter are listed to choose from; of more numbers the range is."""
Setting = bool | float | str


def export(source: Source, records: Iterable[Record], place: Place) -> list[str]:
    """As `Target`."""
    verdicts = source.verdicts  # that they can be read is known before anything is written
    runs: dict[Path, tuple[Mapping[str, Value], bool]] = {}
    measured: set[str] = set()
    with staged(place.folder, "tensorboard", source) as folder:
        taken = {REPORT}
        for record in records:
            run = folder / _run_name(source.label(record), record.key, taken)
            found = numbers(record)
            measured |= found.keys()
            runs[run] = settings(record), isinstance(record, Done)
            with _events(run, source.began) as events:
                _write_cell(events, record, found, source)
        for run, values, done in _alike(runs):
            with _events(run, source.began) as events:
                events.add(_started(values, run.name, source.began), _ended(done))
        with _events(folder / REPORT, source.began) as events:
            events.add(_experiment(list(_alike(runs)), measured, source.began))
            for file in source.figures:
                events.add(_image(f"figures/{file.stem}", *_picture(file)))
            if verdicts:
                rows = [(v.statement, v.reported, v.verdict, v.reason) for v in verdicts]
                events.add(_text("verdicts", _table(("statement", "reported", "verdict", "reason"), rows)))
    return [f"Open it by: tensorboard --logdir {place.folder}"]


def _run_name(label: str, key: str, taken: set[str]) -> str:
    """The label as the name of a folder, which no other run has, also where capitals do not count."""
    name = FORBIDDEN.sub("_", "".join(c if c.isprintable() else "_" for c in label)).strip(". ")
    if len(name.encode()) > LONGEST_NAME or name.lower() in taken or not name:
        short = name.encode()[: LONGEST_NAME - KEY_BEGINS].decode(errors="ignore")
        name = f"{short} {key[:KEY_BEGINS]}".strip()
    taken.add(name.lower())
    return name


class _Events:
    """An event file that is being written, without a thread and without the date."""

    def __init__(self, writer: Any, began: float):
        self._writer, self._began = writer, began

    def begin(self) -> None:
        """What a reader expects first."""
        self._write(file_version="brain.Event:2", wall_time=self._began)

    def add(self, *summaries: "Summary", step: int = 0, after_s: float = 0.0) -> None:
        """Add what was so after an epoch, so many seconds after the beginning."""
        for summary in summaries:
            self._write(summary=summary, step=step, wall_time=self._began + after_s)

    def _write(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(**fields).SerializeToString(deterministic=True))


@contextmanager
def _events(run: Path, began: float) -> Iterator[_Events]:
    """The event file of a run, to which is added."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    run.mkdir(parents=True, exist_ok=True)
    path = run / f"events.out.tfevents.{began:010.0f}.hexbench"
    new = not path.exists()
    with path.open("ab") as file:
        events = _Events(RecordWriter(file), began)
        if new:
            events.begin()
        yield events


def _write_cell(events: _Events, record: Record, found: Mapping[str, float], source: Source) -> None:
    """The curves of a cell, its final numbers, its confusion matrix and what it is."""
    epoch_s = found.get("epoch_s", 0.0)
    for epoch, values in curves(record):
        of_epoch = {CURVE + name: value for name, value in values.items()}
        events.add(_scalars(of_epoch), step=epoch, after_s=epoch * epoch_s)
    last = record.stopped_at or record.epochs or 0
    ended_s = (record.epochs or 0) * epoch_s
    events.add(_scalars({FINAL + name: value for name, value in found.items()}), step=last, after_s=ended_s)
    rows = [(name, value) for name, value in settings(record).items() if value is not None]
    rows += [("device", record.device), ("key", record.key)]
    if isinstance(record, Done):
        picture = confusion(record.confusion, source.manifest.data.class_names)
        events.add(_image("confusion", *picture), step=last, after_s=ended_s)
    else:
        rows.append(("error", record.error))
    events.add(_text("cell", _table(("", source.label(record)), rows)))


def _scalars(values: Mapping[str, float]) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _picture(file: Path) -> tuple[bytes, int, int]:
    from PIL import Image

    with Image.open(file) as image:
        return file.read_bytes(), image.height, image.width


def _image(tag: str, content: bytes, height: int, width: int) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(height=height, width=width, encoded_image_string=content)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _text(tag: str, markdown: str) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    text = TensorProto(dtype=DT_STRING, string_val=[markdown.encode()])
    return Summary(value=[Summary.Value(tag=tag, metadata=create_summary_metadata("", ""), tensor=text)])


def _table(header: tuple[str, ...], rows: Iterable[tuple[Value, ...]]) -> str:
    """In Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    cells = ([" ".join(shown(value).split()).replace("|", "\\|") for value in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _alike(
    runs: Mapping[Path, tuple[Mapping[str, Value], bool]],
) -> Iterator[tuple[Path, dict[str, Setting], bool]]:
    """Each run with its settings, every one of one type in all runs, and whether it was measured."""
    kinds: dict[str, set[type]] = {}
    for values, _ in runs.values():
        for name, value in values.items():
            kinds.setdefault(name, set()).add(type(value))
    for run, (values, done) in runs.items():
        found = {name: value for name, value in values.items() if value is not None}
        yield run, {name: _alike_value(value, kinds[name]) for name, value in found.items()}, done


def _alike_value(value: Value, kinds: set[type]) -> Setting:
    kinds = kinds - {type(None)}
    numbers_alone = kinds <= {int, float}
    return value if kinds == {bool} else float(value) if numbers_alone else shown(value)


def _started(values: Mapping[str, Setting], run: str, began: float) -> "Summary":
    """The hyperparameters of a run, which is a trial of its own."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    return hparams_pb(values, trial_id=run, start_time_secs=began)


def _ended(done: bool) -> "Summary":
    """Whether a run was measured, for the table of hyperparameters."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if done else api_pb2.STATUS_FAILURE
    ended = plugin_data_pb2.HParamsPluginData(session_end_info={"status": status})
    tag, about = metadata.SESSION_END_INFO_TAG, metadata.create_summary_metadata(ended)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])


def _experiment(
    runs: Iterable[tuple[Path, Mapping[str, Setting], bool]], measured: set[str], began: float
) -> "Summary":
    """Which hyperparameters and numbers the table of all runs has."""
    from tensorboard.plugins.hparams.summary_v2 import HParam, Metric, hparams_config_pb

    values: dict[str, set[Setting]] = {}
    for _, settings_of_run, _ in runs:
        for name, value in settings_of_run.items():
            values.setdefault(name, set()).add(value)
    columns = [HParam(name, _domain(of_name)) for name, of_name in values.items()]
    shown_numbers = [Metric(FINAL + name, display_name=name) for name in NUMBERS if name in measured]
    return hparams_config_pb(columns, shown_numbers, time_created_secs=began)


def _domain(values: set[Setting]) -> Any:
    """The values to choose from, or their range; None for many texts."""
    from tensorboard.plugins.hparams.summary_v2 import Discrete, RealInterval

    if len(values) <= LISTED:
        return Discrete(sorted(values))
    return None if any(isinstance(value, str) for value in values) else RealInterval(min(values), max(values))
