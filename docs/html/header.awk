# header.awk - doxygen's filter for attnguide.h: the comment on top becomes the file's, the section titles become
# groups, and < in comments begins no tag of HTML.
FNR == 1 { sub(/^\/\*/, "/** @file\n *"); print; next }
/^\/\* ---- .* -+ \*\/$/ {
    title = $0
    sub(/^\/\* -+ /, "", title)
    sub(/ -+ \*\/$/, "", title)
    print (grouped ? "/** @} */ " : "") "/** @name " title " */ /** @{ */"
    grouped = 1
    next
}
/^#ifdef __cplusplus/ && grouped { print "/** @} */"; grouped = 0 }
/^ \*|\/\*\*|^  +[^ ]/ && !/^#/ {
    mark = index($0, "/**<")
    head = mark ? substr($0, 1, mark + 3) : ""
    tail = mark ? substr($0, mark + 4) : $0
    gsub(/</, "\\\\<", tail)
    print head tail
    next
}
{ print }
