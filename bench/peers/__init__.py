"""The same models in other libraries, timed in turn with ours in one run: `python -m hexbench.peers`."""
