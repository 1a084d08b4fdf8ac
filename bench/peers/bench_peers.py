"""bench_peers.py [--quick] [--threads 1,2] [--processes N] [--rounds N] [--only SECTION,...] BUILD
attnguide beside its peers: runs worker.py in processes of their own, one after the other, and writes
BUILD/peers.{json,md,tsv}. The first process of each number of threads measures everything; the others attention, whose
goals are medians of five processes. Exit 1: a contestant's numbers are wrong; what was measured is written all the
same. With --only it is BUILD/peers_part.*."""
import argparse
import ctypes
import json
import os
import subprocess
import sys

import report
from results import Results

HERE = os.path.dirname(os.path.abspath(__file__))


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", default=",".join(str(t) for t in (1, 2) if t <= len(os.sched_getaffinity(0))))
    parser.add_argument("--processes", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    asked.processes = asked.processes or (1 if asked.quick else 5)
    asked.rounds = asked.rounds or (2 if asked.quick else 5)
    return asked


def interpreter(build):
    """That of the virtual environment where there is one: it has the peers."""
    own = f"{build}/peers/venv/bin/python"
    return own if os.path.exists(own) and os.path.exists(f"{build}/peers/made") else sys.executable


def environment(build):
    """OpenBLAS's best core for this machine, its idle threads asleep after 2^18 cycles, which else would spin beside
    the softmax between two products; torch.compile's files inside the build folder."""
    made = dict(os.environ, OPENBLAS_THREAD_TIMEOUT="18", PYTHONDONTWRITEBYTECODE="1",
                TORCHINDUCTOR_CACHE_DIR=os.path.abspath(f"{build}/peers/inductor"), TORCHINDUCTOR_COMPILE_THREADS="1")
    native = ctypes.CDLL(f"{build}/libpeers.so")
    native.peers_choose_core.restype = ctypes.c_char_p
    core = native.peers_choose_core(f"{build}/attnguide".encode())
    return dict(made, OPENBLAS_CORETYPE=core.decode()) if core else made


def run(asked, python, environ, threads, number):
    out = f"{asked.build}/peers/run_{threads}_{number}.json"
    command = [python, f"{HERE}/worker.py", out, "--build", asked.build, "--threads", str(threads), "--rounds",
               str(asked.rounds)]
    command += ["--quick"] if asked.quick else []
    if number == 0:
        command += ["--judge", "--only", asked.only]
    else:
        command += ["--only", "attention", "--like", f"{asked.build}/peers/run_{threads}_0.json"]
    print(f"{threads} thread{'s' if threads > 1 else ''}, process {number + 1} of {asked.processes} ...", flush=True)
    subprocess.run(command, check=True, env=dict(environ, OMP_NUM_THREADS=str(threads)))
    with open(out, encoding="utf-8") as f:
        return json.load(f)


def main():
    asked = options()
    os.makedirs(f"{asked.build}/peers", exist_ok=True)
    python, environ = interpreter(asked.build), environment(asked.build)
    more = asked.processes if not asked.only or "attention" in asked.only.split(",") else 1
    done = []
    for number in range(more):
        for threads in map(int, asked.threads.split(",")):
            done.append(run(asked, python, environ, threads, number))
    text, wrong = report.write(Results(done), f"{asked.build}/peers" + ("_part" if asked.only else ""))
    print(text)
    for sentence in wrong:
        print("WRONG:", sentence)
    sys.exit(1 if wrong else 0)


main()
