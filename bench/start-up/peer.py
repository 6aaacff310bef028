#!/usr/bin/python3
"""What bam inspect is compared with: a short Python program that lists the parameters of a safetensors file by module."""
import collections
import json
import math
import struct
import sys

with open(sys.argv[1] + "/model.safetensors", "rb") as file:
    length, = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
header.pop("__metadata__", None)
tensors, parameters = collections.Counter(), collections.Counter()
for name, tensor in header.items():
    kind = name.removesuffix(".weight").rsplit(".", 1)[-1]
    tensors[kind] += 1
    parameters[kind] += math.prod(tensor["shape"])
for kind, count in tensors.items():
    print(f"{kind:30}{count:10,}{parameters[kind]:16,}")
