"""Command-line entry point: `python run_benchmarks.py --help`."""

from hexbench.cli import main

if __name__ == "__main__":
    main()
