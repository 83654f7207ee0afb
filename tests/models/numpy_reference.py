"""The networks' equations written again in NumPy, in float64, with loops where loops are plainest."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(logits, labels):
    p = softmax(logits)
    rows = np.arange(len(labels))
    delta = p.copy()
    delta[rows, labels] -= 1
    return -np.log(p[rows, labels]).mean(), delta / len(labels)


def mlp_gradients(w, x, labels):
    """w: dict of hidden_w (400, 10), hidden_b, output_w (10, 17), output_b."""
    h = 1 / (1 + np.exp(-(x @ w["hidden_w"] + w["hidden_b"])))
    loss, d = cross_entropy(h @ w["output_w"] + w["output_b"], labels)
    dh = (d @ w["output_w"].T) * h * (1 - h)
    return loss, {
        "hidden_w": x.T @ dh,
        "hidden_b": dh.sum(0),
        "output_w": h.T @ d,
        "output_b": d.sum(0),
    }


def convolve(x, k, b):
    n, height, width, _ = x.shape
    out = np.zeros((n, height - 2, width - 2, k.shape[3])) + b
    for i in range(3):
        for j in range(3):
            out += x[:, i : i + height - 2, j : j + width - 2] @ k[i, j]
    return out


def convolve_gradients(x, k, d):
    _, height, width, _ = d.shape
    dk, dx = np.zeros_like(k), np.zeros_like(x)
    for i in range(3):
        for j in range(3):
            window = x[:, i : i + height, j : j + width]
            dk[i, j] = np.einsum("nhwc,nhwo->co", window, d)
            dx[:, i : i + height, j : j + width] += d @ k[i, j].T
    return dk, d.sum((0, 1, 2)), dx


def cnn_gradients(w, x, labels):
    x = x.reshape(-1, 20, 20, 1)
    a1 = convolve(x, w["first_w"], w["first_b"])
    h1 = np.maximum(a1, 0)
    a2 = convolve(h1, w["second_w"], w["second_b"])
    h2 = np.maximum(a2, 0)
    flat = h2.reshape(len(x), -1)
    loss, d = cross_entropy(flat @ w["output_w"].T + w["output_b"], labels)
    g = {"output_w": d.T @ flat, "output_b": d.sum(0)}
    d2 = (d @ w["output_w"]).reshape(h2.shape) * (a2 > 0)
    g["second_w"], g["second_b"], dh1 = convolve_gradients(h1, w["second_w"], d2)
    g["first_w"], g["first_b"], _ = convolve_gradients(x, w["first_w"], dh1 * (a1 > 0))
    return loss, g


class Adam:
    """Keras's: the learning rate carries both bias corrections, epsilon is added afterwards."""

    def __init__(self, weights):
        self.t = 0
        self.m = {k: np.zeros_like(v) for k, v in weights.items()}
        self.v = {k: np.zeros_like(v) for k, v in weights.items()}

    def step(self, weights, gradients):
        self.t += 1
        rate = 1e-3 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        for k, g in gradients.items():
            self.m[k] += (g - self.m[k]) * (1 - 0.9)
            self.v[k] += (g * g - self.v[k]) * (1 - 0.999)
            weights[k] -= self.m[k] * rate / (np.sqrt(self.v[k]) + 1e-7)
