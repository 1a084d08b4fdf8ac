#!/bin/sh
# sanitize.sh TOOL DRIVER RECORDS SECONDS - a few small problems of every kind under one tool of compute-sanitizer, and a
# record of what it found. Exit status 2: it cannot be run here, the last line says why.
tool=$1 driver=$2 records=$3 seconds=$4
for sanitizer in compute-sanitizer "$CUDA_HOME/bin/compute-sanitizer" "$CUDA_HOME/compute-sanitizer/compute-sanitizer" ""; do
    command -v "$sanitizer" >/dev/null 2>&1 && break
done
[ -n "$sanitizer" ] || { echo "no compute-sanitizer"; exit 2; }

log=$(dirname "$driver")/$tool.sanitizer
: >"$log"
timeout -k 2 $((seconds + 5)) "$sanitizer" --tool "$tool" --error-exitcode 9 --log-file "$log" \
    "$driver" verify --workers 0 --few --plans 0 --seconds "$seconds" --records "$log.jsonl"
status=$?
errors=$(sed -n 's/.*\(ERROR\|RACECHECK\) SUMMARY: \([0-9]*\) .*/\2/p' "$log" | tail -n 1)
first=$(sed -n 's/^========= \([A-Z][a-z].*\)/\1/p' "$log" | grep -v '^COMPUTE' | head -n 1 | tr -d '"\\' | cut -c 1-200)
record() { # STATUS REASON
    printf '{"record": "sanitizer", "tool": "%s", "status": "%s", "errors": %s, "reason": "%s"}\n' "$tool" "$1" \
        "${errors:-null}" "$2" >>"$records"
}
case $status in 124 | 137)
    errors= first="it took more than $((seconds + 5)) seconds" ;;
esac
if [ -z "$errors" ] || grep -qi 'not supported' "$log"; then
    record "not run" "${first:-it said nothing}"
    echo "${first:-it said nothing}"
    exit 2
fi
if [ "$errors" = 0 ] && [ $status = 0 ]; then
    record pass ""
    exit 0
fi
record fail "${first:-a result was wrong}"
echo "${first:-a result was wrong}"
exit 1
