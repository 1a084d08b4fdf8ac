"""worker.py [--quick] [--threads N] [--rounds N] [--only SECTION,...] [--judge] [--like RUN] OUT - one process of the
comparison: every section measured, written to OUT as JSON. The peers that this Python has take part; what it lacks is
named. --like: of several ways of a peer those that the process of that file found to be the fastest."""
import argparse
import gc
import importlib
import json
import os
import traceback

import machine as machines
import measure
import sections


def peer(name, missing):
    try:
        return importlib.import_module(name)
    except ImportError as why:
        missing.append(f"{why.name or name}: {why}")
        return None


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--build", default="build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--like")
    return parser.parse_args()


def ways_of(run):
    """What that process measured: its choices."""
    if not run:
        return {}
    with open(run, encoding="utf-8") as f:
        return {(r["who"], r["case"], r["dtype"]): r["detail"] for r in json.load(f)["records"]}


def judge(group):
    for subject in group:
        subject.judged()


def measured(bench, name, asked, records):
    for group in sections.SECTIONS[name](bench):
        if asked.judge:
            judge(group)
        measure.interleave(bench.machine, group, asked.rounds, bench.shortest)
        records += [{"section": name, **subject.record()} for subject in group]
        del group
        gc.collect()  # tensors, plans and sessions of this group


def main():
    asked = options()
    missing, records, failed = [], [], []
    peers = peer("pytorch", missing), peer("onnx_runtime", missing)
    machine = machines.Machine(asked.build, asked.threads)
    versions = {"attnguide": machine.lib.c.ag_version_string().decode(), "OpenBLAS": machine.openblas}
    for one in peers:
        versions.update(one.named() if one else {})
    if peers[0]:
        with machine.placed():
            peers[0].setup(asked.threads)
    bench = sections.Bench(machine, sections.Sizes(asked.quick), peers, 0.005 if asked.quick else 0.02)
    bench.ways = ways_of(asked.like)
    for name in asked.only.split(",") if asked.only else sections.SECTIONS:
        try:
            measured(bench, name, asked, records)
        except Exception as why:  # pylint: disable=broad-except - the other sections are worth having
            traceback.print_exc()
            failed.append(f"{name}, {asked.threads} threads: {why}")
    with open(asked.out, "w", encoding="utf-8") as f:
        json.dump({"threads": asked.threads, "quick": asked.quick, "machine": machines.named(), "versions": versions,
                   "missing": missing, "refused": bench.refused, "failed": failed, "memory": sections.memory(bench),
                   "records": records}, f)
    os._exit(0)  # without waiting for the threads of five libraries to agree on an end


main()
