"""What is benchmarked. `NETWORKS` names the Flax modules; `svm` is scikit-learn's."""

from collections.abc import Mapping

from models.cnn import CNN
from models.cores import offer_cores
from models.mlp import MLP
from models.training import ModuleType

offer_cores()

NETWORKS: Mapping[str, ModuleType] = {"mlp": MLP, "cnn": CNN}
