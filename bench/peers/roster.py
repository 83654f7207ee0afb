"""Who takes part: each contestant's name, library, and what its process is started with.

Imports none of the libraries: each is imported by its own process alone.
"""

import importlib.util
from dataclasses import dataclass, field

NETWORKS = ("cnn", "mlp")
MACHINES = ("svm",)
HOW_TO_INSTALL = "`make peers` installs it"


@dataclass(frozen=True)
class Entry:
    """A contestant: how it is called, and where its class is."""

    name: str
    """As options and tables of numbers have it."""
    title: str
    """As people read it."""
    maker: str
    """`module:class`; the class is a `bench.peers.task.Contestant`."""
    models: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Modules that must be installed."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The modules it needs that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def _network(name: str, title: str, maker: str, *needs: str, **environment: str) -> Entry:
    return Entry(name, title, f"bench.peers.networks_{maker}", NETWORKS, needs, environment)


def _machine(name: str, title: str, maker: str, *needs: str) -> Entry:
    return Entry(name, title, f"bench.peers.machines:{maker}", MACHINES, needs)


OURS = "hexbench"
ROSTER = (
    _network(OURS, "hexbench", "jax:Hexbench"),
    _network("pytorch", "PyTorch", "torch:PyTorch", "torch"),
    # A layout is one of images: the MLP has none, there it would be PyTorch once more.
    Entry(
        "pytorch-channels-last", "PyTorch, channels last",
        "bench.peers.networks_torch:PyTorchChannelsLast", ("cnn",), ("torch",),
    ),
    _network(
        "keras-tensorflow", "Keras on TensorFlow", "keras:Keras", "keras", "tensorflow",
        KERAS_BACKEND="tensorflow",
    ),
    _network("keras-jax", "Keras on JAX", "keras:Keras", "keras", KERAS_BACKEND="jax"),
    _network("flax", "Flax's tutorial", "jax:FlaxTutorial"),
    _machine(OURS, "hexbench", "Hexbench"),
    _machine("sklearn", "GridSearchCV", "ScikitLearn"),
    _machine("sklearn-all-cores", "GridSearchCV, n_jobs=-1", "ScikitLearnOnAllCores"),
    _machine("sklearnex", "scikit-learn-intelex", "Intelex", "sklearnex"),
    _machine("report-way", "probability=True", "ReportsWay"),
)  # fmt: skip
SLOW = "report-way"
"""Takes part where images are few."""

PEAK = Entry("peak", "matrix product", "bench.peers.peak:MatrixProduct", ())
NAMES = tuple(dict.fromkeys(entry.name for entry in ROSTER))


def contestants(model: str, without: frozenset[str] = frozenset()) -> list[Entry]:
    """Those that do `model`, hexbench first, less the names in `without`."""
    return [e for e in ROSTER if model in e.models and e.name not in without]


def left_out(entry: Entry) -> str:
    """A line that says why an entry with missing modules does not take part."""
    modules = " and ".join(entry.missing)
    verb = "are" if len(entry.missing) > 1 else "is"
    return f"{entry.title} is left out: {modules} {verb} not installed; {HOW_TO_INSTALL}."
