"""A saved model, asked about images of any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.files import nearest, said
from hexbench.measure.cell import make_model
from hexbench.measure.fields import labelled
from hexbench.models import Entry
from hexbench.own_code import source_of
from hexbench.plan.cell import ORDER
from hexbench.plan.models import known_models, name_of
from hexbench.saved import description, estimators, networks
from hexbench.saved.description import AGAIN, Description
from hexbench.saved.pictures import images_of, read
from hexbench.saved.preprocess import Bytes, Prepared, prepare
from msgspec import Struct

Status = Literal["ok", "not sure", "empty"]
Picture = Path | str | np.ndarray


AS_IT_WAS = "give or install what it was then, or train the model again with --save-models"
"""A remedy."""


class Answer(Struct, frozen=True):
    """What a model says of an image."""

    status: Status
    """`not sure`: the probability is below the model's threshold; `empty`: there is no ink."""
    label: str | None
    """The most probable class; None where the image is empty."""
    probability: float | None
    """Its probability; None where the model gives none."""
    runner_up: str | None = None
    runner_up_probability: float | None = None


@dataclass(frozen=True)
class SavedModel:
    """A model as it was saved."""

    description: Description
    classifier: Any
    """The fitted scikit-learn classifier; its labels are places in `description.data.class_names`."""
    entry: Entry

    def predict(self, images: Picture | Sequence[Picture]) -> list[Answer]:
        """An answer for each image: a file, or an array of one or several (see `pictures.images_of`).

        BadInput for what is no image.
        """
        pictures: list[Bytes] = []
        for image in [images] if isinstance(images, Picture) else images:
            if not isinstance(image, Picture):
                raise BadInput(f"a {type(image).__name__} is no image: give the path of a file, or an array.")
            pictures += images_of(image, "an array") if isinstance(image, np.ndarray) else read(Path(image))
        return self.answers([prepare(picture, self.description.appearance) for picture in pictures])

    def answers(self, prepared: Sequence[Prepared]) -> list[Answer]:
        """Of images that are as the training images."""
        asked = [one.image for one in prepared if not one.empty]
        found = iter(self._asked(np.stack(asked)) if asked else [])
        return [Answer("empty", None, None) if one.empty else next(found) for one in prepared]

    def _asked(self, images: Bytes) -> list[Answer]:
        about = self.description
        names, threshold = about.data.class_names, about.threshold
        data = Dataset("", images, np.zeros(len(images), np.uint8), tuple(names), about.data.pixel_max)
        taken, _ = labelled(data, self.entry, np.arange(len(images)))
        if threshold is None:
            return [Answer("ok", names[int(label)], None) for label in self.classifier.predict(taken)]
        shares = np.asarray(self.classifier.predict_proba(taken))
        classes, answers = self.classifier.classes_, []
        for row, order in zip(shares, np.argsort(-shares, axis=1, kind="stable"), strict=True):
            first, second = order[0], order[1]
            status: Status = "ok" if row[first] >= threshold.probability else "not sure"
            labels = [names[int(classes[place])] for place in (first, second)]
            answers.append(Answer(status, labels[0], float(row[first]), labels[1], float(row[second])))
        return answers


def load(folder: Path | str, own_models: str | Sequence[str] = ()) -> SavedModel:
    """The model that was saved in a folder; nothing that lies there is executed.

    A model whose class is from a file of the user's needs that file to be named in `own_models`, as
    FILE.py:NAME, and unchanged. BadInput says what is wrong with the folder.
    """
    folder = Path(folder)
    own_models = [own_models] if isinstance(own_models, str) else own_models
    about = description.read(folder)
    entry = _entry(folder, about, own_models)
    if entry.accelerated:
        from hexbench.measure.start import start_jax

        start_jax()
    try:
        if about.kind == "skops":
            model = estimators.load(folder, entry.load(), own=about.own is not None)
            if type(model) is not entry.load():
                raise ValueError(f"it holds a {type(model).__name__}")
        else:
            unfitted = make_model(entry, about.cell.params, about.cell.seed_of(ORDER))
            model = networks.load(
                unfitted, folder, about.data.shape, range(len(about.data.class_names)), about.scale
            )
    except Exception as error:  # whatever the libraries raise about a file that they did not write
        raise BadInput(
            f"{folder} holds no {about.label} of this hexbench ({said(error)}): {AGAIN}."
        ) from None
    return SavedModel(about, model, entry)


def _entry(folder: Path, about: Description, own_models: Sequence[str]) -> Entry:
    own = about.own
    source = own.reference if own is not None else ""
    if own is not None and ":" in source:
        given = [reference for reference in own_models if name_of(reference) == about.model]
        if not given:
            raise BadInput(f"{folder} was trained from {source}: give that file again by --source {source}.")
        file = Path(given[0].rpartition(":")[0]).resolve()
        if file.is_file() and source_of(file, file.parent).digest != own.sha256:
            # Before it is executed.
            raise BadInput(f"{file} is not the file that {folder} was trained from, {source}: {AS_IT_WAS}.")
    models = known_models(own_models)
    if about.model not in models:
        raise BadInput(
            f"{folder} is a model {about.model!r}, which this hexbench does not have"
            f"{nearest(about.model, models)}."
        )
    entry = models[about.model]
    if own is not None and entry.source != own.sha256:
        raise BadInput(f"{source} is not as it was when {folder} was trained from it: {AS_IT_WAS}.")
    return entry
