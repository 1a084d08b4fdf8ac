#!/bin/sh
# renew_tables.sh ATTNGUIDE - puts what the library says of its methods into the pages that hold it: each table there
# that begins with the first line of one of `attnguide info --methods`, and the lists of attnguide.1.
# tests/command/test_methods.sh sees that this changes nothing.
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
"$1" info --methods >"$said" || exit 1

renew() { # PAGE PROGRAM
    awk -v said="$said" "$2" "$1" >"$1.new" && mv "$1.new" "$1" || exit 1
}

for page in docs/masks.md docs/layers.md docs/perturbations.md; do
    renew "$page" '
        BEGIN {
            while ((getline line < said) > 0) {
                if (line == "") { head = ""; continue }
                if (head == "") head = line
                table[head] = table[head] line "\n"
            }
        }
        !/^\|/ { inside = 0 }
        inside { next }
        $0 in table { printf "%s", table[$0]; inside = 1; next }
        { print }'
done

# Of the first table methods and formulas, of the last the numbers; a number of several methods once.
renew docs/man/attnguide.1 '
    function sentence(text,   words, n, i, out, width) {
        if (text ~ /^[a-z]+ /) text = toupper(substr(text, 1, 1)) substr(text, 2)
        text = text "."
        n = split(text, words, " ")
        for (i = 1; i <= n; i++) {
            width += length(words[i]) + 1
            if (i > 1 && width > 78) { out = out "\n"; width = length(words[i]) + 1 }
            else if (i > 1) out = out " "
            out = out words[i]
        }
        return out "\n"
    }
    BEGIN {
        while ((getline line < said) > 0) {
            n = split(line, cell, / *\| */)
            if (line == "") section++
            else if (cell[2] == "method" || line ~ /^\|---/) continue
            else if (section == 0) {
                sub(" --kind ", " Fl -kind Cm ", cell[3])
                methods = methods ".It Cm " cell[3] "\n" sentence(cell[4] (cell[5] == "-" ? "" : " (" cell[5] ")"))
            }
            else if (section == 3) {
                name = cell[3]
                sub("at run: ", "", name)
                if (!(name in users)) {
                    order[++count] = name
                    by = cell[6] ~ /^must/ ? "" : " by default"
                    meaning[name] = sentence(cell[4] "; " cell[5] "; " cell[6] by)
                }
                users[name] = users[name] (name in users && users[name] != "" ? " , " : "") cell[2]
            }
        }
        for (i = 1; i <= count; i++) {
            option = order[i]
            gsub("_", "-", option)
            numbers = numbers ".It Fl -" option " Ar x\n.Cm " users[order[i]] " :\n" meaning[order[i]]
        }
    }
    /^\.\\" end/ { inside = 0 }
    inside { next }
    { print }
    /^\.\\" methods/ { printf "%s", methods; inside = 1 }
    /^\.\\" numbers/ { printf "%s", numbers; inside = 1 }'
