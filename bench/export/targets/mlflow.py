"""MLflow: an experiment a results folder, a run a cell, and a run `report` with the report as artifacts.

A run is found again by the cell's key: what is there already is left as it is, and a run whose record has
changed, or whose export was interrupted, is replaced. So exporting again adds what is new.
"""

import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hexbench.errors import BadInput
from hexbench.export.source import CURVE, Source, batches, curves, numbers, settings
from hexbench.export.staged import alone
from hexbench.export.targets import Place
from hexbench.files import reason
from hexbench.store.record import Done, Failed, Record
from hexbench.store.sealed import sealed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

NEEDS = ("mlflow", "sqlalchemy", "alembic")
URI = "MLFLOW_TRACKING_URI"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # hexbench tells nobody of its use, nor do the libraries it starts
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # not minutes where there is no server
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Environment variables while MLflow works, those that are not set."""
DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
KEY, DIGEST = "hexbench.key", "hexbench.sha256"
"""Tags: of which cell a run is, and of which record."""
REPORT = "report"
"""The key of the run that has the report."""
RECORD = "record.json"
AT_ONCE = 800
"""Numbers that are sent together; MLflow takes 1,000 with parameters and tags."""
LONGEST_PARAM, LONGEST_TAG = 6_000, 5_000
UNNAMEABLE = re.compile(r"[^\w.\- :]")
"""In the name of a tag."""
PAGE = 1_000


def export(source: Source, records: Iterable[Record], place: Place) -> list[str]:
    """As `Target`. BadInput where the server or database cannot be used."""
    verdicts = {verdict.id: verdict.verdict for verdict in source.verdicts}
    asked = place.uri or (os.environ.get(URI) if place.default else None)
    uri = asked or f"sqlite:///{(place.folder.resolve() / DATABASE).as_posix()}"
    with nullcontext() if asked else alone(place.folder), _settled():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            artifacts = None if asked else (place.folder.resolve() / ARTIFACTS).as_uri()
            experiment = _Experiment.named(_name(source, place), uri, artifacts, source)
            for record in records:
                experiment.put_cell(record, source.label(record))
            if source.report_files:
                experiment.put_report(verdicts)
        except (MlflowException, SQLAlchemyError) as error:
            cause = getattr(error, "orig", None) or error  # of a database, without the statement
            raise BadInput(f"MLflow at {_public(uri)}: {_public(reason(cause))}.") from error
    opened = _public(uri) if asked else f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
    return [
        f"Experiment {experiment.name}: {experiment.said}.",
        f"Open it {'at' if asked else 'by'}: {opened}",
    ]


def _public(text: str) -> str:
    """Without the passwords of addresses."""
    return re.sub(r"//[^/@\s]+@", "//", text)


def _name(source: Source, place: Place) -> str:
    return place.title or f"{Path(source.manifest.study).name}/{source.name}"


@contextmanager
def _settled() -> Iterator[None]:
    """With the variables of QUIET."""
    added = {name: value for name, value in QUIET.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@dataclass
class _Experiment:
    """An experiment of MLflow, into which runs are put that are not there yet."""

    name: str
    id: str
    client: "MlflowClient"
    source: Source
    runs: dict[str, tuple[str, str]]
    """By key: the id of the run and the digest of what it has, empty where it is not whole."""
    counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "replaced": 0, "as they were": 0})

    @classmethod
    def named(cls, name: str, uri: str, artifacts: str | None, source: Source) -> "_Experiment":
        """The experiment of this name at a server or database, which is made if need be."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "deleted":
            raise BadInput(
                f"MLflow at {_public(uri)}: the experiment {name} was deleted: restore it, or name another "
                "by --experiment."
            )
        tags = _sound({f"hexbench.{fact}": value for fact, value in source.facts.items()})
        number = found.experiment_id if found else client.create_experiment(name, artifacts, tags)
        return cls(name, number, client, source, dict(_runs_of(client, number)))

    @property
    def said(self) -> str:
        """What came of the runs."""
        parts = (f"{count:,} {what}" for what, count in self.counts.items() if count)
        return f"{sum(self.counts.values()):,} runs, {', '.join(parts)}"

    def put_cell(self, record: Record, label: str) -> None:
        """A run of a record."""
        from mlflow.entities import Param

        text = sealed(record)
        digest = hashlib.sha256(label.encode() + text).hexdigest()
        run = self._new_run(record.key, label, digest, _tags(record))
        if run is None:
            return
        params = [Param(n, str(v)[:LONGEST_PARAM]) for n, v in settings(record).items() if v is not None]
        self.client.log_batch(run, params=params)
        for metrics in batches(_metrics(record, self._began), AT_ONCE):
            self.client.log_batch(run, metrics=metrics)
        self.client.log_text(run, text.decode(), RECORD)
        status = "FINISHED" if isinstance(record, Done) else "FAILED"
        ended = self._began + _milliseconds(numbers(record).get("total_s", 0.0))
        self.client.set_terminated(run, status, ended)

    def put_report(self, verdicts: Mapping[str, str]) -> None:
        """A run with the report and its figures, and the verdicts as tags."""
        contents = {path: path.read_bytes() for path in self.source.report_files}
        digest = hashlib.sha256()
        for path, content in contents.items():
            digest.update(path.name.encode() + hashlib.sha256(content).digest())
        tags = {f"verdict.{name}": verdict for name, verdict in verdicts.items()}
        run = self._new_run(REPORT, REPORT, digest.hexdigest(), tags)
        if run is not None:
            for path in contents:
                folder = path.relative_to(self.source.store.folder).parent
                self.client.log_artifact(run, str(path), None if folder == Path() else folder.as_posix())
            self.client.set_terminated(run, "FINISHED", self._began)

    def _new_run(self, key: str, name: str, digest: str, tags: Mapping[str, str]) -> str | None:
        """The id of a new run in place of the earlier one; None where that has all there is."""
        earlier, of = self.runs.get(key, ("", ""))
        if of == digest:
            self.counts["as they were"] += 1
            return None
        if earlier:
            self.client.delete_run(earlier)
        self.counts["replaced" if earlier else "new"] += 1
        tags = _sound({KEY: key, DIGEST: digest, **tags})
        return self.client.create_run(self.id, self._began, tags, name).info.run_id

    @property
    def _began(self) -> int:
        return _milliseconds(self.source.began)


def _sound(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as MLflow takes them."""
    return {UNNAMEABLE.sub("_", name): value[:LONGEST_TAG] for name, value in tags.items()}


def _runs_of(client: "MlflowClient", experiment: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The runs of an experiment that are cells or the report: key, id and digest."""
    token: str | None = ""
    while token is not None:
        page = client.search_runs([experiment], max_results=PAGE, page_token=token or None)
        for run in page:
            tags, whole = run.data.tags, run.info.status in ("FINISHED", "FAILED")
            if KEY in tags:
                yield tags[KEY], (run.info.run_id, tags.get(DIGEST, "") if whole else "")
        token = page.token or None


def _tags(record: Record) -> dict[str, str]:
    found: dict[str, Any] = {
        "status": "failed" if isinstance(record, Failed) else "done",
        "data": record.data.name,
        "fingerprint": record.data.fingerprint,
        "device": record.device,
        "machine": record.environment.machine,
        "commit": record.environment.commit,
        "timing_clean": record.timing_clean,
        "error": record.error if isinstance(record, Failed) else None,
    }
    tags = {f"hexbench.{name}": str(value) for name, value in found.items() if value is not None}
    commit = record.environment.commit
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _metrics(record: Record, began: int) -> Iterator["Metric"]:
    """The numbers of the tested weights, and the curves; steps are epochs."""
    from mlflow.entities import Metric

    found = numbers(record)
    epoch_s = found.get("epoch_s", 0.0)
    for epoch, values in curves(record):
        for name, value in values.items():
            yield Metric(CURVE + name, value, began + _milliseconds(epoch * epoch_s), epoch)
    ended = began + _milliseconds((record.epochs or 0) * epoch_s)
    for name, value in found.items():
        yield Metric(name, value, ended, record.stopped_at or record.epochs or 0)


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
