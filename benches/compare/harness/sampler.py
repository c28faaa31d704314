"""CPU time over wall-clock time, so that any window can be cut out of it afterwards."""

import threading
import time


def at(history, moment):
    """The value at a moment, between two samples in proportion."""
    before = history[0]
    for sample in history:
        if sample[0] >= moment:
            if sample[0] == before[0]:
                return sample[1]
            share = (moment - before[0]) / (sample[0] - before[0])
            return before[1] + share * (sample[1] - before[1])
        before = sample
    return before[1]


class Sampler:
    """Reads the CPU time of groups every 20 ms."""

    def __init__(self, groups):
        self.groups = groups
        self.history = {name: [] for name in groups}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.sample()
        self.thread.start()

    def sample(self):
        """Adds one sample of each group, stamped between its surroundings."""
        for name, group in self.groups.items():
            before = time.time()
            used = group.cpu_us()
            self.history[name].append(((before + time.time()) * 500, used))

    def _run(self):
        while not self.ended.wait(0.02):
            self.sample()

    def stop(self):
        """Ends with one last sample."""
        self.ended.set()
        self.thread.join()
        self.sample()

    def used_us(self, name, begin_ms, end_ms):
        """CPU microseconds of a group between two moments."""
        history = self.history[name]
        return at(history, end_ms) - at(history, begin_ms)
