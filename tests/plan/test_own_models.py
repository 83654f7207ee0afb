"""Models of one's own: classes from a Python file join the registry and a suite."""

import pickle

import pytest
from hexbench.data.dataset import Split
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan import suites
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images
from hexbench.plan.sweeps import suite_of

FLAX = """
from flax import nnx
import jax.numpy as jnp

class Tiny(nnx.Module):
    def __init__(self, shape, classes, rngs, width=48):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x):
        return self.output(nnx.relu(self.hidden(x.reshape(len(x), -1))))

class Wrong(nnx.Module):
    def __init__(self, classes, rngs):
        pass

class Lacking(nnx.Module):
    def __init__(self, shape, classes, rngs, width):
        pass

class Any(nnx.Module):
    def __init__(self, shape, classes, rngs, **others):
        pass
"""
ODD = """
from sklearn.neighbors import KNeighborsClassifier

class Required(KNeighborsClassifier):
    def __init__(self, n_neighbors):
        super().__init__(n_neighbors)

class Positional(KNeighborsClassifier):
    def __init__(self, n_neighbors=3, /):
        super().__init__(n_neighbors)

class Numbered(KNeighborsClassifier):
    label = 5
"""
SKLEARN = """
from sklearn.ensemble import RandomForestClassifier

class Forest(RandomForestClassifier):
    label = "random forest"

    def __init__(self, n_estimators=20, max_depth=None, random_state=None):
        super().__init__(n_estimators=n_estimators, max_depth=max_depth, random_state=random_state)

class mlp(Forest):
    pass

class Regressor:
    def fit(self, X, y):
        pass

class WithAnother(Forest):
    def __init__(self, other=Regressor()):
        self.other = other

class NotANumber(Forest):
    def __init__(self, missing=float("nan")):
        self.missing = missing

class Lists(Forest):
    def __init__(self, sizes=[1, [2, "a"]], needed=None, **others):
        self.sizes = sizes

number = 3
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_flax_module_has_its_own_arguments_and_those_of_training(file):
    models = known_models([f"{file(FLAX)}:Tiny"])
    assert set(models) == {*entries(), "Tiny"}
    tiny = models["Tiny"]
    assert tiny.defaults == {"width": 48, "learning_rate": 0.001, "batch_size": 16, "epochs": 10}
    assert (tiny.name, tiny.learning_curve, tiny.deterministic) == ("Tiny", True, False)
    suite = suite_of(["Tiny: width=8,16 epochs=3,5"], models)
    cells = suites.plan(suite, Images(1_000, Split(), 300), models).cells
    assert [(c.params["width"], c.planned_epochs) for c in cells] == [(8, 5), (16, 5)]


def test_a_scikit_learn_classifier_has_the_arguments_of_its_constructor(file):
    models = known_models([f"{file(SKLEARN)}:Forest"])
    forest = models["Forest"]
    assert forest.defaults == {"n_estimators": 20, "max_depth": None}
    assert (forest.label, forest.learning_curve, forest.takes_images) == ("random forest", False, False)
    assert forest.load().__name__ == "Forest"
    pickle.loads(pickle.dumps(forest.load()()))
    suite = suite_of(["Forest: n_estimators=5,10 max_depth=3"], models)
    cells = suites.plan(suite, Images(1_000, Split(), 300), models).cells
    assert [tuple(c.params.values()) for c in cells] == [(5, 3), (10, 3)]
    assert all(c.planned_epochs is None for c in cells)


def test_lists_among_the_defaults_are_tuples_as_in_records(file):
    models = known_models([f"{file(SKLEARN)}:Lists"])
    assert models["Lists"].defaults == {"sizes": (1, (2, "a")), "needed": None}


def test_an_own_model_joins_a_suite_at_its_training_sizes_with_its_seeds(file):
    models = known_models([f"{file(SKLEARN)}:Forest"])
    texts = [
        'mlp: train_size=100,"up to 500" seeds=3',
        "cnn: train_size=100 seeds=5",
        "svm_grid: images=200 seeds=9",
        "cnn: train_size=50 classes=2 seeds=9",
    ]
    joined = suites.with_own_models(suite_of(texts, models), ["Forest"])
    cells = suites.plan(joined, Images(1_000, Split(), 300), models).cells
    own = [(c.train_size, c.seed) for c in cells if c.model == "Forest"]
    assert own == [*((100, seed) for seed in range(5)), *((500, seed) for seed in range(3))]
    again = suites.with_own_models(joined, ["Forest"])
    assert again == joined, "a suite that names the model has said how it is measured"
    alone = suites.with_own_models(suite_of(["svm_grid: images=200"], models), ["Forest"])
    found = suites.plan(alone, Images(1_000, Split(), 300), models).cells
    assert [c.train_size for c in found if c.model == "Forest"] == [700]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("mine.py", "write FILE.py:NAME"),
        ("mine.txt:Tiny", "write FILE.py:NAME"),
        ("mine.py:", "write FILE.py:NAME"),
        ("mine.py:a-b", "write FILE.py:NAME"),
        ("gone.py:Tiny", "there is no file"),
        ("mine.py:Forets", "has no 'Forets' (did you mean 'Forest'?"),
        ("mine.py:number", "neither a scikit-learn classifier class nor a Flax module"),
        ("mine.py:Regressor", "neither a scikit-learn classifier class nor a Flax module"),
        ("mine.py:WithAnother", "the default of other is of type Regressor"),
        ("mine.py:NotANumber", "the default of missing is of type float, not a finite number"),
        ("mine.py:mlp", "there is a model 'mlp' already"),
        ("flax.py:Wrong", "must begin with (self, shape, classes, rngs)"),
        ("flax.py:Lacking", "Lacking.__init__ must give width a default"),
        ("flax.py:Any", "Any.__init__ must name all of its arguments"),
        ("odd.py:Required", "Required.__init__ must give n_neighbors a default"),
        ("odd.py:Positional", "Positional.__init__ must name all of its arguments"),
        ("odd.py:Numbered", "Numbered.label is no text"),
        ("broken.py:A", "cannot be imported: SyntaxError"),
        ("raising.py:A", "cannot be imported: ZeroDivisionError: division by zero"),
        ("leaving.py:A", "cannot be imported"),
    ],
)
def test_what_is_no_model_is_named(file, tmp_path, reference, words):
    file(SKLEARN)
    file(FLAX, "flax.py")
    file(ODD, "odd.py")
    file("class A(:", "broken.py")
    file("1 / 0", "raising.py")
    file("import sys; sys.exit(7)", "leaving.py")
    with pytest.raises(BadInput) as caught:
        known_models([str(tmp_path / reference)])
    message = str(caught.value)
    assert message.startswith("--model ")
    assert words in message
    assert message.endswith(".") and message.isprintable()


def test_one_name_twice_is_refused(file):
    path = file(SKLEARN)
    with pytest.raises(BadInput, match="there is a model 'Forest' already"):
        known_models([f"{path}:Forest", f"{path}:Forest"])
