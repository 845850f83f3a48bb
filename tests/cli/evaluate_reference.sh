# The same lines as sacreBLEU 2.6.0 prints (-m bleu chrf -w 2 -f text).
printf 'The dog is running home.\nIt was not unexpected, at all.\nThe man bit him first!\n' >hyp
printf 'The dog runs home.\nIt was not unexpected.\nThe man bit him first.\n' >ref1
printf 'The dog had run home.\nNo one was surprised.\nThe man had bitten the dog.\n' >ref2
"$ATTEND" evaluate --reference ref1 <hyp
"$ATTEND" evaluate --reference ref1 ref2 --lowercase --chrf-word-order 2 --width 4 <hyp
"$ATTEND" evaluate --reference ref1 -i hyp --smooth floor --smooth-value 0.2 --tokenize intl
"$ATTEND" evaluate --reference ref1 ref2 --confidence-n 200 <hyp
printf '我是一个学生。\n他昨天买了两本书\n' >h.zh
printf '我是学生。\n他昨天买了三本书\n' | "$ATTEND" evaluate -r h.zh --tokenize zh --json
# CRLF, a BOM and a missing last line end change nothing.
printf '\357\273\277The dog runs home.\r\nIt was not unexpected.\r\nThe man bit him first.' >ref3
"$ATTEND" evaluate --reference ref3 <hyp
