"""Trains networks in JAX."""
