"""The classifiers as scikit-learn's tools use them, and what they say of wrong values."""

import inspect
import pickle

import numpy as np
import pytest
from conftest import blobs
from flax import nnx
from hexbench.models.cnn import CNNClassifier
from hexbench.models.mlp import MLPClassifier
from hexbench.models.network import ACTIVATIONS, NetworkClassifier, classifier_for
from hexbench.models.svm import SVMClassifier, SVMGridClassifier
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Tiny(nnx.Module):
    """A module as a user writes it."""

    def __init__(self, shape, classes, rngs, width=48, *, activation="relu"):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)
        self.activation = activation

    def __call__(self, x):
        x = self.hidden(x.reshape(len(x), -1))
        return self.output(ACTIVATIONS[self.activation](x))


TinyClassifier = classifier_for(Tiny)
OTHERS = CNNClassifier(channels=(8,)), TinyClassifier(epochs=20)
NETWORKS = [MLPClassifier(epochs=40), *(pytest.param(model, marks=pytest.mark.slow) for model in OTHERS)]
MODELS = [*NETWORKS, SVMClassifier(), SVMGridClassifier(C=(1, 10), gamma=(0.1,))]


@pytest.fixture(scope="module")
def digits():
    """Pixels (n, 64) from 0 to 1, and labels that are words."""
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, np.array([f"digit {label}" for label in y[:600]])


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_in_pipelines_and_cross_validation_with_labels_of_text(model, digits):
    seeded = clone(model).set_params(random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), seeded), *digits, cv=3).mean() > 0.7


@pytest.mark.slow
def test_in_a_grid_search(digits):
    search = GridSearchCV(MLPClassifier(epochs=5, random_state=0), {"learning_rate": [1e-5, 0.01]}, cv=2)
    assert search.fit(*digits).best_params_ == {"learning_rate": 0.01}


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_unfitted_ones_are_cloned_and_pickled(model):
    for copy in (clone(model), pickle.loads(pickle.dumps(model))):
        assert type(copy) is type(model)
        assert copy.get_params() == model.get_params()
    assert clone(model).set_params(random_state=3).random_state == 3


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_fitted_ones_are_pickled(model, digits):
    X, y = digits[0][:100], digits[1][:100]
    fitted = clone(model).fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))


@pytest.mark.parametrize("model", NETWORKS, ids=str)
@pytest.mark.slow
def test_probabilities_and_predictions_agree(model):
    images, labels = blobs(60)
    fitted = clone(model).fit(images, labels, test=(images, labels))
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (60, 17)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    predicted = fitted.predict(images)
    np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    evaluation = fitted.curve_.evaluations[fitted.n_iter_]
    np.testing.assert_array_equal(predicted, evaluation.predicted)
    np.testing.assert_allclose(probabilities.max(axis=1), evaluation.confidence, rtol=1e-5)


@pytest.mark.slow
def test_what_a_fitted_network_says_of_itself():
    images, labels = blobs(60, classes=5)
    model = CNNClassifier(epochs=2).fit(images, labels, classes=range(17))
    assert model.n_parameters_ == 158_385 == sum(layer["parameters"] for layer in model.layers_)
    assert (model.n_features_in_, model.shape_, model.n_iter_) == (400, (20, 20), 2)
    assert model.classes_.tolist() == list(range(17))
    assert set(model.times_) == {"compile_s", "first_call_s", "train_s", "epoch_s"}
    assert model.earlier_s_ == 0
    assert model.curve_.epoch == 2
    tested = CNNClassifier(epochs=1).fit(images, labels, test=(images, labels))
    assert set(tested.times_) == {*model.times_, "evaluate_s", "predict_s"}


@pytest.mark.slow
def test_classes_are_those_of_the_labels_or_those_given():
    images, labels = blobs(60, classes=3)
    words = np.array(["ten", "one", "two"])[labels]
    model = MLPClassifier(epochs=40, random_state=0).fit(images, words, test=(images, words))
    assert model.classes_.tolist() == ["one", "ten", "two"]
    predicted = model.curve_.evaluations[40].predicted
    assert predicted.dtype == np.uint8
    np.testing.assert_array_equal(model.classes_[predicted], model.predict(images))
    assert model.score(images, words) > 0.9
    with pytest.raises(ValueError, match="label ten is not among the classes"):
        MLPClassifier().fit(images, words, classes=["one", "two"])


@pytest.mark.slow
def test_more_classes_than_a_byte_holds():
    images, labels = blobs(20)
    model = MLPClassifier(epochs=1).fit(images, labels, classes=range(300), test=(images, labels))
    assert model.curve_.evaluations[1].predicted.dtype == np.uint16


@pytest.mark.parametrize("model", NETWORKS[:2], ids=str)
def test_uint8_is_divided_by_255_and_floats_are_taken_as_they_are(model):
    images, labels = blobs(60)
    model = clone(model).set_params(random_state=0, epochs=2)
    whole = clone(model).fit(images, labels)
    scaled = clone(model).fit(images.astype(np.float32) / np.float32(255), labels)
    np.testing.assert_allclose(whole.curve_.train_loss, scaled.curve_.train_loss, rtol=1e-6)
    unscaled = clone(model).fit(images.astype(np.float64), labels)
    assert unscaled.curve_.train_loss != pytest.approx(whole.curve_.train_loss, rel=1e-3)
    assert (whole.scale_, scaled.scale_, unscaled.scale_) == (255, 1, 1)
    # The scale is that of what was fitted, whatever the type is now; floats are not rounded to bytes.
    found = whole.predict_proba(images)
    np.testing.assert_allclose(found, whole.predict_proba(images.astype(np.float64)), atol=1e-6)
    np.testing.assert_allclose(found, scaled.predict_proba(images / 255.0), atol=1e-5)
    assert np.abs(found - whole.predict_proba(images + 0.4)).max() > 1e-6


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_images_may_be_flat_or_not(model):
    images, labels = blobs(60, classes=8)
    model = clone(model).set_params(random_state=0)
    flat, square = clone(model).fit(images, labels), clone(model).fit(images.reshape(60, 20, 20), labels)
    np.testing.assert_array_equal(flat.predict(images.reshape(60, 20, 20)), square.predict(images))
    if isinstance(model, NetworkClassifier):
        assert flat.curve_.train_loss == square.curve_.train_loss
        assert flat.shape_ == square.shape_ == (20, 20)


@pytest.mark.parametrize(
    "model", [MLPClassifier(epochs=30), CNNClassifier((8, 4), 2, epochs=30), SVMClassifier()], ids=str
)
@pytest.mark.slow
def test_images_with_channels(model):
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = rng.integers(0, 100, (90, 10, 12, 3), dtype=np.uint8)
    images[np.arange(90), :, :, labels] += 120  # the class is a colour
    seeded = clone(model).set_params(random_state=0)
    assert seeded.fit(images[:60], labels[:60]).score(images[60:], labels[60:]) > 0.9


@pytest.mark.slow
def test_features_that_are_no_square_image():
    images, labels = blobs(60)
    assert MLPClassifier(epochs=1).fit(images[:, :390], labels).shape_ == (390,)
    with pytest.raises(ValueError, match=r"images \(n, height, width"):
        CNNClassifier().fit(images[:, :390], labels)


@pytest.mark.slow
def test_a_classifier_made_of_a_module():
    assert classifier_for(Tiny) is TinyClassifier
    assert issubclass(TinyClassifier, NetworkClassifier)
    assert TinyClassifier.name == TinyClassifier.label == TinyClassifier.__name__ == "Tiny"
    parameters = inspect.signature(TinyClassifier).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "width": 48,
        "activation": "relu",
        "learning_rate": 0.001,
        "batch_size": 16,
        "epochs": 10,
        "random_state": None,
    }
    assert set(parameters) == set(TinyClassifier().get_params())
    model = TinyClassifier(width=5, epochs=1).fit(*blobs(60))
    assert model.n_parameters_ == 401 * 5 + 6 * 17
    assert [layer["name"] for layer in model.layers_] == ["hidden", "output"]
    with pytest.raises(TypeError, match="widht"):
        TinyClassifier(widht=5)


def takes_no_shape(self, rngs, width=48):
    pass


def takes_anything(self, shape, classes, rngs, **options):
    pass


def takes_epochs(self, shape, classes, rngs, epochs=3):
    pass


@pytest.mark.parametrize(
    ("constructor", "fault"),
    [
        (takes_no_shape, r"must begin with \(self, shape, classes, rngs\)"),
        (takes_anything, "must name all of its arguments"),
        (takes_epochs, "takes epochs, which"),
    ],
)
def test_a_module_with_another_constructor_is_refused(constructor, fault):
    with pytest.raises(ValueError, match=f"^Odd.__init__ {fault}"):
        classifier_for(type("Odd", (nnx.Module,), {"__init__": constructor}))


def test_a_module_whose_logits_are_not_one_a_class_is_refused():
    class Short(Tiny):
        def __call__(self, x):
            return super().__call__(x)[:, 1:]

    with pytest.raises(ValueError, match=r"logits of shape \(16, 16\), not \(16, 17\)"):
        classifier_for(Short)().fit(*blobs(60))


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (MLPClassifier(epochs=0), "epochs is 0: a whole number of 1 or more"),
        (MLPClassifier(epochs=1.5), "epochs is 1.5: a whole number"),
        (CNNClassifier(batch_size=-1), "batch_size is -1: a whole number"),
        (CNNClassifier(learning_rate=0), "learning_rate is 0: a number above 0"),
        (MLPClassifier(learning_rate="fast"), "learning_rate is 'fast': a number above 0"),
        (MLPClassifier(learning_rate=float("nan")), "learning_rate is nan"),
        (MLPClassifier(hidden_layer_sizes=(10, 0)), r"hidden_layer_sizes is \(10, 0\): whole numbers"),
        (CNNClassifier(channels=["many"]), r"channels is \['many'\]: whole numbers"),
        (CNNClassifier(kernel_size=0), "kernel_size is .*: whole numbers"),
        (MLPClassifier(activation="rely"), "activation is 'rely': choose one of .*identity.*relu.*tanh"),
        (CNNClassifier(activation=None), "activation is None: choose one of"),
    ],
    ids=str,
)
def test_a_wrong_hyperparameter_is_named_when_fitting(model, fault):
    with pytest.raises(ValueError, match=fault):
        model.fit(*blobs(34))


def test_images_of_another_size_are_refused():
    images, labels = blobs(51)
    model = MLPClassifier(epochs=1).fit(images, labels)
    with pytest.raises(ValueError, match="X has 399 features, but MLPClassifier is expecting 400"):
        model.predict(images[:, 1:])
    with pytest.raises(ValueError, match="X has 399 features"):
        MLPClassifier(epochs=1).fit(images, labels, test=(images[:, 1:], labels))
    with pytest.raises(ValueError, match="51 images, but 50 labels"):
        MLPClassifier(epochs=1).fit(images, labels[1:])


def test_models_trained_together_differ_in_their_seed_alone():
    images, labels = blobs(34)
    models = [MLPClassifier(), MLPClassifier(learning_rate=0.01)]
    with pytest.raises(ValueError, match="differ in learning_rate"):
        MLPClassifier.fit_together(models, [images] * 2, [labels] * 2)
    with pytest.raises(ValueError, match="equal number, shape and type"):
        MLPClassifier.fit_together([clone(m) for m in models[:1] * 2], [images, images[1:]], [labels] * 2)


@pytest.mark.slow
def test_without_a_seed_each_fit_is_another():
    images, labels = blobs(34)
    first, second = (MLPClassifier(epochs=1).fit(images, labels).curve_.train_loss for _ in range(2))
    assert first != second
