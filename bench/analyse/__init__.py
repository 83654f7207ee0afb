"""Reads the store and computes; never imports JAX or scikit-learn, and writes nothing."""
