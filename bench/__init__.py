"""Benchmarks of small image classifiers, and verdicts on what reports claim about them."""
