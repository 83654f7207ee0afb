"""The door: `python run_benchmarks.py --help`."""

from bench.cli import main

if __name__ == "__main__":
    main()
