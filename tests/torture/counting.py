"""How long the torture is, and what came of it."""

from collections import Counter


class Torture:
    """`long` is what `make torture` asks for; `counts` is printed at the end."""

    def __init__(self, long):
        self.long = long
        self.counts = Counter()

    def begin(self, *lines):
        """Have these lines in the summary, also where nothing comes of them."""
        for what in lines:
            self.counts[what] += 0

    def times(self, short, long):
        """How often to do something."""
        return long if self.long else short

    def count(self, what, number=1):
        """Add to a line of the summary, such as `kills survived` or `inputs tried`."""
        self.counts[what] += number
