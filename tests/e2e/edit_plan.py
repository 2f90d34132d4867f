"""edit_plan.py PLAN AFTER STEP: prints the plan with a further step behind the one named AFTER (its text as in
`- name: AFTER`). STEP is YAML lines as they stand in a list, without indentation."""
import sys

lines, after, step = open(sys.argv[1]).read().split("\n"), sys.argv[2], sys.argv[3]
at = next(i for i, line in enumerate(lines) if line.strip() == "- name: " + after)
indent = len(lines[at]) - len(lines[at].lstrip())
end = next(i for i in range(at + 1, len(lines))
           if lines[i].strip() and len(lines[i]) - len(lines[i].lstrip()) <= indent)
print("\n".join(lines[:end] + [" " * indent + line for line in step.split("\n")] + lines[end:]), end="")
