# --attention FILE: a line's weights for every line, of models that label and that go on.
F=$SOURCE_DIR/tests/golden/families
printf 'hello world\n\na man\n' >in
for m in text_bert_sequence text_xlmr_sequence; do
    "$ATTEND" classify -m "$F/$m" --attention $m.jsonl <in >with
    "$ATTEND" classify -m "$F/$m" <in | cmp - with
    test "$(grep -c '^{"line":[0-2],"source":\[.*,"encoder":\[\[\[\[' $m.jsonl)" = 3
done
for m in text_bert_tag text_xlmr_tag; do
    "$ATTEND" tag -m "$F/$m" --attention $m.jsonl <in >with
    "$ATTEND" tag -m "$F/$m" <in | cmp - with
    test "$(grep -c '"encoder":\[\[\[\[' $m.jsonl)" = 2
    grep -q '^{"line":1,"skipped":"no words"}$' $m.jsonl
done
for m in text_gpt2 text_llama; do
    "$ATTEND" generate -m "$F/$m" -n 3 --attention $m.jsonl -q <in >with
    "$ATTEND" generate -m "$F/$m" -n 3 -q <in | cmp - with
    test "$(wc -l <$m.jsonl)" = 3
    grep -q '^{"line":0,"prefix":\[.*,"decoder":\[\[\[\[1,0,' $m.jsonl
done
# Two texts have no weights here, nor has what was cut; threads change nothing.
printf 'a\tb\n' | "$ATTEND" classify -m "$F/text_bert_sequence" --attention pair.jsonl
grep -q '^{"line":0,"skipped":"two texts' pair.jsonl
"$ATTEND" classify -m "$F/text_bert_sequence" --attention one.jsonl --threads 1 <in
"$ATTEND" classify -m "$F/text_bert_sequence" --attention three.jsonl --threads 3 <in
cmp one.jsonl three.jsonl
cmp one.jsonl text_bert_sequence.jsonl
# Each row is a distribution.
if command -v python3 >/dev/null; then
    python3 - *.jsonl <<'END'
import json, sys
for name in sys.argv[1:]:
    for line in open(name):
        object = json.loads(line)
        for layers in (object.get("encoder", []), object.get("decoder", [])):
            for row in (row for layer in layers for head in layer for row in head):
                assert abs(sum(row) - 1) < 1e-5, (name, row)
END
fi
for c in classify:text_bert_sequence tag:text_bert_tag generate:text_gpt2; do
    "$ATTEND" ${c%%:*} -m "$F/${c#*:}" --attention /nonexistent/x.jsonl -o out <in 2>err && exit 9 || test $? = 1
    grep -q '/nonexistent/x.jsonl' err
    test ! -e out
done
