"""count_steps.py PLAN: how many steps with an action a plan has, counted without the program under test."""
import re, sys

# A step is a list item under steps: or parallel: with an action (word.word, run, wait, checklist, approve) as a key,
# whose block is not under undo: or verify:. Items are told by their indentation.
count, skip_below = 0, None
for line in open(sys.argv[1]):
    text = line.split("#")[0].rstrip()
    if not text.strip():
        continue
    indent = len(text) - len(text.lstrip())
    if skip_below is not None and indent > skip_below:
        continue
    skip_below = None
    key = text.lstrip().removeprefix("- ")
    if re.match(r"(undo|verify):", key):
        skip_below = indent
    elif re.match(r"([a-z]+\.[a-z]+|rsync|run|wait|checklist|approve):", key):
        count += 1
        skip_below = indent + (2 if text.lstrip().startswith("- ") else 0)   # its parameters
print(count)
