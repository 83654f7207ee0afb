"""Who takes part: each contestant's name, library, and what its process is started with.

Imports none of the libraries: each is imported by its own process alone.
"""

import importlib.util
from dataclasses import dataclass, field

NETWORKS = ("cnn", "mlp")
DEVICES = CPU, GPU = "cpu", "gpu"
FULL = "float32"
HOW_TO_INSTALL = "`make peers` installs it"


@dataclass(frozen=True)
class Entry:
    """A contestant: how it is called, and where its class is."""

    name: str
    """In options and CSV files."""
    title: str
    """In tables and figures."""
    maker: str
    """`module:name` of what takes a task to a `hexbench.peers.task.Contestant`."""
    models: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Modules that must be installed."""
    precision: str = FULL
    """Of its products and convolutions; weights and updates are float32."""
    environment: dict[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = DEVICES
    """On which it takes part."""

    @property
    def missing(self) -> list[str]:
        """The modules it needs that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def _network(name: str, title: str, maker: str, *needs: str, **environment: str) -> Entry:
    return Entry(name, title, f"hexbench.peers.networks_{maker}", NETWORKS, needs, environment=environment)


def _convolutional(name: str, title: str, maker: str, *needs: str, precision: str = FULL) -> Entry:
    """For the CNN alone: for the MLP it would be another contestant once more, or gain nothing."""
    return Entry(name, title, f"hexbench.peers.networks_{maker}", ("cnn",), needs, precision)


def _on_gpu(name: str, title: str, maker: str, *needs: str) -> Entry:
    return Entry(name, title, f"hexbench.peers.networks_{maker}", NETWORKS, needs, devices=(GPU,))


def _search(name: str, title: str, maker: str, *needs: str) -> Entry:
    return Entry(name, title, f"hexbench.peers.searches:{maker}", ("svm",), needs, devices=(CPU,))


OURS = "hexbench"
SLOW = "report-way"
"""Takes part where images are few."""
TENSORFLOW = ("keras", "tensorflow")
ROSTER = (
    _network(OURS, "hexbench", "jax:Hexbench"),
    _network("pytorch", "PyTorch", "torch:PyTorch", "torch"),
    _on_gpu("pytorch-graph", "PyTorch, CUDA graph", "torch:Graphed", "torch"),
    _convolutional("pytorch-channels-last", "PyTorch, channels last", "torch:channels_last", "torch"),
    _convolutional(
        "pytorch-bfloat16", "PyTorch, bfloat16 autocast", "torch:bfloat16", "torch", precision="bfloat16"
    ),
    _network(
        "keras-tensorflow", "Keras on TensorFlow", "keras:Keras", *TENSORFLOW, KERAS_BACKEND="tensorflow"
    ),
    _network("keras-jax", "Keras on JAX", "keras:Keras", "keras", KERAS_BACKEND="jax"),
    _network("flax", "Flax's tutorial", "jax:FlaxTutorial"),
    _search(OURS, "hexbench", "hexbench"),
    _search("sklearn", "GridSearchCV", "sklearn"),
    _search("sklearn-all-cores", "GridSearchCV, n_jobs=-1", "sklearn_on_all_cores"),
    _search("sklearnex", "scikit-learn-intelex", "intelex", "sklearnex"),
    _search(SLOW, "probability=True", "as_reported"),
)
NAMES = tuple(dict.fromkeys(entry.name for entry in ROSTER))


def contestants(model: str, without: frozenset[str] = frozenset(), device: str = CPU) -> list[Entry]:
    """Those that do `model` on such a device, hexbench first, less the names in `without`."""
    return [e for e in ROSTER if model in e.models and device in e.devices and e.name not in without]


def left_out(entry: Entry) -> str:
    """A line that says why an entry with missing modules does not take part."""
    modules = " and ".join(entry.missing)
    verb = "are" if len(entry.missing) > 1 else "is"
    return f"{entry.title} is left out: {modules} {verb} not installed; {HOW_TO_INSTALL}."
