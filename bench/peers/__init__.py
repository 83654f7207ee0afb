"""The same work done by other libraries, in turn with ours, in one run: `python -m bench.peers`."""
