"""Rounds: every contestant of a section in turn, each beside the limit it is judged by, in the same seconds."""
import statistics
import time


class Subject:
    """One contestant at one shape: run() does the work once, row(b, h, i) gives a row of its result."""

    def __init__(self, who, case, run, **also):
        self.who, self.case, self.run = who, case, run
        self.dtype = also.get("dtype", "f32")
        self.limit = also.get("limit")  # of machine.py; None: not compared with one
        self.flop = also.get("flop", 0)
        self.bytes = also.get("bytes", 0)
        self.detail = also.get("detail", "")  # which kernel, which of several ways
        self.threads = also.get("threads")  # None: those of the process
        self.out = also.get("out")  # the Tensor it writes, where it is one of ours
        self.judge = None  # called after a run: sets error
        self.error = None
        self.bar = also.get("bar")  # above which the error is wrong; None: that of the type
        self.seconds, self.limits = [], []

    def once(self, shortest):
        """Mean seconds of a call, over as many as last `shortest`; a short one is called once before, to be warm."""
        start = time.perf_counter()
        self.run()
        took = time.perf_counter() - start
        if took > 10 * shortest:
            return took
        times, start = 0, time.perf_counter()
        while True:
            self.run()
            times += 1
            took = time.perf_counter() - start
            if took >= shortest:
                return took / times

    def judged(self):
        """One run, judged by what it leaves where nothing was before."""
        if self.out:
            self.out.poison()
        self.run()
        if self.judge:
            self.judge()

    def record(self):
        return {"who": self.who, "case": self.case, "dtype": self.dtype, "threads": self.threads,
                "detail": self.detail, "flop": self.flop, "bytes": self.bytes, "error": self.error,
                "bar": self.bar, "seconds": self.seconds, "limits": self.limits}


def sample(machine, subject, shortest):
    with machine.pinned():
        beside = [] if subject.limit is None else [machine.limit(subject.limit)]
        subject.seconds.append(subject.once(shortest))
        if beside:
            machine.settle()
            beside.append(machine.limit(subject.limit))
            subject.limits.append(statistics.mean(beside))


def interleave(machine, subjects, rounds, shortest):
    """The order turns and is reversed every other time, so that nobody always follows the same one."""
    for turn in range(rounds if subjects else 0):
        at = turn % len(subjects)
        order = subjects[at:] + subjects[:at]
        for subject in order[::-1] if turn % 2 else order:
            sample(machine, subject, shortest)


def quickest(machine, subjects, shortest):
    """Of several ways to do the same, all run before, the one that is fastest here."""
    def time_of(subject):
        with machine.pinned():
            return min(subject.once(shortest) for _ in range(2))
    return min(subjects, key=time_of) if len(subjects) > 1 else subjects[0]
