"""What is benchmarked. `NETWORKS` names the Flax modules; `svm` is scikit-learn's."""

from collections.abc import Mapping

from models.cnn import CNN
from models.mlp import MLP
from models.training import ModuleType

NETWORKS: Mapping[str, ModuleType] = {"mlp": MLP, "cnn": CNN}
