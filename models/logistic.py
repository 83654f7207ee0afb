"""Multinomial logistic regression: scikit-learn's."""

from sklearn.linear_model import LogisticRegression


class LogisticClassifier(LogisticRegression):
    """`LogisticRegression` with enough iterations for images; fitted attributes are scikit-learn's."""

    name = "logistic"
    label = "Logistic regression"
    deterministic = True

    def __init__(self, C: float = 1.0, max_iter: int = 1000):
        super().__init__(C=C, max_iter=max_iter)
