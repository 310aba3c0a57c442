"""Prints the score of a mutation report, and every defect that no test noticed.

    python3 tests/mutation/score.py REPORT.json

The score is what was noticed (killed, or never ended) over what could be: defects that do not compile are left out.
"""
import collections
import json
import os
import sys

files = json.load(open(sys.argv[1], encoding="utf-8"))["files"]
counts = collections.Counter()
left = []
for path, file in files.items():
    lines = file["source"].splitlines()
    for mutant in file["mutants"]:
        counts[mutant["status"]] += 1
        if mutant["status"] in ("Survived", "NoCoverage"):
            line = mutant["location"]["start"]["line"]
            left.append((os.path.basename(path), line, mutant["status"], lines[line - 1].strip(), mutant.get("replacement", "")))
noticed = counts["Killed"] + counts["Timeout"]
planted = noticed + counts["Survived"] + counts["NoCoverage"]
for name, line, status, text, put in sorted(left):
    print(f"{name}:{line} {status}\n    {text}\n    {' '.join(put.split())[:120]}")
print(f"{noticed} of {planted} noticed, {noticed / max(planted, 1):.1%}; {dict(counts)}")
