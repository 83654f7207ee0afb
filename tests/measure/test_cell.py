import base64
import json

import msgspec
import numpy as np
import pytest
from cells import cell, small
from hexbench.data.dataset import Dataset
from hexbench.measure.cell import failed, measure, measure_together
from hexbench.measure.snapshot import calibration, confusion, kept_epochs, mistakes, snapshot
from hexbench.models import entries, entry_of
from hexbench.plan.cell import SOURCES
from hexbench.store.encoding import decode, encode
from hexbench.store.record import LAST, Search
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data import synthetic as strokes
from hexbench.studies.digit_recognizer.data.sources import IMAGES_IN_FULL
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

MODELS = entries()
CONTRACT = {
    *("key", "status", "model", "params", "train_size", "batch_size", "epochs", "seed", "split", "data"),
    *("parameters", "metrics", "history", "confusion", "times", "device", "timing_clean", "error"),
    *("snapshots", "environment"),
}
NETWORK = cell("mlp", 150, epochs=8, evaluate_at=(3, 4), snapshot_at=(3,))
SEARCH = cell("svm_grid", images=100)


def record_of(of, data, **options):
    return measure(of, data, MODELS[of.model], **options)


def written(record):
    """What stands in the file."""
    content = encode(record)
    assert decode(content, record.key) == record, "it is sound"
    assert len(content) < 100_000
    found = json.loads(content)
    assert found.keys() >= CONTRACT
    return found


def evaluated_in(history):
    return {e: a for e, a in zip(history.epoch, history.test_accuracy, strict=True) if a is not None}


def test_a_networks_record(small_data):
    told = []
    record = record_of(NETWORK, small_data, on_epochs=told.append)
    assert written(record)["status"] == "done"
    assert record.params == NETWORK.params
    assert told[-1] == record.epochs == 8
    history = record.history
    assert history.epoch == list(range(1, 9))
    assert list(evaluated_in(history)) == [3, 4, 8]
    assert history.test_accuracy[-1] == record.metrics.test_accuracy
    assert history.validation_loss is None
    assert sum(layer.parameters for layer in record.layers) == record.parameters == 4_197
    assert [layer.name for layer in record.layers] == ["hidden1", "output"]
    assert set(record.snapshots) == {"3", "8"}, "4 was evaluated, but nobody asked for its predictions"
    assert record.tested == np.sum(record.confusion) == 90
    assert np.trace(record.confusion) / 90 == pytest.approx(record.metrics.test_accuracy)
    assert record.correct("8").mean() == pytest.approx(record.metrics.test_accuracy)
    assert np.trace(record.matrix("3")) / 90 == pytest.approx(evaluated_in(history)[3])
    times = record.times
    assert None not in (times.compile_s, times.first_call_s, times.train_s, times.epoch_s)
    assert None not in (times.evaluate_s, times.predict_s)
    assert times.total_s >= times.train_s > 0
    assert sum(record.programs.values()) == 2
    assert record.environment.processor


def test_one_source_is_drawn_by_the_seed_and_the_others_are_held(small_data):
    """Held at its own seed a source is what it is without being held, and another seed changes one alone."""
    plain = record_of(NETWORK, small_data)
    of = {}
    for source in SOURCES:
        held = tuple(other for other in SOURCES if other != source)
        same, other = (
            record_of(NETWORK.but(seed=seed, held=held, held_seed=NETWORK.seed), small_data)
            for seed in (NETWORK.seed, NETWORK.seed + 1)
        )
        assert written(other)["held"] == list(held)
        assert same.history.train_loss == plain.history.train_loss
        of[source] = other.history.train_loss
        assert of[source] != plain.history.train_loss
    assert len({tuple(losses) for losses in of.values()}) == 3


def test_losses_are_kept_where_they_are_asked_for(small_data):
    record = record_of(NETWORK.but(losses=True), small_data)
    assert written(record)["losses"]
    for name, epoch in (("3", 3), ("8", 8)):
        losses = record.image_losses(name)
        assert losses.shape == (90,)
        exact = record.history.test_loss[epoch - 1]
        assert losses.mean() == pytest.approx(exact, rel=0.01)
    assert record_of(NETWORK, small_data).image_losses("8") is None
    content = json.loads(encode(record))
    content["snapshots"]["8"]["losses"] = content["snapshots"]["8"]["losses"][:-8]
    with pytest.raises(ValueError, match="not a loss for each test image"):
        decode(json.dumps(content).encode(), record.key)


@pytest.mark.slow
def test_another_learning_rate_is_another_record_that_trains_otherwise(small_data):
    slow, fast = (
        record_of(cell("mlp", 150, epochs=4, learning_rate=rate), small_data) for rate in (1e-6, 0.1)
    )
    assert slow.key != fast.key
    assert (slow.params["learning_rate"], fast.params["learning_rate"]) == (1e-6, 0.1)
    assert slow.metrics.train_loss > 1.2 * fast.metrics.train_loss
    again = record_of(cell("mlp", 150, epochs=4, learning_rate=1e-6), small_data)
    assert again.metrics == slow.metrics, "no program of another learning rate was taken"


@pytest.mark.slow
def test_a_network_of_another_width_says_so(small_data):
    record = record_of(cell("mlp", 150, epochs=2, hidden_layer_sizes=(32, 8), activation="relu"), small_data)
    assert [layer.name for layer in record.layers] == ["hidden1", "hidden2", "output"]
    assert record.parameters == 401 * 32 + 33 * 8 + 9 * 17


def wrong_held_out(of, data):
    """Data whose held-out images are of other classes than their labels say: training does no good."""
    rows = data.draw(of.subset, of.parts, of.seed)
    images, labels = data.images.copy(), data.labels
    for row in rows.validation:
        images[row] = data.images[np.argmax(labels == (labels[row] + 1) % 17)]
    return course.dataset("wrong", images, labels)


@pytest.mark.slow
def test_an_early_stopping_cell_tests_the_epoch_that_validation_chose(small_data):
    of = cell("mlp", 100, held_out=20, seed=1, epochs=400, evaluate_at=(1, 10, 50, 100, 200), snapshot_at=())
    record = record_of(of, wrong_held_out(of, small_data))
    stopped, history = record.stopped_at, record.history
    assert stopped <= 10
    known = {e: v for e, v in zip(history.epoch, history.validation_loss, strict=True) if v is not None}
    assert set(known) == {1, 10, 50}, "four times as many epochs without a lower loss are enough"
    assert record.epochs == history.epoch[-1] == 50
    assert record.planned_epochs == 400
    written(record)
    assert min(known, key=known.get) == stopped
    assert evaluated_in(history) == {stopped: record.metrics.test_accuracy}, (
        "no other epoch saw the test images"
    )
    assert list(record.snapshots) == [str(stopped)] == [record.last]
    assert record.metrics.train_accuracy == pytest.approx(history.train_accuracy[stopped - 1], rel=1e-5)
    right = record_of(of, small_data)
    assert right.stopped_at >= 100
    assert right.epochs == 400


def test_a_simpler_task_has_few_digits_and_another_seed_others(small_data):
    tasks = set()
    for seed in range(8):
        rows = small_data.draw(*drawn(cell("svm_grid", 20, classes=2, seed=seed)))
        digits = set(small_data.labels[rows.train])
        assert len(digits) == 2
        assert digits == set(small_data.labels[rows.test])
        assert 16 not in digits
        assert len(rows.train) == 20
        assert len(rows.validation) == 0
        tasks.add(tuple(sorted(digits)))
    assert len(tasks) > 4
    record = record_of(cell("svm_grid", 20, classes=2), small_data)
    assert record.subset.classes == 2
    assert len(record.confusion) == 17
    with pytest.raises(ValueError, match=r"there are \d+ training and \d+ test images of ., .; 200 are"):
        small_data.draw(*drawn(cell("svm_grid", 200, classes=2)))


def drawn(of):
    return of.subset, of.parts, of.seed


def test_a_searchs_record_and_one_with_the_hyperparameters_it_chose(small_data):
    grid = record_of(SEARCH, small_data)
    found = written(grid)
    assert (grid.epochs, grid.batch_size, grid.history) == (None, None, None)
    assert (found["epochs"], found["batch_size"], found["history"]) == (None, None, None)
    assert len(grid.search.mean_score) == len(grid.search.points) == 32
    assert grid.search.folds == 5
    assert grid.search.best_score == max(grid.search.mean_score)
    assert grid.params == SEARCH.params
    assert grid.metrics.test_loss is None
    assert (grid.train_size, grid.tested) == (70, 30)
    assert grid.times.search_s > 0 < grid.times.train_s
    of = cell("svm", 200, params_from=SEARCH)
    chosen = record_of(of, small_data, search=grid)
    best = grid.search.best
    assert chosen.params == {"probability": False} | best
    assert chosen.chosen == ("C", "gamma", "kernel")
    assert chosen.key == of.key_on(small_data.fingerprint)
    assert chosen.train_size == 200
    written(chosen)
    images = small_data.images.reshape(-1, 400) / 255.0
    rows = small_data.draw(*drawn(of))
    plain = SVC(**best).fit(images[rows.train], small_data.labels[rows.train])
    expected = plain.predict(images[rows.test]) == small_data.labels[rows.test]
    np.testing.assert_array_equal(chosen.correct(LAST), expected)
    with pytest.raises(RuntimeError, match=r"search that chooses .* has failed: MemoryError: no"):
        record_of(of, small_data, search=failed(SEARCH, small_data, MODELS["svm_grid"], MemoryError("no")))
    with pytest.raises(RuntimeError, match=r"search that chooses .* has no record"):
        record_of(of, small_data)


def test_a_record_with_a_chosen_hyperparameter_that_the_key_would_not_know_is_refused(small_data):
    grid = record_of(SEARCH, small_data)
    chosen = record_of(cell("svm", 200, params_from=SEARCH), small_data, search=grid)
    for wrong in ({"chosen": ("C", "gamma")}, {"params": chosen.params | {"probability": True}}):
        with pytest.raises(ValueError, match="its key is not that of its specification"):
            decode(encode(msgspec.structs.replace(chosen, **wrong)), chosen.key)


def test_of_equal_points_the_first_is_chosen():
    points = [{"C": 1}, {"C": 2}, {"C": 3}]
    assert Search(0.5, points=points, mean_score=[0.4, 0.5, 0.5]).best == {"C": 2}


def test_a_failed_cells_record_has_every_field_that_it_can_have(small_data):
    record = failed(NETWORK, small_data, MODELS["mlp"], ValueError("no\nbest \udce9"))
    content = encode(record)
    assert decode(content, record.key) == record
    found = json.loads(content)
    nothing = {"parameters", "metrics", "history", "confusion", "times", "snapshots"}
    assert found.keys() >= CONTRACT - nothing
    assert found["status"] == "failed"
    assert found["error"] == "ValueError: no\nbest \\udce9"
    assert found["epochs"] == 8
    assert found["params"]["hidden_layer_sizes"] == [10]


@pytest.mark.slow
def test_the_longest_record_stays_under_100_kB():
    everything = course.dataset("synthetic", *strokes.draw(IMAGES_IN_FULL))
    of = cell("mlp", 100, batch_size=100, epochs=33_700, evaluate_at=(3, 5, 15, 50))
    record = record_of(of, everything)
    written(record)
    history = record.history
    assert history.epoch[:250] == list(range(1, 251))
    assert history.epoch[-1] == 33_700
    lists = [values for values in msgspec.structs.astuple(history) if values is not None]
    assert {len(values) for values in lists} == {len(history.epoch)}


def test_histories_are_whole_up_to_500_epochs():
    assert kept_epochs(500, set()) == list(range(1, 501))
    thinned = kept_epochs(20_000, {7777})
    assert len(thinned) <= 501
    assert thinned[:250] == list(range(1, 251))
    assert {7777, 20_000} <= set(thinned)


def test_a_snapshot_holds_what_it_says():
    labels, predicted = np.array([0, 1, 2, 2], np.uint8), np.array([0, 2, 2, 1], np.uint8)
    confidence = np.array([0.95, 0.3, 1.0, 0.9], np.float32)
    images = np.arange(1600).reshape(4, 20, 20).astype(np.uint8)
    found = mistakes(images, labels, predicted, confidence)
    kept = snapshot(predicted == labels, confidence, None, found)
    bits = np.unpackbits(np.frombuffer(base64.b64decode(kept.correct), np.uint8))[:4]
    assert bits.tolist() == [1, 0, 1, 0]
    matrix = confusion(labels, predicted, 3)
    assert matrix == [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    assert [(m.label, m.predicted) for m in found] == [(2, 1), (1, 2)], "the most confident mistake first"
    pixels = np.frombuffer(found[0].pixels, np.uint8)
    np.testing.assert_array_equal(pixels.reshape(20, 20), images[3])
    bins = calibration(predicted == labels, confidence)
    assert [b.images for b in bins] == [1, 3]
    assert bins[0].accuracy == 0
    assert snapshot(predicted == labels, None, None, []).calibration is None


# --- Models of one's own: classes with fit and predict alone. ---


def own(model, **changes):
    return entry_of(model, **changes)


def cell_of(entry, train_size=150, **params):
    plain = cell("svm", train_size)
    return plain.but(model=entry.name, params=dict(entry.defaults) | params)


class Forest(RandomForestClassifier):
    def __init__(self, n_estimators=20, random_state=None):
        super().__init__(n_estimators=n_estimators, random_state=random_state)


class Asking(LogisticRegression):
    seen = None

    def fit(self, X, y):
        Asking.seen = X
        return super().fit(X, y)


def test_a_plain_classifier_gets_rows_of_floats_between_0_and_1_and_its_probabilities_are_kept(small_data):
    entry = own(Asking)
    record = measure(cell_of(entry, C=0.5), small_data, entry)
    assert Asking.seen.dtype == np.float32
    assert Asking.seen.shape == (150, 400)
    assert Asking.seen.min() >= 0 and Asking.seen.max() <= 1
    written(record)
    assert record.metrics.test_loss > 0
    assert record.snapshots[LAST].calibration
    assert record.parameters is None
    assert record.params["C"] == 0.5
    assert record.times.train_s > 0 < record.times.predict_s
    assert record.metrics.train_accuracy > 0.9


def test_the_seed_is_the_random_state(small_data):
    entry = own(Forest)
    assert "random_state" not in entry.defaults
    one, again, other = (
        measure(cell_of(entry, n_estimators=1).but(seed=seed), small_data, entry).confusion
        for seed in (0, 0, 1)
    )
    assert one == again != other


def test_a_classifier_without_probabilities_has_no_loss(small_data):
    entry = own(LinearSVC)
    record = measure(cell_of(entry), small_data, entry)
    assert record.metrics.test_loss is None
    assert record.snapshots[LAST].calibration is None
    assert record.snapshots[LAST].mistakes[0].confidence is None if record.snapshots[LAST].mistakes else True
    written(record)


class Missing(Forest):
    """Never saw a class, and says nothing of it."""

    def fit(self, X, y):
        keep = y != 3
        return super().fit(X[keep], y[keep])


def test_classes_that_a_model_never_saw_have_the_probability_0(small_data):
    entry = own(Missing)
    record = measure(cell_of(entry), small_data, entry)
    assert np.array(record.confusion)[:, 3].sum() == 0
    assert np.isfinite(record.metrics.test_loss)


def returning(value):
    class Wrong(Forest):
        def predict(self, X):
            return value(X)

    return Wrong


@pytest.mark.parametrize(
    "value",
    [
        lambda X: np.zeros(3),
        lambda X: np.zeros((len(X), 2)),
        lambda X: np.full(len(X), 17),
        lambda X: np.full(len(X), -1),
        lambda X: np.full(len(X), 0.5),
        lambda X: np.full(len(X), np.nan),
        lambda X: np.array(["a"] * len(X)),
        lambda X: None,
    ],
)
def test_predictions_that_are_no_labels_fail_the_cell(value, small_data):
    entry = own(returning(value))
    with pytest.raises(ValueError, match="labels from 0 to 16"):
        measure(cell_of(entry), small_data, entry)


class NotFinite(Forest):
    def predict_proba(self, X):
        return np.full((len(X), 17), np.nan)

    def predict(self, X):
        return np.zeros(len(X), int)


def test_numbers_that_are_not_finite_fail_the_cell(small_data):
    entry = own(NotFinite)
    with pytest.raises(FloatingPointError, match="finite"):
        measure(cell_of(entry), small_data, entry)


class Endless(Forest):
    n_parameters_, times_ = 3, {"search_s": float("inf")}


def test_what_no_record_can_hold_fails_the_cell(small_data):
    entry = own(Endless)
    with pytest.raises(ValueError, match="its search_s is wrong"):
        measure(cell_of(entry), small_data, entry)


def test_images_of_one_class_cannot_be_fitted(small_data):
    alike = course.dataset("alike", small_data.images, np.zeros(300, np.uint8))
    with pytest.raises(ValueError, match="hold only one class"):
        record_of(cell("svm", 150), alike)


# --- Data of other shapes and numbers of classes. ---


def shaped(shape, classes, pixel_max=255, count=200):
    """Images of which one pixel's brightness tells the class."""
    rng = np.random.default_rng(0)
    labels = (np.arange(count) % classes).astype(np.uint8)
    images = rng.integers(0, max(2, pixel_max // 10), (count, *shape)).astype(np.uint8)
    flat = images.reshape(count, -1)
    flat[np.arange(count), labels * 3] = pixel_max
    names = tuple(f"class {number}" for number in range(classes))
    return Dataset("shaped", images, labels, names, pixel_max)


SHAPES = [((8, 8), 10, 16), ((28, 28), 10, 255), ((9, 7, 3), 2, 255)]
COMPILED = [name for name in MODELS if MODELS[name].accelerated]
OTHERS = [(name, *shape) for name in MODELS if name not in COMPILED for shape in SHAPES]
SLOW = [pytest.param(name, *shape, marks=pytest.mark.slow) for name in COMPILED for shape in SHAPES]


@pytest.mark.parametrize(("model", "shape", "classes", "pixel_max"), [*OTHERS, *SLOW])
def test_every_model_takes_images_of_any_shape(model, shape, classes, pixel_max):
    data = shaped(shape, classes, pixel_max)
    params = {} if model.startswith("svm") else small(MODELS[model])
    record = record_of(cell(model, 100, **params), data)
    found = written(record)
    assert np.array(record.confusion).shape == (classes, classes)
    assert record.tested == 60
    if model.startswith("svm"):
        assert record.metrics.test_accuracy > 0.9
    for mistake in record.snapshots[record.last].mistakes:
        assert len(mistake.pixels) == np.prod(shape)
    assert found["data"]["fingerprint"] == data.fingerprint


def test_a_cnn_on_images_too_small_for_it_says_so():
    with pytest.raises(ValueError, match="at least 5 x 5 pixels"):
        record_of(cell("cnn", 100), shaped((4, 4), 5, count=200))


def test_a_given_split_is_that_of_the_order():
    data = shaped((8, 8), 4, 16)
    of = cell("svm", 100, split="given", test_size=0.5)
    rows = data.draw(*drawn(of))
    assert sorted(rows.train) == list(range(100))
    assert rows.test.tolist() == list(range(100, 200))
    record = record_of(of, data)
    assert written(record)["split"] == "given"


@pytest.mark.slow
def test_seeds_measured_together_have_their_own_records(small_data):
    cells = [cell("mlp", 150, epochs=3, seed=seed, evaluate_at=(1,)) for seed in range(3)]
    records = measure_together(cells, small_data, MODELS["mlp"])
    assert [r.key for r in records] == [c.key_on(small_data.fingerprint) for c in cells]
    assert len({r.metrics.test_loss for r in records}) == 3
    assert [r.timing_clean for r in records] == [False] * 3
    for record in records:
        written(record)
