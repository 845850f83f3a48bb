# docs/attend.1 and the completions are what the tables print. After a change of options:
#   for f in man:attend.1 bash:completions/attend.bash zsh:completions/_attend \
#       fish:completions/attend.fish; do attend help --${f%%:*} > docs/${f#*:}; done
cd "$SOURCE_DIR/docs"
"$ATTEND" help --man | diff attend.1 -
"$ATTEND" help --bash | diff completions/attend.bash -
"$ATTEND" help --zsh | diff completions/_attend -
"$ATTEND" help --fish | diff completions/attend.fish -
if command -v bash >/dev/null; then bash -n completions/attend.bash; fi
if command -v groff >/dev/null; then
    test -z "$(groff -man -Tutf8 -ww attend.1 2>&1 >/dev/null)"
fi
