"""What is expected of a model, one function a check, on a few of scikit-learn's digits.

A check returns what it saw, half a sentence. It raises Fault, Remark or NotApplicable with one; whatever else
is raised is a fault too.
"""

import io
from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from hexbench.contract.subject import (
    FITTED,
    PREDICTED,
    Images,
    Subject,
    differing_in,
    enlarged,
    plain,
)
from hexbench.files import said, short

LEARNED = 0.5
"""Of the images that it was fitted on a model must classify this share; guessing gets a tenth."""
STEPS = 1_000
"""Of the optimizer, that a network is given for that."""
CLOSE, SAME = 1e-3, 1e-6
"""How much probabilities may differ: by rounding in batches of other sizes, and where nothing differs."""


class Fault(Exception):
    """The model does not behave."""


class Remark(Exception):
    """It behaves, but that may not be what is meant."""


class NotApplicable(Exception):
    """The check says nothing about this model."""


def constructor(subject: Subject) -> str:
    """Its arguments are its hyperparameters, and it can be copied."""
    from sklearn.base import clone

    model, wanted = subject.model(), dict(subject.entry.defaults)
    found = model.get_params(deep=False)
    if lost := [name for name in wanted if name not in found]:
        raise Fault(f"get_params lacks {', '.join(lost)}: name every argument in __init__, without * or **")
    if changed := [name for name, value in wanted.items() if plain(found[name]) != value]:
        raise Fault(
            f"{', '.join(changed)} differs after construction: __init__ must keep every argument unchanged, "
            "under its name"
        )
    if plain(clone(model).get_params(deep=False)) != plain(found):
        raise Fault("clone gives other hyperparameters: __init__ must keep every argument under its name")
    count = f"{len(wanted)} hyperparameter{'' if len(wanted) == 1 else 's'}"
    return f"{count}, kept as given; clone copies them"


def fits(subject: Subject) -> str:
    """It is fitted on images and predicts others."""
    base = subject.base
    return f"fitted on {FITTED} {base.what}: {_shapes(subject, subject.fitted, base)}"


def _shapes(subject: Subject, model: Any, images: Images) -> str:
    """What it predicts for the test images; Fault where that has not the right shape."""
    count, known = len(images.test), np.unique(images.y)
    predicted = np.asarray(model.predict(images.test))
    if predicted.shape != (count,):
        raise Fault(f"predict gives {predicted.shape}, not {(count,)}: return one label an image")
    if not np.isin(predicted, known).all():
        raise Fault(
            f"predict gives {short(str(predicted[~np.isin(predicted, known)][0]))}, which is no label"
        )
    if not (subject.entry.probabilities and hasattr(model, "predict_proba")):
        return f"predict gives {predicted.shape}, there is no predict_proba"
    shares = np.asarray(model.predict_proba(images.test), float)
    wanted = (count, len(model.classes_))
    if shares.shape != wanted:
        raise Fault(f"predict_proba gives {shares.shape}, not {wanted}: a column for each of classes_")
    if not np.isfinite(shares).all():
        raise Fault("predict_proba gives numbers that are not finite: look for log(0), 0/0 and overflow")
    if (shares < 0).any() or not np.allclose(shares.sum(axis=1), 1, atol=CLOSE):
        raise Fault("the rows of predict_proba are no probabilities: none below 0, and 1 in all")
    return f"predict gives {predicted.shape}, predict_proba {shares.shape}"


def _other_images(subject: Subject, images: Images) -> str:
    """The same on other images, which a model may refuse by ValueError."""
    try:
        model = subject.fit(images)
    except ValueError as error:
        raise NotApplicable(f"it refuses {images.what}: {said(error)}") from None
    except Exception as error:
        raise Fault(
            f"fit raises {said(error)} with {images.what}: take their size from what is given, or "
            "raise ValueError with a sentence if they cannot be taken"
        ) from None
    return f"with {images.what}: {_shapes(subject, model, images)}"


def larger(subject: Subject) -> str:
    """Images of another size."""
    return _other_images(subject, subject.images(enlarged))


def oblong(subject: Subject) -> str:
    """Non-square images."""
    return _other_images(subject, subject.images(lambda images: enlarged(images)[:, :, : -images.shape[2]]))


def colour(subject: Subject) -> str:
    """Images in colour."""
    return _other_images(subject, subject.images(lambda images: np.stack([images] * 3, axis=-1)))


def two_classes(subject: Subject) -> str:
    """Two classes, as in tasks of few."""
    base = subject.base
    kept, tested = base.y < 2, base.test_labels < 2
    return _other_images(
        subject,
        Images("two classes", base.X[kept], base.y[kept], base.test[tested], base.test_labels[tested]),
    )


def missing_class(subject: Subject) -> str:
    """A class without a training image, as in small training sets."""
    base = subject.base
    kept = base.y != 2
    return _other_images(subject, base._replace(what="no image of one class", X=base.X[kept], y=base.y[kept]))


def learns(subject: Subject) -> str:
    """It learns the images that it is fitted on."""
    base, entry, longer = subject.base, subject.entry, {}
    if entry.learning_curve and "epochs" in entry.defaults:
        each = ceil(FITTED / int(entry.defaults.get("batch_size") or FITTED))
        longer = {"epochs": max(entry.defaults["epochs"], ceil(STEPS / each))}
    model = subject.fit(base, **longer) if longer else subject.fitted
    right = int((np.asarray(model.predict(base.X)) == base.y).sum())
    after = f" after {longer['epochs']:,} epochs" if longer else ""
    if right < LEARNED * FITTED:
        raise Fault(
            f"{right} of its own {FITTED} training images are classified correctly{after}, and "
            f"{LEARNED * FITTED:.0f} are expected: look at the loss, the order of the labels and the "
            "learning rate"
        )
    return f"{right} of its own {FITTED} training images are classified correctly{after}"


def leaves_input_alone(subject: Subject) -> str:
    """It does not change what it is given."""
    base = subject.base
    given = base._replace(X=base.X.copy(), y=base.y.copy(), test=base.test.copy())
    subject.predictions(subject.fit(given), given.test)
    for name in ("X", "y", "test"):
        if not np.array_equal(getattr(given, name), getattr(base, name)):
            what = "predict changes the images" if name == "test" else f"fit changes {name}"
            raise Fault(f"{what} that it is given: work on a copy")
    return "images and labels are as they were"


def same_seed(subject: Subject) -> str:
    """Equal seeds give equal models."""
    first = subject.predictions(subject.fitted, subject.base.test)
    second = subject.predictions(subject.fit(subject.base), subject.base.test)
    if differing := differing_in(first, second, SAME):
        raise Fault(
            f"two fits with random_state=0 differ in their predictions for {differing} of {PREDICTED} "
            "images: take random_state in __init__, and seed everything random by it"
        )
    return "two fits with random_state=0 predict the same"


def other_seed(subject: Subject) -> str:
    """Other seeds give other models."""
    if subject.entry.deterministic:
        raise NotApplicable("it is declared deterministic")
    first = subject.predictions(subject.fitted, subject.base.test)
    second = subject.predictions(subject.fit(subject.base, seed=1), subject.base.test)
    if not differing_in(first, second, 0.0):
        raise Remark(
            "fits with random_state 0 and 1 predict the same: if nothing in it is random, declare "
            "deterministic = True in the class, and one seed is enough"
        )
    return "random_state 0 and 1 give different models"


def pickling(subject: Subject) -> str:
    """A fitted model survives being stored."""
    import joblib

    stored = io.BytesIO()
    try:
        joblib.dump(subject.fitted, stored)
        stored.seek(0)
        again = joblib.load(stored)
    except Exception as error:
        raise Fault(
            f"it cannot be pickled ({said(error)}): keep no lambda, open file or local class in it"
        ) from None
    base = subject.base
    if differing_in(
        subject.predictions(subject.fitted, base.test), subject.predictions(again, base.test), SAME
    ):
        raise Fault(
            "it predicts otherwise after joblib.dump and load: keep all that it learned in attributes"
        )
    return "it predicts the same after joblib.dump and load"


def images_apart(subject: Subject) -> str:
    """What is predicted for an image does not depend on the others."""
    test, model = subject.base.test, subject.fitted
    together = subject.predictions(model, test)
    apart = np.concatenate([subject.predictions(model, part) for part in (test[:1], test[1:7], test[7:])])
    backwards = subject.predictions(model, test[::-1])[::-1]
    if differing := max(differing_in(together, other, CLOSE) for other in (apart, backwards)):
        raise Fault(
            f"the predictions for {differing} of {len(test)} images depend on the images that are predicted "
            "with them: use no statistics of what is predicted, as batch normalisation does in training mode"
        )
    return f"{len(test)} images are predicted alike together, in parts and backwards"


def unseen_test_images(subject: Subject) -> str:
    """Evaluating test images on the way changes nothing."""
    if not subject.entry.learning_curve:
        raise NotApplicable("its fit gets the training images alone")
    base = subject.base
    evaluated = {"test": (base.test, base.test_labels), "evaluate_at": (1, 2)}
    others = {"test": (base.test[::-1] // 2, base.test_labels)}
    before = subject.predictions(subject.fitted, base.test)
    for what, options in (("evaluations on the way", evaluated), ("other test images", others)):
        if differing_in(before, subject.predictions(subject.fit(base, **options), base.test), CLOSE):
            raise Fault(f"{what} change the model: __call__ must leave its module as it is in evaluation")
    return "evaluations on the way and other test images leave the model as it is"


def _module(subject: Subject) -> tuple[Any, np.ndarray, int]:
    """A network's Flax module in evaluation mode, images (n, *shape) in 0 to 1, and how many classes."""
    if not hasattr(subject.entry.load(), "network"):
        raise NotApplicable("not a Flax module")
    from flax import nnx

    kind, arguments = subject.model().network()
    shape, count = subject.fitted.shape_, len(subject.fitted.classes_)
    module = kind(shape, count, nnx.Rngs(0), **arguments)
    module.eval()
    X = subject.base.test
    scaled = X / np.float32(255) if X.dtype == np.uint8 else X
    return module, scaled.reshape(-1, *shape).astype(np.float32), count


def logits(subject: Subject) -> str:
    """The output of a Flax module."""
    module, images, count = _module(subject)
    found = module(images)
    if found.shape != (len(images), count):
        raise Fault(f"__call__ gives {found.shape}, not {(len(images), count)}: a logit for each class")
    if str(found.dtype) != "float32":
        raise Fault(f"__call__ gives {found.dtype}, not float32: convert the logits")
    whole = np.asarray(found)
    if (whole >= 0).all() and np.allclose(whole.sum(axis=1), 1, atol=CLOSE):
        raise Fault(
            "__call__ gives probabilities, not logits: leave out the softmax, which the loss has in it"
        )
    return f"__call__ gives logits {found.shape}, {found.dtype}"


def compiles(subject: Subject) -> str:
    """A Flax module can be compiled, and is the same then."""
    from flax import nnx

    module, images, _ = _module(subject)
    eager, compiled = module(images), nnx.jit(lambda of, x: of(x))(module, images)
    if not np.allclose(eager, compiled, atol=CLOSE):
        raise Fault(
            "its logits are others once it is compiled: __call__ must depend on weights and images alone"
        )
    return "compiled it gives the same logits"


CHECKS: dict[str, Callable[[Subject], str]] = {
    "constructor": constructor,
    "fits and predicts": fits,
    "larger images": larger,
    "non-square images": oblong,
    "images in colour": colour,
    "two classes": two_classes,
    "a class without images": missing_class,
    "learns": learns,
    "leaves its input alone": leaves_input_alone,
    "same seed, same model": same_seed,
    "honours random_state": other_seed,
    "survives pickling": pickling,
    "predicts images one by one": images_apart,
    "does not see test images": unseen_test_images,
    "logits": logits,
    "compiles": compiles,
}
"""In their order."""
NEEDED = ("constructor", "fits and predicts")
"""Without which the others say nothing."""
