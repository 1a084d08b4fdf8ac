# page.awk - doxygen's filter for a page: headings get the anchors that GitHub gives them, with the page's name before,
# and links lead to pages and sections by those names, or to files that lie beside the HTML.
function slug(text) {
    text = tolower(text)
    gsub(/[^a-z0-9 _-]/, "", text)
    gsub(/ /, "-", text)
    return text
}

# layers for docs/layers.md, ggml for examples/ggml/README.md.
function page_of(path,    n, part) {
    sub(/\.md$/, "", path)
    n = split(path, part, "/")
    return tolower(part[n] == "README" ? part[n - 1] : part[n])
}

function link(text, target,    at) {
    if (target ~ /^[a-z]+:/) return "[" text "](" target ")"
    if (target ~ /\.png$/) { sub(/.*\//, "", target); return "[" text "](" target ")" }
    if (target ~ /attnguide\.h$/) return "[" text "](@ref attnguide.h)"
    at = index(target, "#")
    if (at == 1) return "[" text "](@ref " page "-" substr(target, 2) ")"
    if (at) return "[" text "](@ref " page_of(substr(target, 1, at - 1)) "-" substr(target, at + 1) ")"
    if (target ~ /\.md$/) return "[" text "](@ref " page_of(target) ")"
    if (target ~ /ggml\/$/) return "[" text "](@ref ggml)"
    sub(/.*\//, "", target)
    return "<a href=\"" target "\">" text "</a>"
}

# Outside code < begins no tag of HTML, and # no name.
function plain(line,    n, part, i) {
    n = split(line, part, "`")
    line = ""
    for (i = 1; i <= n; i++) {
        if (i % 2) gsub(/[<#]/, "\\\\&", part[i])
        line = line (i > 1 ? "`" : "") part[i]
    }
    return line
}

FNR == 1 { page = page_of(FILENAME); fenced = 0 }
/^ *```/ { fenced = !fenced; print; next }
fenced || /^    / { print; next }
/^# / { print $0 " {#" page "}"; next }
/^##+ / { title = $0; sub(/^#+ /, "", title); print $0 " {#" page "-" slug(title) "}"; next }
{
    rest = $0
    line = ""
    while (match(rest, /\[[^][]*\]\([^)]*\)/)) {
        found = substr(rest, RSTART, RLENGTH)
        middle = index(found, "](")
        line = line plain(substr(rest, 1, RSTART - 1)) \
            link(plain(substr(found, 2, middle - 2)), substr(found, middle + 2, length(found) - middle - 2))
        rest = substr(rest, RSTART + RLENGTH)
    }
    print line plain(rest)
}
