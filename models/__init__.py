"""What is benchmarked. `NETWORKS` names the Flax modules; `svm` is scikit-learn's."""

from collections.abc import Mapping

from flax import nnx

from models.cnn import CNN
from models.mlp import MLP

NETWORKS: Mapping[str, type[nnx.Module]] = {"mlp": MLP, "cnn": CNN}
