"""What all processes measured, put together: the median of each process, then of the processes. Ratios are taken round
by round, between samples of the same seconds, before any median."""
import statistics


def apart(values):
    """Third - first quartile."""
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


class Value:
    """A number and how far its rounds lie apart, in its own unit; `rounds` is one list per process."""

    def __init__(self, rounds):
        self.value = statistics.median(statistics.median(r) for r in rounds)
        self.spread = apart([x for r in rounds for x in r])


class Results:
    def __init__(self, processes):
        self.processes = processes
        self.threads = sorted({p["threads"] for p in processes})
        self.kept = {}
        for p in processes:
            for r in p["records"]:
                self.kept.setdefault((p["threads"], r["section"], r["case"], r["who"], r["dtype"]), []).append(r)

    def get(self, threads, section, case, who, dtype="f32"):
        """The records of one subject, one per process; [] where nobody measured it."""
        return self.kept.get((threads, section, case, who, dtype), [])

    @staticmethod
    def share(records):
        """Of the limit beside each sample; None where there is no such limit or no sample."""
        if not records or not all(r["limits"] and all(r["limits"]) for r in records):
            return None
        return Value([[(r["flop"] or r["bytes"]) / s / x for s, x in zip(r["seconds"], r["limits"])] for r in records])

    @staticmethod
    def ratio(over, under, less=0.0):
        """Seconds of `over` by seconds of `under`, minus `less`; None where one is missing."""
        if not over or not under:
            return None
        return Value([[a / b - less for a, b in zip(x["seconds"], y["seconds"])] for x, y in zip(over, under)])

    @staticmethod
    def seconds(records):
        return Value([r["seconds"] for r in records])

    def quickest(self, *several):
        """Of several subjects the one that took least."""
        here = [records for records in several if records]
        return min(here, key=lambda records: self.seconds(records).value) if here else []

    def machine(self):
        return self.processes[0]["machine"]

    def versions(self):
        found = {}
        for p in self.processes:
            found.update({name: said for name, said in p["versions"].items() if said})
        return found

    def notes(self, name):
        """missing or refused, each sentence once."""
        return sorted({sentence for p in self.processes for sentence in p[name]})
