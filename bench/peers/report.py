"""The results as a table to read (Markdown), as JSON, and as columns for the plot."""
import json
import statistics

import goals
from results import apart
from sections import SHAPES

GIGA = 1e-9
TOLERANCE = {"f32": 5e-6, "f16": 2e-3, "bf16": 1.5e-2}  # norm of the error over norm; the storage's own, and some


def threads_named(t):
    return "1 thread" if t == 1 else f"{t} threads"


def attention_lines(results):
    """GFLOP/s and share of the limit of every contestant at attention."""
    who = [("attnguide", "f32"), ("PyTorch", "f32"), ("ONNX Runtime", "f32"), ("OpenBLAS", "f32"),
           ("attnguide", "f16"), ("attnguide", "bf16"), ("PyTorch", "bf16")]
    yield ["shape", "threads"] + [f"{name}, {dtype}" for name, dtype in who]
    for t in results.threads:
        for case in SHAPES:
            cells = []
            for name, dtype in who:
                records = results.get(t, "attention", case, name, dtype)
                share = results.share(records)
                cells.append("" if not records else
                             f"{records[0]['flop'] / results.seconds(records).value * GIGA:.1f}"
                             + (f" ({share.value:.0%})" if share else ""))
            yield [case, str(t)] + cells


def goal_lines(results, table):
    """Rows of cells, the head first."""
    yield ["what", "case", "must", "aim"] + [f"{threads_named(t)} (spread)" for t in results.threads]
    for goal, found in table:
        bars = ["-" if x is None else goal.form.format(x) for x in (goal.must, goal.aim)]
        cells = []
        for t in results.threads:
            value, verdict = found.get(t, (None, None))
            cells.append("not measured" if value is None else
                         f"{goal.form.format(value.value)} ({goal.form.format(value.spread)}): {verdict}")
        yield [goal.what, goal.case] + bars + cells


def goal_numbers(table):
    for goal, found in table:
        yield {"what": goal.what, "case": goal.case, "must": goal.must, "aim": goal.aim, "least": goal.least,
               "threads": {t: {"value": v.value, "spread": v.spread, "verdict": verdict}
                           for t, (v, verdict) in found.items()}}


def measurements(results):
    """One dictionary per subject."""
    for (threads, section, case, who, dtype), records in results.kept.items():
        seconds, share = results.seconds(records), results.share(records)
        error = next((r["error"] for r in records if r["error"] is not None), None)
        yield {"threads": records[0]["threads"] or threads, "section": section, "case": case, "who": who,
               "dtype": dtype, "detail": records[0]["detail"], "milliseconds": seconds.value * 1e3,
               "spread": seconds.spread / seconds.value, "gflops": records[0]["flop"] / seconds.value * GIGA,
               "gigabytes_per_second": records[0]["bytes"] / seconds.value * GIGA,
               "share": share.value if share else None, "error": error, "bar": records[0]["bar"],
               "process_threads": threads}


def wrong(results, rows):
    """A sentence for every contestant whose result is not that of float64, and for what stopped; NaN is wrong."""
    yield from results.notes("failed")
    for m in rows:
        bar = m["bar"] or max(TOLERANCE[name] for name in m["dtype"].split(" to "))
        if m["error"] is not None and not m["error"] <= bar:
            yield (f"{m['section']} {m['case']}, {m['who']} {m['detail']} {m['dtype']}: error {m['error']:.1e}, "
                   f"more than {bar:.0e}")


def measurement_lines(rows):
    yield ["threads", "section", "case", "who", "type", "how", "ms", "spread", "GFLOP/s", "GB/s", "share of limit",
           "error"]
    for m in rows:
        rates = [f"{x:.1f}" if x else "" for x in (m["gflops"], m["gigabytes_per_second"])]
        yield [str(m["threads"]), m["section"], m["case"], m["who"], m["dtype"], m["detail"],
               f"{m['milliseconds']:.3f}", f"{m['spread']:.1%}", *rates,
               "" if m["share"] is None else f"{m['share']:.1%}", "" if m["error"] is None else f"{m['error']:.1e}"]


def markdown(lines):
    head, *rest = [list(line) for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head)] + rest) + "\n"


def plain(lines):
    """Columns as wide as their widest cell."""
    lines = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines) + "\n"


def limits(results):
    """GFLOP/s and GB/s of the machine's own loops, as sampled beside the subjects."""
    kinds = {"multiply-add": ("attention", "attnguide", "f32"), "bf16": ("attention", "attnguide", "bf16"),
             "AVX2": ("attention", "attnguide, AVX2", "f32"), "copy": ("moves", "copy", "f32"),
             "copy beside rules": ("rules", "attnguide", "f32")}
    for t in results.threads:
        for kind, (section, who, dtype) in kinds.items():
            found = [x for key, records in results.kept.items() if key[:2] == (t, section) and key[3:] == (who, dtype)
                     for r in records for x in r["limits"] if x]
            if found:
                rate = statistics.median(found)
                yield t, kind, rate * GIGA, apart(found) / rate


def about(results):
    m, v = results.machine(), results.versions()
    lines = [f"{m['processor']}, {m['processors']} processors; {m['system']}; {m['compiler']}; Python {m['python']}.",
             "; ".join(name + " " + said.replace(name + " ", "") for name, said in v.items()) + "."]
    said = [f"{kind} {rate:.1f} {'GB/s' if kind.startswith('copy') else 'GFLOP/s'} (spread {wide:.1%}, "
            f"{threads_named(t)})" for t, kind, rate, wide in limits(results)]
    lines.append("Limits, sampled beside every subject: " + ", ".join(said) + ".")
    each = sum(p["threads"] == results.threads[0] for p in results.processes)
    lines.append(f"Interleaved rounds, threads pinned; attention: the median of {each} processes, the rest of one.")
    if results.processes[0]["quick"]:
        lines.append("**Quick sizes: this shows that everything runs, and no speed.**")
    lines += [f"Not here: {x}." for x in results.notes("missing")]
    lines += [f"Refused: {x}" for x in results.notes("refused")]
    lines += [f"**Failed: {x}**" for x in results.notes("failed")]
    return lines


def columns(rows):
    """For peers.gp: threads, type, shape, who, share of the limit."""
    lines = ["# threads\ttype\tshape\twho\tshare"]
    lines += [f"{m['threads']}\t{m['dtype']}\t{m['case']}\t{m['who']}\t{m['share']:.4f}" for m in rows
              if m["section"] == "attention" and m["share"] is not None and m["threads"] == m["process_threads"]]
    return "\n".join(lines) + "\n"


def write(results, stem):
    """stem.json, stem.md, stem.tsv; returns the text for the terminal, and what is wrong."""
    table = goals.table(results)
    rows, said, reached = list(measurements(results)), about(results), list(goal_lines(results, table))
    with open(stem + ".json", "w", encoding="utf-8") as f:
        json.dump({"quick": results.processes[0]["quick"], "machine": results.machine(),
                   "versions": results.versions(), "about": said, "goals": list(goal_numbers(table)),
                   "goals_table": reached, "attention_table": list(attention_lines(results)),
                   "measurements": rows}, f, indent=1)
    with open(stem + ".md", "w", encoding="utf-8") as f:
        f.write("\n\n".join(said) + "\n\n" + markdown(attention_lines(results)) + "\n" + markdown(reached) + "\n"
                + markdown(measurement_lines(rows)))
    with open(stem + ".tsv", "w", encoding="utf-8") as f:
        f.write(columns(rows))
    shown = plain(measurement_lines(rows)) + "\n" + "\n".join(said) + "\n\n" + plain(reached)
    return shown, list(wrong(results, rows))
