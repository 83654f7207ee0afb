"""Networks as scikit-learn classifiers over the compiled training loop.

`NetworkClassifier` is the base of the networks of this package; `classifier_for` makes a classifier of
any Flax NNX module.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import jax
import numpy as np
from flax import nnx
from hexbench.models.base import Checkpoint, Labelled
from hexbench.models.inputs import WHITE, checked, labels_of, places_of, scale_of
from hexbench.models.training.description import Network, Weights
from hexbench.models.training.early_stopping import padded
from hexbench.models.training.optimizers import keras_adam
from hexbench.models.training.programs import prediction_program
from hexbench.models.training.recipe import Recipe
from hexbench.models.training.trainer import train
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "elu": nnx.elu,
    "gelu": nnx.gelu,
    "identity": nnx.identity,
    "leaky_relu": nnx.leaky_relu,
    "relu": nnx.relu,
    "selu": nnx.selu,
    "sigmoid": nnx.sigmoid,
    "silu": nnx.silu,
    "softplus": nnx.softplus,
    "tanh": nnx.tanh,
}


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A network trained on softmax cross-entropy.

    A subclass's constructor takes `learning_rate`, `batch_size`, `epochs`, `random_state` and its own
    hyperparameters, its `network` says which module they make, and its `recipe` how that learns: by Adam,
    as Keras computes it, unless it says otherwise. `X` is (n, height, width[, channels]) or (n, p), which
    is taken for square images where p is a square. It is divided by `scale_`, which `fit` sets to 255 if
    its X is uint8, else to 1, and taken as float32. Fitted attributes:

    - `classes_`, `n_features_in_` (pixels of an image), `shape_` (of an image), `scale_`, `n_parameters_`,
      `n_bytes_` (of the weights), `n_iter_` (epochs trained), `weights_` (a `description.Weights`), `curve_`
      (a `LearningCurve`)
    - `history_`: lists with a number an epoch, `loss` and `accuracy` while it trained, as Keras has them
    - `layers_`: of each layer `name`, `shapes` of its weights by name, `parameters`
    - `times_`: seconds by name: compile_s, first_call_s, train_s, epoch_s (median), and, where something
      was evaluated, evaluate_s (in total) and predict_s (of the test images, the last time)
    - `programs_`: how many programs were `compiled`, came from `disk`, or were there in the `process`
    - `earlier_s_`: seconds that earlier processes worked until the checkpoint that this one went on from
    """

    learning_curve = True
    longer_contains_shorter = True
    accelerated = True
    takes_images = True
    cost: ClassVar = {"fixed": 0.5, "step": 2.5e-4, "pixel": 4e-7, "tested_pixel": 1.2e-7}
    stops_after = 100

    learning_rate: float
    batch_size: int
    epochs: int
    random_state: Any

    def network(self) -> tuple[type[nnx.Module], dict[str, Any]]:
        """The module class, and its arguments after (shape, classes, rngs) by name."""
        raise NotImplementedError

    def recipe(self, count: int) -> Recipe:  # noqa: ARG002 - for schedules
        """How the module learns from so many images."""
        return Recipe(keras_adam, {"learning_rate": float(self.learning_rate)})

    def images_at_once(self, shape: tuple[int, ...]) -> int | None:  # noqa: ARG002 - for subclasses
        """How many images of this shape a CPU's core works on best at a time; None: any number."""
        return None

    def describe(self, shape: tuple[int, ...], classes: int) -> Network:
        """The network for images of this shape and so many classes."""
        module, arguments = self.network()
        return Network(module, shape, classes, arguments, self.images_at_once(shape))

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        classes: Iterable[Any] | None = None,
        initial: int | None = None,
        test: Labelled | None = None,
        validation: Labelled | None = None,
        evaluate_at: Iterable[int] = (),
        on_epochs: Callable[[int], None] | None = None,
        checkpoint: Checkpoint | None = None,
        devices: int | None = None,
    ) -> Self:
        """Train from fresh weights.

        Args:
            X: Images; see the class.
            y: Their labels (n,).
            classes: All labels that there are, each an output; by default those in `y`.
            initial: The seed of the initial weights, if it is not `random_state`.
            test: Images and labels that are evaluated after the epochs of `evaluate_at` and the last.
            validation: Images and labels that are evaluated then instead; the weights with the lowest
                validation loss are kept, and they alone are tested. Training ends before `epochs` where
                that loss has not fallen for `early_stopping.PATIENCE` times as long.
            evaluate_at: Epochs, from 1; those not before the last are ignored.
            on_epochs: Called every so often with the number of epochs done; may raise.
            checkpoint: Where progress is kept. A run that finds some there goes on from it, and ends
                with the very same numbers.
            devices: So many share out every batch, by default where that is faster: the cores of a CPU.

        Raises:
            ValueError: An argument or hyperparameter is wrong, or JAX has fewer devices.
            FloatingPointError: A loss is not finite.
        """
        held_out = None if validation is None else [validation]
        self.fit_together(
            [self],
            [X],
            [y],
            classes=classes,
            initial=None if initial is None else [initial],
            test=test,
            validation=held_out,
            evaluate_at=evaluate_at,
            on_epochs=on_epochs,
            checkpoint=checkpoint,
            devices=devices,
        )
        return self

    @classmethod
    def fit_together(
        cls,
        models: Sequence[Self],
        X: Sequence[np.ndarray],
        y: Sequence[np.ndarray],
        *,
        classes: Iterable[Any] | None = None,
        initial: Sequence[int] | None = None,
        test: Labelled | None = None,
        validation: Sequence[Labelled] | None = None,
        evaluate_at: Iterable[int] = (),
        on_epochs: Callable[[int], None] | None = None,
        checkpoint: Checkpoint | None = None,
        devices: int | None = None,
    ) -> None:
        """Fit models that differ in `random_state` alone side by side, in one program.

        `X`, `y`, `initial` and `validation` have an element for each, of equal shapes. Each model's times
        are an equal share of the seconds that all took; what was compiled is the first's. Otherwise as
        `fit`.
        """
        first = models[0]
        first._check()
        _check_alike(models)
        inputs = [checked(model, own, fitting=True) for model, own in zip(models, X, strict=True)]
        shape, scale = inputs[0].shape, scale_of(inputs[0].flat)
        images = [_scaled(own.flat, scale) for own in inputs]
        if any(own.shape != images[0].shape or own.dtype != images[0].dtype for own in images):
            raise ValueError("models trained together need images of equal number, shape and type")
        labels = [labels_of(model, own) for model, own in zip(models, y, strict=True)]
        known = np.unique(np.concatenate(labels) if classes is None else np.array([*classes]))

        def labelled(data: Labelled) -> Labelled:
            flat = checked(first, data[0]).flat
            return _scaled(flat, scale), places_of(labels_of(first, data[1]), known, len(flat))

        network = first.describe(shape, len(known))
        fits = train(
            network,
            [(own, places_of(of, known, len(own))) for own, of in zip(images, labels, strict=True)],
            [model._seed() for model in models],
            initial,
            epochs=first.epochs,
            batch_size=int(first.batch_size),
            recipe=first.recipe(len(images[0])),
            test=None if test is None else labelled(test),
            validation=None if validation is None else [labelled(own) for own in validation],
            evaluate_at=evaluate_at,
            on_epochs=on_epochs,
            checkpoint=checkpoint,
            devices=devices,
        )
        for model, fit in zip(models, fits, strict=True):
            model.keep(network, fit.weights, known, scale)
            model.curve_, model.n_iter_ = fit.curve, len(fit.curve.train_loss)
            model.history_ = {"loss": fit.curve.train_loss, "accuracy": fit.curve.train_accuracy}
            model.times_, model.programs_, model.earlier_s_ = fit.times, fit.programs, fit.earlier_s

    def keep(self, network: Network, weights: Weights, classes: np.ndarray, scale: int) -> None:
        """Make it a fitted model with these weights; what belongs to a course of training it has not."""
        self.network_, self.weights_ = network, weights
        self.classes_, self.shape_, self.scale_ = classes, network.shape, scale
        self.n_features_in_, self.layers_ = prod(network.shape), network.layers()
        self.n_parameters_ = sum(leaf.size for leaf in jax.tree.leaves(weights.trained))
        self.n_bytes_ = sum(leaf.nbytes for leaf in jax.tree.leaves(weights))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes), float32."""
        found: np.ndarray = softmax(self._logits(X), axis=1)
        return found

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class, (n,)."""
        places = self._logits(X).argmax(axis=1)
        predicted: np.ndarray = self.classes_[places]
        return predicted

    def _logits(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        images = _scaled(checked(self, X).flat, self.scale_)
        n, images = len(images), padded(images)
        program = prediction_program(self.network_, len(images), images.dtype)
        return np.asarray(program.call(*program.place(images, self.weights_)))[:n]

    def _check(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} is {value!r}: a whole number of 1 or more is needed")
        rate: Any = self.learning_rate
        if not isinstance(rate, Real) or not 0 < float(rate) < np.inf:
            raise ValueError(f"learning_rate is {rate!r}: a number above 0 is needed")

    def steps(self, count: int) -> int:
        """Optimizer steps of training on so many images."""
        return int(self.epochs * -(-count // self.batch_size))

    def _seed(self) -> int:
        seed = self.random_state
        return int(seed) if isinstance(seed, Integral) else check_random_state(seed).randint(2**31)


def activation_function(name: str) -> Callable[[jax.Array], jax.Array]:
    """The activation function of this name; ValueError where there is none."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}: choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def counts(name: str, value: Any) -> tuple[int, ...]:
    """A list of whole numbers above 0, or a single one, as a tuple; ValueError otherwise."""
    found = tuple(np.atleast_1d(np.asarray(value, dtype=object)).tolist())
    if not all(isinstance(one, Integral) and int(one) >= 1 for one in found):
        raise ValueError(f"{name} is {value!r}: whole numbers of 1 or more are needed")
    return tuple(int(one) for one in found)


def _check_alike(models: Sequence[NetworkClassifier]) -> None:
    first, *others = (model.get_params() | {"random_state": None} for model in models)
    for other in others:
        if differing := [name for name in first if first[name] != other.get(name)]:
            raise ValueError(f"models trained together differ in {', '.join(differing)}")


def _scaled(flat: np.ndarray, scale: int) -> np.ndarray:
    """Images (n, p) as the programs take them: bytes where 255 is white, which they divide, or float32."""
    if scale == WHITE and flat.dtype == np.uint8:
        return flat
    scaled = flat.astype(np.float32)
    return scaled if scale == 1 else scaled / np.float32(scale)


@cache
def classifier_for(module: type[nnx.Module]) -> type[NetworkClassifier]:
    """The classifier that trains a Flax NNX module; the same for each call.

    `module` is constructed as `module(shape=, classes=, rngs=, ...)`, with the images' (height, width[,
    channels]), and takes float32 (n, *shape) to logits (n, classes). Its further arguments are the
    classifier's hyperparameters, besides those of training. Raises ValueError for another constructor.
    """
    parameters = [*inspect.signature(module.__init__).parameters.values()][1:]
    own = parameters[3:]
    if [p.name for p in parameters[:3]] != ["shape", "classes", "rngs"]:
        raise ValueError(f"{module.__name__}.__init__ must begin with (self, shape, classes, rngs)")
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY) for p in parameters):
        raise ValueError(f"{module.__name__}.__init__ must name all of its arguments")
    if lacking := [p.name for p in own if p.default is p.empty]:
        raise ValueError(f"{module.__name__}.__init__ must give {', '.join(lacking)} a default")
    training = {"learning_rate": 0.001, "batch_size": 16, "epochs": 10, "random_state": None}
    if taken := sorted({p.name for p in own} & training.keys()):
        raise ValueError(f"{module.__name__}.__init__ takes {', '.join(taken)}, which the training does")
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
            *(p.replace(kind=keyword) for p in own),
            *(inspect.Parameter(n, keyword, default=value) for n, value in training.items()),
        ]
    )

    def __init__(self: NetworkClassifier, **arguments: Any) -> None:
        bound = signature.bind(self, **arguments)
        bound.apply_defaults()
        for name in list(bound.arguments)[1:]:
            setattr(self, name, bound.arguments[name])

    def network(self: NetworkClassifier) -> tuple[type[nnx.Module], dict[str, Any]]:
        return module, {p.name: getattr(self, p.name) for p in own}

    def __reduce__(self: NetworkClassifier) -> tuple[Any, ...]:
        return _blank, (module,), self.__getstate__()

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    members = {
        "__init__": __init__,
        "__reduce__": __reduce__,  # the class itself cannot be found by name
        "__doc__": module.__doc__,
        "__module__": module.__module__,
        "name": module.__name__,
        "label": module.__name__,
        "network": network,
    }
    return type(module.__name__, (NetworkClassifier,), members)


def _blank(module: type[nnx.Module]) -> NetworkClassifier:
    kind = classifier_for(module)
    return kind.__new__(kind)
