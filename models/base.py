"""What a model is to the engine, and the types that models and the engine exchange.

A model is a scikit-learn classifier whose constructor arguments are its hyperparameters. Three keep a
meaning of their own: `random_state` is the seed, and it, `n_jobs` and `verbose` are no hyperparameters.
The engine asks for `fit(X, y)` and `predict(X)`, and takes `predict_proba(X)` where there is one.

Class attributes, each assigned a literal in the body of the class, or of a base class in this folder, so
that they can be read without importing the module:

- `name`, `label`: in suites and records, and in tables and figures. A class with a `name` is registered.
- `deterministic`: a fit depends on the data and hyperparameters alone, so that one seed is enough.
- `takes_images`: X is (n, height, width[, channels]), uint8 where 255 is white, otherwise float32 in
  0 to 1; a model without it gets float32 (n, p) in 0 to 1.
- `searches`: hyperparameters that `fit` chooses itself, then in `best_params_` and described by `search_`.
- `learning_curve`: `fit` takes `classes`, `test`, `validation`, `evaluate_at`, `on_epochs`,
  `checkpoint` and `devices`, the class has `fit_together`, and a fitted model `curve_`; see
  `network.NetworkClassifier`.
- `longer_contains_shorter`: an epoch's state does not depend on how many are to follow.
- `accelerated`: trains on JAX's default device.
- `cost`: expected seconds, each times its number: `fixed`, `step` (of the optimizer), `pixel` (of a
  training image, each epoch), `tested_pixel` (of an evaluated image), `pair` (of training images; of a
  search on one core), `predicted_pair` (a training and a predicted image, on one core).
- `stops_after`: about how many epochs early stopping allows a small training set.
- `checks_labels`: the class has a static method `unfit(y, params)`, which is asked before anything is
  measured why the model with these hyperparameters cannot be fitted to the labels `y` (n,): half a
  sentence, or None where it can. A model without is fitted wherever there are two classes.

A fitted model may offer `n_parameters_` (numbers it learned), `n_bytes_` (of these numbers), `layers_`,
`times_` (seconds by name) and `programs_` (compiled programs by origin).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Labelled = tuple[np.ndarray, np.ndarray]
"""Images or features and their labels."""

Tree = Any
"""NumPy arrays, none of them empty, in dicts with strings for keys and in lists."""


@dataclass(frozen=True)
class Evaluation:
    """The predictions of a model for n images after some epoch."""

    loss: float
    """Mean cross-entropy."""
    predicted: np.ndarray
    """(n,) uint8, or uint16 above 256 classes: place in `classes_` of the most probable class."""
    confidence: np.ndarray
    """(n,) float32: its probability."""
    losses: np.ndarray
    """(n,) float32: the cross-entropy of each image."""


@dataclass(frozen=True)
class LearningCurve:
    """The course of a training run; epochs count from 1."""

    train_loss: list[float]
    """Mean over each epoch while the weights change, as Keras prints it."""
    train_accuracy: list[float]
    """The same of the accuracy."""
    evaluations: dict[int, Evaluation]
    """Of the test images, by epoch."""
    validations: dict[int, Evaluation]
    """Of the validation images, by epoch."""
    epoch: int
    """Whose weights the model has: the last, or the one with the lowest validation loss."""


class Checkpoint(Protocol):
    """Where a training run keeps its progress, so that another process can go on from there."""

    def load(self) -> Tree | None:
        """The progress that was saved last; None where there is none."""

    def is_due(self) -> bool:
        """Whether it is time to save."""

    def save(self, epoch: int, progress: Tree) -> None:
        """Keep the progress made after so many epochs, in place of what was kept before."""
