#!/bin/sh
# test_command.sh - the command as a user meets it: tests/command/test_command.sh build/attnguide tests/golden/attention
# NPYCMP names a built tests/command/npycmp; without it this script builds one by $CC.

set -u
tool=$1
golden=$2
guidance=$golden/../guidance
here=$(dirname "$0")
photograph=$here/../../demo/raccoon.png
if [ -d build ]; then temporary=$(mktemp -d build/test_command.XXXXXX); else temporary=$(mktemp -d); fi
trap 'rm -rf "$temporary"' EXIT
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }
skip() { skipped=$((skipped + 1)); echo "skipped: $*"; }

compare=${NPYCMP:-}
if [ -z "$compare" ]; then
    compare=$temporary/npycmp
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$compare" "$here/npycmp.c" "$here/../harness/array.c" -lm ||
        { echo "npycmp does not build"; exit 1; }
fi

# expect STATUS WHAT COMMAND...: the exit status is STATUS. Output is kept in out and err.
expect() {
    status=$1 what=$2
    shift 2
    "$@" >"$temporary/out" 2>"$temporary/err" </dev/null
    found=$?
    if [ $found -eq "$status" ]; then pass; return 0; fi
    fail "$what: exit status $found, not $status: $(head -c 300 "$temporary/err")"
    return 1
}

# expect_sentence STATUS WORDS COMMAND...: the exit status, and one line on stderr that has WORDS in it.
expect_sentence() {
    words=$2
    expect "$1" "$words" "$tool" $3 || return
    if [ "$(wc -l <"$temporary/err")" -eq 1 ] && grep -q -e "$words" "$temporary/err"; then pass; return; fi
    fail "'$3' should say '$words' in one line, not: $(head -c 300 "$temporary/err")"
}

same() { if "$compare" "$1" "$2" "$3" 2>"$temporary/err"; then pass; else fail "$(cat "$temporary/err")"; fi; }
same_bytes() { if cmp -s "$1" "$2"; then pass; else fail "$1 and $2 differ"; fi; }

# make_npy FILE HEADER BYTES: a file of version 1 whose data is BYTES zeros.
make_npy() {
    length=$((${#2} + 1))
    printf "\\223NUMPY\\001\\000\\$(printf %03o $((length % 256)))\\$(printf %03o $((length / 256)))" >"$1"
    printf '%s\n' "$2" >>"$1"
    head -c "$3" /dev/zero >>"$1"
}

test_help() {
    expect 0 "--help" "$tool" --help
    expect 0 "--version" "$tool" --version
    grep -q '^attnguide [0-9]*\.[0-9]*\.[0-9]*$' "$temporary/out" && pass || fail "--version prints no version"
    for command in info run combine convert replay demo bench; do
        for words in "$command --help" "$command -h" "--help $command" "-h $command" "help $command" "$command --quick --help"; do
            expect 0 "$words" "$tool" $words
            grep -q "^Usage: attnguide $command" "$temporary/out" && pass || fail "$words has no usage of $command"
            [ -s "$temporary/err" ] && fail "$words writes to stderr" || pass
        done
    done
    for words in help "help --help" "--help --help" -h; do
        expect 0 "$words" "$tool" $words
        grep -q '^Usage: attnguide COMMAND' "$temporary/out" && pass || fail "$words has no usage"
    done
    expect 0 info "$tool" info
    grep -q '^  cpu  *usable' "$temporary/out" && pass || fail "info does not list the cpu"
    if [ -c /dev/full ]; then
        expect 1 "a full standard output" sh -c "'$tool' --help >/dev/full"
    else
        skip "a full standard output: no /dev/full"
    fi
}

test_usage() {
    i=$golden/inputs
    qkv="--q $i/q.npy --k $i/k.npy --v $i/v.npy"
    all="$qkv --out $temporary/refused.npy"
    expect_sentence 2 "command is missing" ""
    expect_sentence 2 "no command 'walk'" "walk"
    expect_sentence 2 "operation is missing" "run"
    expect_sentence 2 "no operation 'combine'" "run combine $all"
    expect_sentence 2 "needs --k" "run standard --q $i/q.npy --out $temporary/refused.npy"
    expect_sentence 2 "needs --out" "run standard $qkv"
    expect_sentence 2 "one argument too many" "run standard extra $all"
    expect_sentence 2 "'--colour' is not known" "run standard $all --colour 3"
    expect_sentence 2 "'-x' is not known" "run standard $all -x"
    expect_sentence 2 "a value is missing" "run standard $all --sigma"
    expect_sentence 2 "--sigma: 'abc' is not a number" "run smoothed $all --sigma abc"
    expect_sentence 2 "--sigma: '1.5x' is not a number" "run smoothed $all --sigma=1.5x"
    expect_sentence 2 "--sigma: '1e999' is too large" "run smoothed $all --sigma 1e999"
    expect_sentence 2 "--grid: '8x8' is not" "run smoothed $all --grid 8x8"
    expect_sentence 2 "--grid: '1x8x8x8' is not" "run smoothed $all --grid 1x8x8x8"
    expect_sentence 2 "--image: '3' is not" "run identity $all --image 3"
    expect_sentence 2 "--image: '-1:4' is not" "run identity $all --image -1:4"
    expect_sentence 2 "--heads: '0,,1' is not a list" "run identity $all --heads 0,,1"
    expect_sentence 2 "--rows: '1-2' is not a list" "run identity $all --rows 1-2"
    expect_sentence 2 "--keep-parallel: '2'" "run orthogonal $all --keep-parallel 2"
    expect_sentence 2 "--kind: 'mix'" "run scrambled $all --kind mix"
    expect_sentence 2 "--draws: '-1'" "run scrambled $all --draws -1"
    expect_sentence 2 "--draws: '99999999999'" "run scrambled $all --draws 99999999999"
    expect_sentence 2 "--seed: '18446744073709551616'" "run scrambled $all --seed 18446744073709551616"
    expect_sentence 2 "--probability: 'half'" "run masked $all --probability half"
    expect_sentence 1 "sigma is nan, which means not set" "run smoothed $all --grid 1x8x8"
    expect_sentence 1 "sigma is nan, which means not set" "run orthogonal $all --grid 1x8x8 --sigma-t 1"
    expect_sentence 1 "inverse_temperature is nan" "run softened $all"
    expect_sentence 1 "probability is nan" "run masked $all"
    expect_sentence 1 "amplitude is nan" "run noisy $all --seed 3"
    expect_sentence 1 "sigma is 2, but standard" "run standard $all --sigma 2"
    expect_sentence 1 "heads is given, but standard" "run standard $all --heads 0"
    expect_sentence 1 "rows: standard treats all rows alike" "run standard $all --rows 0"
    expect_sentence 1 "seed is 5" "run identity $all --seed 5"
    expect_sentence 1 "mix is 0.5" "run scrambled $all --kind tokens --mix 0.5"
    expect_sentence 1 "gain is 2" "run identity $all --gain 2"
    expect_sentence 1 "draws is 3" "run scrambled $all --kind permute --draws 3"
    expect_sentence 1 "kind is tokens, but uniform" "run uniform $all --kind tokens"
    expect_sentence 1 "keep_parallel is 0" "run smoothed $all --keep-parallel 0 --sigma 1 --grid 1x8x8"
    expect_sentence 1 "probability is 1.5" "run masked $all --probability 1.5"
    expect_sentence 1 "inverse_temperature is -1" "run softened $all --inverse-temperature -1"
    expect_sentence 1 "amplitude is -1" "run noisy $all --amplitude -1"
    expect_sentence 2 "map needs --k" "run map --q $golden/inputs/q.npy --out $temporary/refused.npy"
    expect_sentence 2 "map has no --lse" "run map $all --lse $temporary/refused.npy"
    expect_sentence 2 "--dtype: 'f64'" "run standard $all --dtype f64"
    expect_sentence 2 "--backend: 'tpu'" "run standard $all --backend tpu"
    expect_sentence 2 "--threads: 0" "run standard $all --threads 0"
    expect_sentence 2 "has no --lse" "run energy $all --lse $temporary/lse.npy"
    expect_sentence 2 "has no --curvature" "run standard $all --curvature $temporary/lse.npy"
    expect_sentence 2 "DIR and OUTDIR are needed" "replay $golden"
    expect_sentence 2 "'--sigma' is not known" "replay $golden $temporary/r --sigma 3"
    expect_sentence 2 "one argument too many" "info now"
    c=$guidance/combine_cfg_perturbed
    cond="--cond $c/cond.npy --out $temporary/refused.npy"
    expect_sentence 2 "no rule 'average'" "combine average $cond"
    expect_sentence 2 "no rule 'convert'" "combine convert $cond"
    expect_sentence 2 "needs --cond" "combine --out $temporary/refused.npy"
    expect_sentence 2 "needs --out" "combine --cond $c/cond.npy"
    expect_sentence 2 "apg needs --uncond" "combine apg $cond"
    expect_sentence 2 "nag has no --cond" "combine nag $cond --positive $c/cond.npy --negative $c/cond.npy"
    expect_sentence 2 "merge needs --lse-b" "combine merge --a $c/cond.npy --b $c/cond.npy --lse-a $c/cond.npy --out $temporary/refused.npy"
    expect_sentence 2 "go together" "combine $cond --cfg-scale 3"
    expect_sentence 2 "go together" "combine $cond --perturbed $c/perturbed.npy"
    expect_sentence 2 "apg has no --rescale" "combine apg $cond --uncond $c/uncond.npy --rescale 0.5"
    expect_sentence 2 "linear has no --eta" "combine $cond --eta 0.5"
    expect_sentence 2 "linear has no --alpha" "combine $cond --alpha 0.5"
    expect_sentence 2 "apg has no --nag-scale" "combine apg $cond --uncond $c/uncond.npy --nag-scale 2"
    expect_sentence 2 "did you mean --momentum" "combine apg $cond --uncond $c/uncond.npy --momentun 2"
    expect_sentence 2 "neither cond nor uncond" "combine apg $cond --uncond $c/uncond.npy --base both"
    expect_sentence 1 "norm is 3, not between 1 and 2" "combine nag --positive $c/cond.npy --negative $c/cond.npy --out $temporary/refused.npy --norm 3"
    expect_sentence 2 "linear has no --lse" "combine $cond --lse $temporary/lse.npy"
    expect_sentence 2 "linear has no --nag-scale" "combine $cond --nag-scale 3 --out $temporary/refused.npy"
    expect_sentence 2 "linear has no --grid" "combine $cond --grid 1x2x2 --out $temporary/refused.npy"
    expect_sentence 2 "linear has no --eta" "combine $cond --eta 0.5 --out $temporary/refused.npy"
    expect_sentence 2 "linear has no --state-out" "combine $cond --state-out $temporary/refused.npy"
    expect_sentence 2 "--base: 'both' is neither" "combine apg $cond --base both"
    expect_sentence 2 "'--sigma' is not known" "combine $cond --sigma 3"
    c=$guidance/convert_eps_to_x0
    both="--x $c/x.npy --prediction $c/prediction.npy --out $temporary/refused.npy"
    levels="--alpha 0.6 --sigma 0.8 --alpha-to 0.8 --sigma-to 0.6"
    expect_sentence 2 "noise needs --noise" "combine noise --x $c/x.npy $levels --out $temporary/refused.npy"
    expect_sentence 2 "noise has no --prediction" "combine noise $both $levels --noise $c/x.npy"
    expect_sentence 2 "noise has no --from" "combine noise --x $c/x.npy --noise $c/x.npy $levels --from eps --out $temporary/refused.npy"
    expect_sentence 2 "noise needs --out" "combine noise --x $c/x.npy --noise $c/x.npy $levels"
    expect_sentence 2 "ddpm needs --from" "combine ddpm $both $levels --noise $c/x.npy"
    expect_sentence 2 "ddpm has no --eta" "combine ddpm $both $levels --from eps --noise $c/x.npy --eta 0"
    expect_sentence 2 "ddpm needs --sigma-to" "combine ddpm $both --from eps --noise $c/x.npy --alpha 1 --sigma 1 --alpha-to 1"
    expect_sentence 2 "--variance: 'medium' is neither small nor large" "combine ddpm $both $levels --variance medium"
    expect_sentence 2 "ddim needs --noise where eta is not 0" "combine ddim $both $levels --from eps --eta 0.5"
    expect_sentence 2 "ddim has no --noise where eta is 0" "combine ddim $both $levels --from eps --noise $c/x.npy"
    expect_sentence 2 "euler has no --alpha" "combine euler $both $levels"
    expect_sentence 2 "min_snr has no --x" "combine min_snr $both --from eps --alpha 1 --sigma 1 --gamma 5"
    expect_sentence 2 "min_snr needs --gamma" "combine min_snr --from eps --alpha 1 --sigma 1 --out $temporary/refused.npy"
    expect_sentence 2 "'--cond' is not known" "combine ddim $both $levels --cond $c/x.npy"
    expect_sentence 2 "one argument too many" "combine ddim euler $both"
    expect_sentence 2 "convert needs --from" "convert $both --from eps --to x0 --alpha 1"
    expect_sentence 2 "convert needs --prediction" "convert --x $c/x.npy --out $temporary/refused.npy"
    expect_sentence 2 "--to: 'z' is not" "convert $both --from eps --to z --alpha 1 --sigma 1"
    expect_sentence 2 "one argument too many" "convert eps $both"
    [ -e "$temporary/refused.npy" ] && fail "a refused run wrote its output" || pass
}

# means WORDS COMMAND: what was probably meant.
means() { expect_sentence 2 "did you mean $1?" "$2"; }

test_suggestions() {
    means "run" "runn"
    means "run" "rnu --q q.npy"
    means "info" "help inof"
    means "combine" "--help comb"
    means "attnguide run smoothed" "smoothed"
    means "attnguide run smoothed (SEG)" "seg"
    means "attnguide combine apg" "apg"
    for pair in PAG:identity SEG:smoothed OSEG:orthogonal ERG:softened TPG:scrambled; do
        means ".*${pair#*:} .*(${pair%:*})" "run ${pair%:*}"
        means ".*${pair#*:} .*(${pair%:*})" "run $(echo "${pair%:*}" | tr A-Z a-z)"
    done
    means "smoothed" "run Smoothed"
    means "identity" "run indentity"
    means "orthogonal" "run ortho"
    means "apg" "combine agp"
    means "ddim" "combine dim"
    means "attnguide combine ddpm" "ddpm"
    means "--sigma-to" "combine noise --sigmato 3"
    means "cfg_zero_star" "combine cfg-zero"
    means "linear with --perturbed" "combine pag"
    means "--sigma" "run smoothed --sigam 1"
    means "--keep-parallel" "run orthogonal --keep_paralel=1"
    means "--cfg-scale" "combine --cfg-scal 3"
    means "--patch" "demo --patsh 3"
    means "--quick" "bench --quik"
    expect_sentence 2 "must be standard, identity, .* map or energy" "run walk"
    expect_sentence 2 "must be info, run, .* or bench" "x"
    expect_sentence 2 "must be linear, .* sag_blur, .* or min_snr" "combine xyz"
    expect_sentence 2 "a rule of attnguide combine" "run apg"
    expect_sentence 2 "a rule of attnguide combine" "run ddim"
    expect_sentence 2 "an operation of attnguide run" "combine smoothed"
    expect_sentence 2 "'--colour' is not known (see" "run standard --colour 3"
    expect_sentence 2 "options begin with --" "run standard -q q.npy"
    expect_sentence 2 "--only: a value is missing" "bench --only"
    long=$(printf '%0300d' 7)
    expect_sentence 2 "must be standard" "run $long"
    expect_sentence 2 "not known" "run standard --$long"
}

test_refusals() {
    i=$golden/inputs
    qkv="--q $i/q.npy --k $i/k.npy --v $i/v.npy"
    all="$qkv --out $temporary/refused.npy"
    expect_sentence 1 "No such file" "run standard --q $temporary/none --k $i/k.npy --v $i/v.npy --out $temporary/refused.npy"
    expect_sentence 1 "cannot be written" "run standard $qkv --out $temporary/no/folder.npy"
    expect_sentence 1 "." "run identity $all --causal"
    expect_sentence 1 "." "run smoothed $all --sigma 1"
    expect_sentence 1 "." "run smoothed $all --sigma 1 --grid 1x8x9"
    expect_sentence 1 "." "run smoothed $all --sigma -1 --grid 1x8x8"
    expect_sentence 1 "." "run smoothed $all --sigma nan --grid 1x8x8"
    expect_sentence 1 "." "run identity $all --image 3:64"
    expect_sentence 1 "." "run identity $all --strength 1.5"
    expect_sentence 1 "." "run identity $all --kernel no_such_kernel"
    expect_sentence 1 "." "run standard $all --backend cuda"
    expect_sentence 1 "." "run standard $all --threads 5000"
    expect_sentence 1 "." "run scrambled $all --lse $temporary/lse.npy"
    expect_sentence 1 "3 is not below 3" "run identity $all --heads 0,3"
    expect_sentence 1 "2 is not below 2" "run identity $all --rows 2"
    expect_sentence 1 "not uint8" "run standard $all --mask $i/q.npy"
    expect_sentence 1 "the mask is ([0-9]*, [0-9]*), not (2, 64): batch rows, keys" "run standard $all --mask $golden/inputs_mask/mask.npy"
    expect_sentence 1 "the index is (.*), not (64,): image tokens" "run scrambled $all --kind permute --index $golden/scrambled_gather_r4/index.npy"
    expect_sentence 1 "draws" "run scrambled $all --draws 2 --index $golden/scrambled_gather_r4/index.npy"
    expect_sentence 1 "takes no index" "run identity $all --index $golden/scrambled_permute/index.npy"
    expect_sentence 1 "do not fit" "run standard --q $i/q.npy --k $golden/inputs_gqa/k.npy --v $i/v.npy --out $temporary/refused.npy"
    c=$guidance/combine_cfg
    n=$guidance/nag_l1_w4.0
    expect_sentence 1 "No such file" "combine --cond $temporary/none --out $temporary/refused.npy"
    expect_sentence 1 "uncond does not fit: (.*), where cond is (.*)" "combine --cond $c/cond.npy --uncond $n/out.npy --cfg-scale 2 --out $temporary/refused.npy"
    expect_sentence 1 "not a number within" "combine --cond $c/cond.npy --uncond $c/uncond.npy --cfg-scale inf --out $temporary/refused.npy"
    expect_sentence 1 "norm is 3" "combine nag --positive $n/positive.npy --negative $n/negative.npy --norm 3 --out $temporary/refused.npy"
    expect_sentence 1 "." "combine --cond $c/cond.npy --kernel no_such_kernel --out $temporary/refused.npy"
    expect_sentence 1 "." "combine --cond $c/cond.npy --backend cuda --out $temporary/refused.npy"
    c=$guidance/convert_eps_to_x0
    both="--x $c/x.npy --prediction $c/prediction.npy --out $temporary/refused.npy"
    expect_sentence 1 "x0 from eps is undefined at alpha 0, sigma 1" "combine ddim $both --from eps --alpha 0 --sigma 1 --alpha-to 1 --sigma-to 0.5"
    expect_sentence 1 "less noisy" "combine noise --x $c/x.npy --noise $c/x.npy --alpha 0.6 --sigma 0.8 --alpha-to 0.8 --sigma-to 0.6 --out $temporary/refused.npy"
    expect_sentence 1 "sigma is -1" "combine euler $both --sigma -1 --sigma-to 0.6"
    expect_sentence 1 "eta is nan" "combine ddim $both --noise $c/x.npy --from v --alpha 1 --sigma 1 --alpha-to 1 --sigma-to 1 --eta nan"
    expect_sentence 1 "1e+50 is beyond float32" "combine min_snr --from x0 --alpha 1 --sigma 0 --gamma 1e50 --out $temporary/refused.npy"
    expect_sentence 1 "weight of flow is undefined" "combine min_snr --from flow --alpha 1 --sigma 1 --gamma 5 --out $temporary/refused.npy"
    expect_sentence 1 "the shape of prediction does not fit: (.*), where x is (.*)" "combine euler --x $c/x.npy --prediction $n/out.npy --sigma 1 --sigma-to 0.5 --out $temporary/refused.npy"
    expect_sentence 1 "No such file" "combine euler --x $temporary/none --prediction $c/x.npy --sigma 1 --sigma-to 0.5 --out $temporary/refused.npy"
    expect_sentence 1 "undefined at alpha 0" "convert --x $c/x.npy --prediction $c/prediction.npy --from eps --to x0 --alpha 0 --sigma 1 --out $temporary/refused.npy"
    m=$guidance/merge
    expect_sentence 1 "lse_b does not fit: .* without its last axis" "combine merge --a $m/out_a.npy --b $m/out_b.npy --lse-a $m/lse_a.npy --lse-b $m/out_b.npy --out $temporary/refused.npy"
    expect_sentence 1 "No such file" "replay $temporary/none $temporary/r"
    expect_sentence 1 "cannot be made" "replay $golden $i/q.npy/below"
    [ -e "$temporary/refused.npy" ] && fail "a refused run wrote its output" || pass
}

# hostile HEADER BYTES WORDS: a q of that header is refused.
hostile() {
    make_npy "$temporary/q.npy" "$1" "$2"
    expect_sentence 1 "$3" "run blur --q $temporary/q.npy --grid 1x2x2 --sigma 1 --out $temporary/refused.npy"
}

test_hostile_files() {
    f4="'descr': '<f4', 'fortran_order': False"
    hostile "{$f4, 'shape': (1, 1, 4, 2)}" 31 "truncated"
    hostile "{$f4, 'shape': (1, 1, 4, 2)}" 33 "1 bytes after its data"
    hostile "{$f4, 'shape': (1, 1, 4, -2)}" 32 "negative"
    hostile "{$f4, 'shape': (4294967296, 4294967296, 4, 2)}" 32 "too large"
    hostile "{$f4, 'shape': (99999999999999999999, 1, 4, 2)}" 32 "too large"
    hostile "{$f4, 'shape': (1, 1, 4611686018427387904, 1)}" 32 "too large"
    hostile "{$f4, 'shape': (1, 1, 1152921504606846976, 2)}" 32 "truncated\|too large"
    hostile "{$f4, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}" 4 "dimensions"
    hostile "{$f4, 'shape': (8,)}" 32 "1 dimensions, not 4"
    hostile "{$f4, 'shape': ()}" 4 "0 dimensions, not 4"
    hostile "{$f4, 'shape': (8)}" 32 "not a tuple"
    hostile "{$f4, 'shape': 8}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, 4.0, 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, 0, 2)}" 0 "no elements"
    hostile "{$f4, 'shape': (9223372036854775807, 9223372036854775807, 0, 2)}" 0 "."
    hostile "{$f4}" 32 "lacks"
    hostile "{$f4, $f4, 'shape': (1, 1, 4, 2)}" 32 "unexpected key"
    hostile "{$f4, 'shape': (1, 1, 4, 2), 'more': 1}" 32 "unexpected key"
    hostile "{$f4, 'shape': (1, 1, 4, 2)} print" 32 "after the dictionary"
    hostile "{$f4, 'shape': (1, 1, 4, 2)" 32 "not a dictionary"
    hostile "" 32 "not a dictionary"
    hostile "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1, 4, 2)}" 32 "Fortran"
    hostile "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1, 4, 2)}" 32 "neither True nor False"
    for type in f2 f4 f8 i4 i8; do
        hostile "{'descr': '>$type', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 64 "'>$type' are big-endian"
    done
    for type in '<i2' '<u4' '<u8' '|i1' '<c8' '<U4' '<f16' 'bool'; do
        hostile "{'descr': '$type', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 32 "element type '$type'"
    done
    hostile "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 17 "1 bytes after its data"
    hostile "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1, 4611686018427387904, 1)}" 32 "truncated\|too large"
    hostile "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 8 "not float32"
    hostile "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 64 "not float32"
    hostile "{'descr': '<f2', 'fortran_order': True, 'shape': (1, 1, 4, 2)}" 16 "Fortran"
    hostile "{$f4, 'shape': (1, 1, np.int64(-4), 2)}" 32 "negative"
    hostile "{$f4, 'shape': (1, 1, np.int64(4, 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, np.float64(4), 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, np.int64(), 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, 4LL, 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (1, 1, L, 2)}" 32 "not a tuple"
    hostile "{$f4, 'shape': (np.int64(8))}" 32 "not a tuple"
    hostile "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 64 "element type"
    hostile "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 32 "element type"
    hostile "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 4, 2)}" 32 "not float32"

    blur="run blur --grid 1x2x2 --sigma 1 --out $temporary/refused.npy --q"
    : >"$temporary/q.npy"
    expect_sentence 1 "not an .npy file" "$blur $temporary/q.npy"
    printf '\223NUMPY\001\000\377\377{' >"$temporary/q.npy"
    expect_sentence 1 "within its header" "$blur $temporary/q.npy"
    printf '\223NUMPY\002\000\377\377\377\377{' >"$temporary/q.npy"
    expect_sentence 1 "too long" "$blur $temporary/q.npy"
    printf '\223NUMPY\003\000\002\000\000\000{}' >"$temporary/q.npy"
    expect_sentence 1 "its header is\|lacks" "$blur $temporary/q.npy"
    printf '\223NUMPY\004\000\002\000\000\000{}' >"$temporary/q.npy"
    expect_sentence 1 "version 4.0" "$blur $temporary/q.npy"
    printf 'PK\003\004%30s' '' >"$temporary/q.npy"
    expect_sentence 1 "npz archive" "$blur $temporary/q.npy"
    for bytes in 5 9 30 127; do
        head -c $bytes "$golden/inputs/q.npy" >"$temporary/q.npy"
        expect_sentence 1 "\.npy: it" "$blur $temporary/q.npy"
    done
    expect_sentence 1 "not a regular file" "$blur $temporary"
    make_npy "$temporary/q.npy" "{$f4, 'shape': (1, 1, 4, 2), }" 32
    expect 0 "a well-made file" "$tool" $blur "$temporary/q.npy"
    rm -f "$temporary/refused.npy"
}

# float64 and version 2: softmax over one key returns its value, 1.
test_other_formats() {
    make_npy "$temporary/one64.npy" "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 1), }" 0
    printf '\000\000\000\000\000\000\360\077' >>"$temporary/one64.npy"
    make_npy "$temporary/one.npy" "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }" 0
    printf '\000\000\200\077' >>"$temporary/one.npy"
    { printf '\223NUMPY\002\000\101\000\000\000'
      printf "%-64s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1)}"
      printf '\000\000\200\077'; } >"$temporary/two.npy"
    expect 0 "float64 and version 2" "$tool" run standard --q "$temporary/one64.npy" --k "$temporary/two.npy" \
        --v "$temporary/one64.npy" --out "$temporary/out.npy"
    same 0 "$temporary/one.npy" "$temporary/out.npy"
    make_npy "$temporary/one64.npy" "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 1), }" 0
    printf '\000\000\000\000\000\000\360\176' >>"$temporary/one64.npy"
    expect_sentence 1 "does not fit float32" "run blur --grid 1x1x1 --q $temporary/one64.npy --out $temporary/out.npy"
}

# put NAME DESCR SHAPE BYTES: an array file, BYTES with escapes of printf.
put() {
    make_npy "$temporary/$1.npy" "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }" 0
    printf "$4" >>"$temporary/$1.npy"
}

# gives EXPECTED OPTIONS: standard attention of one query over the keys and values put before.
gives() {
    rm -f "$temporary/out.npy"
    t=$temporary
    expect 0 "run standard $2" "$tool" run standard --q "$t/q.npy" --k "$t/k.npy" --v "$t/v.npy" --out "$t/out.npy" $2 || return
    same 0 "$t/$1.npy" "$t/out.npy"
}

# Over one key attention returns its value: every float16 comes out as it is, in either type.
test_halves() {
    put q '<f2' '1, 1, 1, 1' '\000\074'
    put k '<f2' '1, 1, 1, 1' '\000\074'
    put v '<f2' '1, 1, 1, 4' '\000\074\000\270\377\173\001\000'
    put expected '<f4' '1, 1, 1, 4' '\000\000\200\077\000\000\000\277\000\340\177\107\000\000\200\063'
    gives expected ""
    gives expected "--dtype f16"
    expect 0 "combine of float16" "$tool" combine --cond "$temporary/v.npy" --out "$temporary/out.npy"
    same 0 "$temporary/expected.npy" "$temporary/out.npy"
    for number in '1L, 1L, 1L, 1L' 'np.int64(1), 1, numpy.uint32(1), np.longlong(1)'; do
        put q '<f4' "$number" '\000\000\200\077'
        gives expected ""
    done
}

# Two keys, of which a mask or a bias hides one.
test_booleans() {
    put q '<f4' '1, 1, 1, 1' '\000\000\000\000'
    put k '<f4' '1, 1, 2, 1' '\000\000\000\000\000\000\000\000'
    put v '<f4' '1, 1, 2, 1' '\000\000\200\077\000\000\100\100'
    put one '<f4' '1, 1, 1, 1' '\000\000\200\077'
    put three '<f4' '1, 1, 1, 1' '\000\000\100\100'
    put mask '|b1' '1, 2' '\000\001'
    gives three "--mask $temporary/mask.npy"
    put mask '|u1' '1, 2' '\002\000'
    gives one "--mask $temporary/mask.npy"
    put bias '|b1' '1, 1, 1, 2' '\001\000'
    gives one "--bias $temporary/bias.npy"
    put bias '<f2' '1, 1, 1, 2' '\000\374\000\000'
    gives three "--bias $temporary/bias.npy"
    put bias '<i4' '1, 1, 1, 2' '\001\000\000\000\001\000\000\000'
    t=$temporary
    expect_sentence 1 "not float32, uint8 or bool" "run standard --q $t/q.npy --k $t/k.npy --v $t/v.npy --bias $t/bias.npy --out $t/out.npy"
    expect_sentence 1 "not uint8 or bool" "run standard --q $t/q.npy --k $t/k.npy --v $t/v.npy --mask $t/q.npy --out $t/out.npy"
}

test_long_indices() {
    put q '<f4' '1, 1, 2, 1' '\000\000\000\000\000\000\000\000'
    put v '<f4' '1, 1, 2, 1' '\000\000\200\077\000\000\100\100'
    put expected '<f4' '1, 1, 2, 1' '\000\000\100\100\000\000\200\077'
    put index '<i8' '1, 2, 1' '\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
    t=$temporary
    gather="run scrambled --q $t/q.npy --k $t/q.npy --v $t/v.npy --index $t/index.npy --out $t/out.npy"
    expect 0 "an index of int64" "$tool" $gather
    same 0 "$t/expected.npy" "$t/out.npy"
    put index '<i8' '1, 2, 1' '\000\000\000\200\000\000\000\000\000\000\000\000\000\000\000\000'
    expect_sentence 1 "its value 2147483648 does not fit int32" "$gather"
    put index '<i8' '1, 2, 1' '\000\000\000\000\000\000\000\000\377\377\377\177\377\377\377\377'
    expect_sentence 1 "its value -2147483649 does not fit int32" "$gather"
}

# run_case TOLERANCE CASE INPUTS OP OPTIONS: as the line of cases.txt says.
run_case() {
    i=$golden/$3
    rm -f "$temporary/out.npy"
    expect 0 "run $2" "$tool" run "$4" --q "$i/q.npy" --k "$i/k.npy" --v "$i/v.npy" --out "$temporary/out.npy" $5 || return
    same "$1" "$golden/$2/out.npy" "$temporary/out.npy"
}

test_run() {
    run_case 1e-6 standard_self standard_self standard ""
    run_case 1e-6 standard_causal standard_causal standard "--causal"
    run_case 1e-6 standard_bias standard_bias standard "--bias $golden/standard_bias/bias.npy"
    run_case 1e-6 standard_mask standard_mask standard "--mask $golden/standard_mask/mask.npy"
    run_case 2e-5 standard_large_logits standard_large_logits standard "--scale 1.0"
    run_case 1e-6 identity_text_first inputs_text_first identity "--image 11:64"
    run_case 1e-6 identity_soft_text_first inputs_text_first identity "--image=11:64 --strength=0.35"
    run_case 1e-6 identity_rows identity_rows identity "--rows 1"
    run_case 1e-6 identity_heads identity_heads identity "--heads 0,3"
    run_case 1e-6 uniform_gqa inputs_gqa uniform "--image 11:64"
    run_case 1e-6 smoothed_s5.0 inputs smoothed "--grid 1x8x8 --sigma 5"
    run_case 1e-6 smoothed_3x6x8_s2.0 smoothed_3x6x8_s2.0 smoothed "--grid 3x6x8 --sigma 2 --sigma-t 1"
    run_case 1e-6 orthogonal_sinf inputs orthogonal "--grid 1x8x8 --sigma inf"
    run_case 1e-6 orthogonal_only inputs orthogonal "--grid 1x8x8 --sigma 1 --keep-parallel 0"
    run_case 1e-6 scrambled_gather_r4 inputs scrambled "--gain 0.8 --index $golden/scrambled_gather_r4/index.npy"
    run_case 1e-6 gather_seed gather_seed scrambled "--kind gather --seed 81985529216486895 --draws 2"
    run_case 1e-6 permute_seed permute_seed scrambled "--kind permute --seed 81985529216486895"
    run_case 1e-6 scrambled_permute_mix inputs scrambled "--kind permute --mix 0.7 --index $golden/scrambled_permute_mix/index.npy"
    run_case 1e-6 scrambled_tokens inputs scrambled "--kind tokens --index $golden/scrambled_tokens/index.npy"

    run_case 1e-6 standard_self standard_self softened "--inverse-temperature 1"
    run_case 1e-6 standard_self standard_self masked "--probability 0 --seed 5"
    run_case 1e-6 standard_self standard_self noisy "--amplitude 0"
    run_case 1e-6 identity_text_first inputs_text_first masked "--image 11:64 --probability 1"

    c=$golden/standard_self
    given="--q $c/q.npy --k $c/k.npy --v $c/v.npy"
    expect 0 "run softened" "$tool" run softened $given --inverse-temperature 0.5 --scale 0.5 --out "$temporary/soft.npy"
    expect 0 "run standard at half the scale" "$tool" run standard $given --scale 0.25 --out "$temporary/out.npy"
    same 1e-6 "$temporary/out.npy" "$temporary/soft.npy"
    for method in "masked --probability 0.5" "noisy --amplitude 1"; do
        expect 0 "run $method" "$tool" run $method $given --seed 1 --out "$temporary/one.npy"
        expect 0 "run $method" "$tool" run $method $given --seed 1 --dtype f32 --threads 1 --out "$temporary/again.npy"
        expect 0 "run $method" "$tool" run $method $given --seed 2 --out "$temporary/two.npy"
        same_bytes "$temporary/one.npy" "$temporary/again.npy"
        if cmp -s "$temporary/one.npy" "$temporary/two.npy"; then fail "$method: two seeds, one result"; else pass; fi
    done

    c=$golden/received
    expect 0 "run map" "$tool" run map --q "$c/q.npy" --k "$c/k.npy" --out "$temporary/map.npy"
    expect 0 "run map" "$tool" run map --q "$c/q.npy" --k "$c/k.npy" --kernel map_f64_ref --out "$temporary/out.npy"
    same 1e-6 "$temporary/out.npy" "$temporary/map.npy"

    c=$golden/blur_3x6x8_s2.0
    expect 0 "run blur" "$tool" run blur --q "$c/q.npy" --grid 3x6x8 --sigma 2 --sigma-t 1 --out "$temporary/out.npy"
    same 1e-6 "$c/out.npy" "$temporary/out.npy"
    c=$golden/received
    expect 0 "run received" "$tool" run received --q "$c/q.npy" --k "$c/k.npy" --out "$temporary/out.npy"
    same 1e-6 "$c/out.npy" "$temporary/out.npy"
    c=$golden/energy
    expect 0 "run energy" "$tool" run energy --q "$c/q.npy" --k "$c/k.npy" --out "$temporary/out.npy" \
        --curvature "$temporary/curvature.npy"
    same 1e-6 "$c/energy.npy" "$temporary/out.npy"
    same 1e-6 "$c/curvature.npy" "$temporary/curvature.npy"
    c=$golden/standard_long
    for threads in 1 2; do
        expect 0 "run with $threads threads" "$tool" run standard --q "$c/q.npy" --k "$c/k.npy" --v "$c/v.npy" \
            --out "$temporary/out$threads.npy" --lse "$temporary/lse$threads.npy" --threads $threads
    done
    same 3e-6 "$c/lse.npy" "$temporary/lse1.npy"
    same_bytes "$temporary/out1.npy" "$temporary/out2.npy"
    same_bytes "$temporary/lse1.npy" "$temporary/lse2.npy"
}

# judge_replay FOLDER TOLERANCE LONG LARGE: every array that the golden folder expects, by kind of case.
judge_replay() {
    while read -r name rest; do
        tolerance=$2
        case $name in
        standard_long|smoothed_32x32_s10) tolerance=$3 ;;
        standard_large_logits) tolerance=$4 ;;
        esac
        for array in out lse energy curvature; do
            [ -e "$golden/$name/$array.npy" ] && same "$tolerance" "$golden/$name/$array.npy" "$1/$name/$array.npy"
        done
    done <"$golden/cases.txt"
}

test_replay() {
    expect 0 "replay" "$tool" replay "$golden" "$temporary/f32"
    judge_replay "$temporary/f32" 1e-6 3e-6 2e-5
    expect 0 "replay in f16" "$tool" replay "$golden" "$temporary/f16" --dtype f16
    judge_replay "$temporary/f16" 3e-3 3e-3 0.5
    expect 0 "replay in bf16" "$tool" replay "$golden" "$temporary/bf16" --dtype bf16
    judge_replay "$temporary/bf16" 2e-2 2e-2 1
    for name in standard_self identity_text_first smoothed_s1.0; do
        cmp -s "$temporary/f32/$name/out.npy" "$temporary/f16/$name/out.npy" && fail "$name: f16 is f32" || pass
    done
    i=$golden/inputs
    "$tool" run smoothed --q "$i/q.npy" --k "$i/k.npy" --v "$i/v.npy" --grid 1x8x8 --sigma 5 --out "$temporary/out.npy"
    same_bytes "$temporary/out.npy" "$temporary/f32/smoothed_s5.0/out.npy"
}

test_replay_refusals() {
    mkdir -p "$temporary/cases/lonely"
    cp -r "$golden/inputs" "$golden/standard_self" "$temporary/cases/"
    cat >"$temporary/cases/cases.txt" <<'END'
# a comment, then an empty line

standard_self standard
guided combine cfg_scale=4
misspelt smoothed sigm=1 inputs=inputs
unnamed smooothed inputs=inputs
unreadable smoothed grid=1x8x8 sigma=one inputs=inputs
lonely standard
refused identity causal=1 inputs=inputs
odd standard inputs
../outside identity inputs=inputs
inside identity inputs=../inputs
empty
smooth smoothed grid=1x8x8 sigma=1 inputs=inputs
END
    expect 1 "replay with refusals" "$tool" replay "$temporary/cases" "$temporary/some/where"
    [ "$(wc -l <"$temporary/err")" -eq 10 ] && pass || fail "ten refusals expected: $(cat "$temporary/err")"
    for words in "misspelt: the key 'sigm' is not known; did you mean sigma" "unnamed: .*did you mean smoothed"; do
        grep -q "^$words" "$temporary/err" && pass || fail "'$words' is not said: $(cat "$temporary/err")"
    done
    for name in guided misspelt unnamed unreadable lonely refused odd ../outside inside empty; do
        grep -q "^$name: " "$temporary/err" && pass || fail "the refused case $name is not named"
        [ -e "$temporary/some/where/$name" ] && fail "the refused case $name left a folder" || pass
    done
    [ -s "$temporary/some/where/standard_self/lse.npy" ] && pass || fail "standard_self was not written"
    [ -s "$temporary/some/where/smooth/out.npy" ] && pass || fail "smooth was not written"
}

# combine_case CASE OPTIONS: the golden case by options of combine; its arrays are $c/...
combine_case() {
    rm -f "$temporary/out.npy"
    expect 0 "combine $1" "$tool" $2 --out "$temporary/out.npy" || return
    same 1e-6 "$guidance/$1/out.npy" "$temporary/out.npy"
}

test_combine() {
    c=$guidance/combine_rescale_0.7
    three="--cond $c/cond.npy --uncond $c/uncond.npy --perturbed $c/perturbed.npy"
    combine_case combine_rescale_0.7 "combine $three --cfg-scale 4 --perturbed-scale 3 --rescale 0.7"
    combine_case combine_cfg_perturbed "combine linear $(echo $three | sed "s|combine_rescale_0.7|combine_cfg_perturbed|g") --cfg-scale 4 --perturbed-scale=3 --threads 2"
    c=$guidance/combine_cfg
    combine_case combine_cfg "combine --cond $c/cond.npy --uncond $c/uncond.npy --cfg-scale 7.5"
    c=$guidance/combine_perturbed
    combine_case combine_perturbed "combine --cond $c/cond.npy --perturbed $c/perturbed.npy --perturbed-scale 3"
    expect 0 "combine of one" "$tool" combine --cond "$c/cond.npy" --out "$temporary/out.npy"
    same 0 "$c/cond.npy" "$temporary/out.npy"
    c=$guidance/cfg_zero_star
    combine_case cfg_zero_star "combine cfg_zero_star --cond $c/cond.npy --uncond $c/uncond.npy --cfg-scale 5"
    c=$guidance/nag_l2_w4.0
    combine_case nag_l2_w4.0 "combine nag --positive $c/positive.npy --negative $c/negative.npy --nag-scale 4 --norm 2"
    c=$guidance/merge
    combine_case merge "combine merge --a $c/out_a.npy --b $c/out_b.npy --lse-a $c/lse_a.npy --lse-b $c/lse_b.npy --lse $temporary/lse.npy"
    same 1e-6 "$c/lse.npy" "$temporary/lse.npy"
    c=$guidance/apg_uncond_base
    apg="--cfg-scale 7.5 --eta 0.3 --radius 9 --momentum -0.5 --base uncond"
    combine_case apg_uncond_base "combine apg --cond $c/cond.npy --uncond $c/uncond.npy $apg --momentum-out $temporary/momentum.npy"
    expect 0 "apg's second step" "$tool" combine apg --cond "$c/cond2.npy" --uncond "$c/uncond2.npy" $apg \
        --momentum-in "$temporary/momentum.npy" --out "$temporary/out.npy"
    same 1e-6 "$c/out2.npy" "$temporary/out.npy"
    c=$guidance/sag_blur
    combine_case sag_blur "combine sag_blur --x0 $c/x0.npy --received $c/received.npy --grid 1x5x6"
    expect_sentence 1 "tokens of the grid" "combine sag_blur --x0 $c/x0.npy --received $c/received.npy --grid 1x6x6 --out $temporary/refused.npy"
    expect_sentence 1 "f32 alone" "combine sag_blur --x0 $c/x0.npy --received $c/received.npy --grid 1x5x6 --dtype f16 --out $temporary/refused.npy"
    c=$guidance/convert_flow_to_v
    combine_case convert_flow_to_v "convert --from flow --to v --x $c/x.npy --prediction $c/prediction.npy --alpha 0.7 --sigma 0.3"
}

test_steps() {
    c=$guidance/ddpm_large
    combine_case ddpm_large "combine --x $c/x.npy --prediction $c/prediction.npy ddpm --noise $c/noise.npy --from v --alpha 0.6 --sigma 0.8 --alpha-to 0.8 --sigma-to=0.6 --variance large"
    c=$guidance/ddpm_small
    combine_case ddpm_small "combine ddpm --x $c/x.npy --prediction $c/prediction.npy --noise $c/noise.npy --from eps --alpha 0.6 --sigma 0.8 --alpha_to 0.8 --sigma_to 0.6"
    c=$guidance/ddim_eta
    combine_case ddim_eta "combine ddim --x $c/x.npy --prediction $c/prediction.npy --noise $c/noise.npy --from v --alpha 0.6 --sigma 0.8 --alpha-to 0.8 --sigma-to 0.6 --eta 0.4 --threads 2"
    c=$guidance/ddim_flow
    combine_case ddim_flow "combine ddim --x $c/x.npy --prediction $c/prediction.npy --from flow --alpha 0.3 --sigma 0.7 --alpha-to 0.5 --sigma-to 0.5"
    c=$guidance/noise_clean
    combine_case noise_clean "combine noise --x $c/x.npy --noise $c/noise.npy --alpha 1 --sigma 0 --alpha-to 0.6 --sigma-to 0.8"
    c=$guidance/euler
    combine_case euler "combine euler --x $c/x.npy --prediction $c/prediction.npy --sigma 0.7 --sigma-to 0.5"
    expect 0 "euler to the same level" "$tool" combine euler --x "$c/x.npy" --prediction "$c/prediction.npy" --sigma 0.7 \
        --sigma-to 0.7 --out "$temporary/out.npy"
    same 0 "$c/x.npy" "$temporary/out.npy"
    combine_case min_snr_v "combine min_snr --from v --alpha 0.96 --sigma 0.28 --gamma 5"
}

# judge_guidance FOLDER TOLERANCE: every array that the golden folder of guidance expects.
judge_guidance() {
    while read -r name operation rest; do
        [ "$operation" = sag_blur ] && [ "$2" != 1e-6 ] && continue
        for array in out out2 lse; do
            [ -e "$guidance/$name/$array.npy" ] && same "$2" "$guidance/$name/$array.npy" "$1/$name/$array.npy"
        done
    done <"$guidance/cases.txt"
}

test_replay_guidance() {
    expect 0 "replay of guidance" "$tool" replay "$guidance" "$temporary/guidance"
    judge_guidance "$temporary/guidance" 1e-6
    expect 1 "replay of guidance in f16" "$tool" replay "$guidance" "$temporary/guidance16" --dtype f16
    judge_guidance "$temporary/guidance16" 1e-2
    cmp -s "$temporary/guidance/combine_cfg/out.npy" "$temporary/guidance16/combine_cfg/out.npy" &&
        fail "combine_cfg: f16 is f32" || pass
    mkdir -p "$temporary/guided"
    cp -r "$guidance/combine_cfg" "$guidance/apg_cond_base" "$temporary/guided/"
    rm "$temporary/guided/apg_cond_base/uncond2.npy"
    cat >"$temporary/guided/cases.txt" <<'END'
combine_cfg combine cfg_scale=7.5 sigm=1
apg_cond_base apg cfg_scale=7.5
absent combine
halfway convert from=eps to=v alpha=1 inputs=combine_cfg
nowhere noise alpha=1 sigma=0 alpha_to=1 sigma_to=1 inputs=combine_cfg
unknown euler sigma=1 sigma_to=0.5 alpha=1
END
    expect 1 "refused guidance" "$tool" replay "$temporary/guided" "$temporary/elsewhere"
    [ "$(wc -l <"$temporary/err")" -eq 6 ] && pass || fail "six refusals expected: $(cat "$temporary/err")"
    [ -z "$(ls "$temporary/elsewhere")" ] && pass || fail "refused guidance left $(ls -R "$temporary/elsewhere")"
}

test_demo() {
    expect 0 "demo" "$tool" demo "$photograph" "$temporary/demo" --shrink 8
    for file in clean.png noisy.png standard.png tokens.png guided_uniform.png best_permute.png softened_0.5.png masked_0.5.png noisy_1.png table.txt table.tsv \
        weights.tsv sheet.tsv; do
        [ -s "$temporary/demo/$file" ] && pass || fail "demo did not write $file"
    done
    expect_sentence 1 "No such file" "demo $temporary/none.png $temporary/demo"
    expect_sentence 1 "." "demo $golden/cases.txt $temporary/demo"
    expect_sentence 1 "odd" "demo $photograph $temporary/demo --patch 4"
    expect_sentence 2 "--shrink: 0 is too few" "demo $photograph $temporary/demo --shrink 0"
    expect_sentence 1 "no patches" "demo $photograph $temporary/demo --shrink 192"
    head -c 5000 "$photograph" >"$temporary/cut.png"
    expect_sentence 1 "cut.png" "demo $temporary/cut.png $temporary/demo"
}

test_help
test_usage
test_suggestions
test_refusals
test_hostile_files
test_other_formats
test_halves
test_booleans
test_long_indices
test_run
test_replay
test_replay_refusals
test_combine
test_steps
test_replay_guidance
test_demo
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
