"""`python -m hexbench`: the same as the command `hexbench`."""

from hexbench.cli import main

if __name__ == "__main__":
    main()
