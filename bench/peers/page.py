"""page.py BUILD - docs/benchmarks.md and its picture renewed from BUILD/peers.json, the last run of bench_peers.py."""
import json
import shutil
import sys

from report import markdown

PAGE, PICTURE = "docs/benchmarks.md", "pictures/peers.png"
BEGIN, END = "<!-- made by make docs-peers -->\n", "<!-- until here -->\n"


def short(m):
    """A line of the page's second table."""
    rate = m["gflops"] or m["gigabytes_per_second"]
    unit = "GFLOP/s" if m["gflops"] else "GB/s"
    return [str(m["threads"]), f"{m['section']}, {m['case']}", f"{m['who']}, {m['dtype']}", m["detail"],
            f"{m['milliseconds']:.3f}", f"{m['spread']:.1%}", f"{rate:.1f} {unit}" if rate else "",
            "" if m["share"] is None else f"{m['share']:.0%}", "" if m["error"] is None else f"{m['error']:.0e}"]


def text(found):
    head = ["threads", "what", "who", "how", "ms", "spread", "rate", "of limit", "error"]
    return "\n\n".join([*found["about"], f"![Attention beside its peers]({PICTURE})", "### Attention",
                        "GFLOP/s, and the share of the multiply-add peak; bf16: of the bf16 peak.",
                        markdown(found["attention_table"]), "### Goals", markdown(found["goals_table"]),
                        "### Every measurement", markdown([head] + [short(m) for m in found["measurements"]])])


def main():
    build = sys.argv[1]
    with open(f"{build}/peers.json", encoding="utf-8") as f:
        found = json.load(f)
    if found["quick"]:
        sys.exit(f"{build}/peers.json is of a quick run: run make bench-peers")
    with open(PAGE, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN)
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(before + BEGIN + "\n" + text(found) + "\n" + END + rest.split(END)[1])
    shutil.copyfile(f"{build}/peers.png", f"docs/{PICTURE}")


main()
