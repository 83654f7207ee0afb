"""The card of a saved model, README.md beside its weights, for whoever thinks of using it."""

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from shlex import quote

import numpy as np
from hexbench.analyse.groups import Group
from hexbench.analyse.intervals import LOSS, PERCENT, accuracy, proportion, written
from hexbench.plan.cell import shown
from hexbench.report.markdown import escape, table_text
from hexbench.report.table import NONE, Table, count
from hexbench.saved.description import Description
from hexbench.saved.thresholds import ACCEPTED, ERRORS
from hexbench.store.record import Done

FEW = 50
"""A class with fewer training images is named."""
MOST_PAIRS = 10
MOST_CLASSES = 100


def text(
    about: Description,
    done: Done,
    group: Group,
    place: Path,
    cell: str,
    split: str,
    fitted: Sequence[int],
    takes_images: bool,
) -> str:
    """The card as Markdown.

    `done` is the record of the saved model itself, `group` those of the run that differ from it in their
    seed alone; `place` is its folder, `cell` and `split` are its own in words; it was fitted on `fitted`
    images of each class, and takes them as images or as features.
    """
    data = about.data
    parts = [
        f"# {escape(about.label)} on {escape(data.name)}",
        f"A classifier of images into {np.count_nonzero(fitted)} classes, {escape(cell)}; trained and saved "
        f"by hexbench {about.hexbench}. Nothing about it was chosen on the test images.",
        "> **The images are synthetic: the numbers here are no evidence about real ones.**"
        if data.synthetic
        else "",
        f"## Use\n\n{_use(about, place, takes_images)}",
        _table("Data", _data(about, split, sum(fitted), done.tested)),
        _table("Quality", _quality(done, group)),
        "" if about.same_as_record else DIFFERS,
        _by_class(about, done, fitted),
        _confusions(about, done),
        _calibration(done),
        f"## When it is not sure\n\n{_threshold(about)}",
        "## Limits\n\n" + "\n".join(f"- {line}" for line in _limits(about, fitted)),
        _table("Training", _training(about, done)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


DIFFERS = (
    "Fitted once more to be saved, it does not classify every test image as the run's record says: the "
    "record is of another machine, or of seeds trained side by side. The numbers here are the saved model's."
)


def _use(about: Description, place: Path, takes_images: bool) -> str:
    source = "" if about.own is None else f" --source {quote(about.own.reference)}"
    own = "" if about.own is None else f", [{about.own.reference!r}]"
    return (
        f"```console\nhexbench predict --model {quote(str(place))}{source} photo.jpg\n```\n\n"
        f"```python\nfrom hexbench.saved.load import load\n"
        f"model = load({str(place)!r}{own})\n"
        f'print(model.predict(["photo.png"]))\n```\n\n'
        f"`model.classifier` is the fitted scikit-learn classifier; it takes {_taken(about, takes_images)}, "
        "and answers with places in `model.description.data.class_names`. Weights are "
        + ("arrays that orbax reads" if about.kind == "orbax" else "a file of skops")
        + ", and `model.json` has the sha256 of each file: one that was changed is refused. You may edit "
        "this text."
    )


def _taken(about: Description, takes_images: bool) -> str:
    shape, white = about.data.shape, about.data.pixel_max
    if takes_images and white == 255:
        return f"images, uint8 (n, {', '.join(map(str, shape))})"
    values = f"{', '.join(map(str, shape))}" if takes_images else f"{prod(shape)}"
    return f"pixels divided by {white}, float32 (n, {values})"


def _data(about: Description, split: str, fitted: int, tested: int) -> Iterator[tuple[str, str]]:
    data = about.data
    yield "images", f"{data.name}: {count(data.images)}, {' x '.join(map(str, data.shape))}"
    yield "origin", data.origin
    yield "licence", data.licence
    yield "fingerprint", data.fingerprint
    yield "fitted on, tested on", f"{count(fitted)}, {count(tested)}"
    yield "split", split


def _quality(done: Done, group: Group) -> Iterator[tuple[str, str]]:
    """With 95% intervals."""
    hits = round(done.metrics.test_accuracy * done.tested)
    yield "test accuracy of this model", written(proportion(hits, done.tested), PERCENT)
    if len(group.correct) > 1:
        seeds = np.array(group.correct)
        yield f"of {len(seeds)} seeds, mean", written(accuracy(seeds), PERCENT)
    for name, value in (("test loss", done.metrics.test_loss), ("train loss", done.metrics.train_loss)):
        if value is not None:
            yield name, LOSS.written(value)
    if done.metrics.train_accuracy is not None:
        yield "train accuracy", PERCENT.written(done.metrics.train_accuracy)


def _table(title: str, rows: Iterator[tuple[str, str]]) -> str:
    return table_text(Table(title, "", ("", ""), list(rows), "ll"))


def _by_class(about: Description, done: Done, fitted: Sequence[int]) -> str:
    matrix, names = np.array(done.confusion), about.data.class_names
    rows = [
        (
            names[label],
            count(fitted[label]),
            count(int(matrix[label].sum())),
            _share(int(matrix[label, label]), int(matrix[label].sum())),
            _share(int(matrix[label, label]), int(matrix[:, label].sum())),
        )
        for label in _classes(fitted)
    ]
    note = (
        "Recall: the share of the class's test images that are recognised. Precision: the share of the "
        "answers with this class that are correct."
    )
    header = ("class", "fitted on", "tested", "recall (95% CI)", "precision (95% CI)")
    return table_text(Table("By class", note, header, rows))


def _classes(fitted: Sequence[int]) -> list[int]:
    """The labels of the classes that it was fitted on, as many as are shown."""
    return [label for label, images in enumerate(fitted) if images][:MOST_CLASSES]


def _share(successes: int, trials: int) -> str:
    return written(proportion(successes, trials), PERCENT, "CI") if trials else NONE


def _confusions(about: Description, done: Done) -> str:
    matrix, names = np.array(done.confusion), about.data.class_names
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [divmod(int(place), len(names)) for place in order]
    rows = [
        (names[true], names[said], count(int(matrix[true, said])))
        for true, said in pairs
        if matrix[true, said]
    ]
    note = "Test images, the most frequent confusions first." if rows else "None of the test images."
    return table_text(Table("Confusions", note, ("true class", "taken for", "images"), rows, "ll"))


def _calibration(done: Done) -> str:
    bins = done.snapshots[done.last].calibration
    if not bins:
        return ""
    images = sum(one.images for one in bins)
    error = sum(one.images * abs(one.accuracy - one.confidence) for one in bins) / images
    rows = [
        (
            count(one.images),
            PERCENT.written(one.confidence),
            _share(round(one.accuracy * one.images), one.images),
        )
        for one in bins
    ]
    note = f"Of the test images; expected calibration error {PERCENT.bare(error)} percentage points."
    header = ("images", "mean probability", "accuracy (95% CI)")
    return table_text(Table("Calibration", note, header, rows))


def _threshold(about: Description) -> str:
    found = about.threshold
    if found is None:
        return "The model gives no probability: it never says that it is not sure."
    accepted = proportion(found.accepted, found.images)
    all_wrong = written(proportion(found.all_wrong, found.images), PERCENT)
    return (
        f"An answer with a probability below {found.probability:.3f} is given as `not sure`. The threshold "
        f"is the lowest at which at most {ERRORS:.0%} of the accepted answers are wrong (but at least "
        f"{ACCEPTED:.0%} are accepted), for a model that was fitted on the other training images. Of "
        f"{found.images:,} held-out training images it accepts {written(accepted, PERCENT)}, and of these "
        f"{written(found.error, PERCENT)} are wrong; without it {all_wrong} are. It was chosen on "
        "these images, which have the data's own quality: on photographs more of the accepted answers are "
        "wrong."
    )


def _limits(about: Description, fitted: Sequence[int]) -> Iterator[str]:
    data = about.data
    yield (
        "It knows these classes alone: "
        + escape(", ".join(data.class_names[label] for label in _classes(fitted)))
        + ". Whatever else it is shown, it names one of them."
    )
    few = [data.class_names[label] for label in _classes(fitted) if fitted[label] < FEW]
    if few:
        yield f"Fewer than {FEW} training images: {escape(', '.join(few))}."
    if about.appearance.ink is not None:
        yield (
            "One character an image: the largest piece of ink that does not reach the edge, and what is "
            "close to it. Its ink is found, made upright, centred and drawn like the training images'; what "
            "is written on its side or upside down is not recognised."
        )
    else:
        yield "The training images show no ink on a background: other images are resized, and nothing else."
    yield from (f"The data: {escape(hint)}" for hint in data.hints)


def _training(about: Description, done: Done) -> Iterator[tuple[str, str]]:
    for name, value in about.cell.params.items():
        yield name, shown(value)
    yield "seed", str(about.cell.seed)
    if done.parameters is not None:
        yield "parameters", count(done.parameters)
    if about.own is not None:
        yield "source", f"{about.own.reference}, sha256 {about.own.sha256}"
    yield "device", done.device
    yield "machine", done.environment.machine
    yield "versions", ", ".join(f"{n} {v}" for n, v in done.environment.packages.items())
    yield "commit", done.environment.commit or NONE
