#!/usr/bin/env python3
"""Writes normalization-data.txt from the Unicode Character Database.

usage: make-normalization-data.py FOLDER > normalization-data.txt
FOLDER holds UnicodeData.txt, DerivedNormalizationProps.txt and DerivedAge.txt (Debian: package unicode-data, /usr/share/unicode).

Characters younger than Unicode 9 are left out: that is what Hugging Face's tokenizers normalise by (their crate
unicode-normalization-alignments 0.1.12), and ids must be theirs. Assigned characters never change their forms.

Lines, all numbers hexadecimal: `c FIRST LAST CLASS` canonical combining class; `d CODE DECOMPOSITION` canonical, recomposed
by NFC; `x CODE DECOMPOSITION` canonical, excluded from composition; `k CODE DECOMPOSITION` compatibility. Decompositions
are full (applied until nothing changes) except d, which is one step, so that it is also the composition pair.
"""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
props = (folder / "DerivedNormalizationProps.txt").read_text()
version = re.search(r"DerivedNormalizationProps-([\d.]+)\.txt", props).group(1)

excluded = set()
for first, last in re.findall(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; Full_Composition_Exclusion", props, re.M):
    excluded.update(range(int(first, 16), int(last or first, 16) + 1))

YOUNGEST = 9.0
known = set()
ages = (folder / "DerivedAge.txt").read_text()
for first, last, age in re.findall(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; ([\d.]+)", ages, re.M):
    if float(age) <= YOUNGEST:
        known.update(range(int(first, 16), int(last or first, 16) + 1))

classes, canonical, compatible = {}, {}, {}
for line in (folder / "UnicodeData.txt").read_text().splitlines():
    fields = line.split(";")
    code = int(fields[0], 16)
    if code not in known:
        continue
    if int(fields[3]):
        classes[code] = int(fields[3])
    if fields[5].startswith("<"):
        compatible[code] = [int(c, 16) for c in fields[5].split()[1:]]
    elif fields[5]:
        canonical[code] = [int(c, 16) for c in fields[5].split()]


def full(code, tables):
    for table in tables:
        if code in table:
            return [c for part in table[code] for c in full(part, tables)]
    return [code]


def words(codes):
    return " ".join(f"{c:X}" for c in codes)


print(f"# Unicode {version} up to age {YOUNGEST}, (c) Unicode, Inc., https://www.unicode.org/license.txt")
runs = []
for code, value in sorted(classes.items()):
    if runs and runs[-1][1] == code - 1 and runs[-1][2] == value:
        runs[-1][1] = code
    else:
        runs.append([code, code, value])
for run in runs:
    print(f"c {words(run)}")
for code in sorted(canonical):
    print(f"x {code:X} {words(full(code, [canonical]))}" if code in excluded else f"d {code:X} {words(canonical[code])}")
for code in sorted(set(canonical) | set(compatible)):
    decomposition = full(code, [canonical, compatible])
    if decomposition != full(code, [canonical]):
        print(f"k {code:X} {words(decomposition)}")
