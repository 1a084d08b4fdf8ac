#!/bin/sh
# page.sh BUILD - what BUILD/evidence holds, into the documentation: the pictures, all results as a page and as JSON.
set -e
from=$1/evidence
for picture in curve layers sigma cost; do cp "$from/$picture.png" "docs/pictures/tinydiff_$picture.png"; done
cp "$from/sheet.png" docs/pictures/tinydiff.png
cp "$from/results.json" examples/tinydiff/results.json
{
    cat <<'EOF'
# All results of the study

What the columns mean: [evidence.md](evidence.md); what was asked: [PROTOCOL.md](../examples/tinydiff/PROTOCOL.md); the
settings word by word: [study.txt](../examples/tinydiff/study.txt). z compares with the first line of each table, on the
same noise. `make evidence docs-evidence` renews this page.

EOF
    sed 's/^Model \(.*\)$/## Model \1/' "$from/table.md"
} >docs/evidence-table.md
