# The first page names every command; no command is a misuse, --help is not.
"$ATTEND" --help | grep -q '^  translate '
"$ATTEND" help | grep -q '^  train translate '
"$ATTEND" >page && exit 9 || test $? = 2
grep -q '^Usage:' page
"$ATTEND" --version | grep -q '^attend [0-9]*\.[0-9]*\.[0-9]* (ABI [0-9]*)$'
"$ATTEND" version | grep -q '^attend '
