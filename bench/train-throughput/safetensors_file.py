"""Reads a safetensors file: eight bytes of length, a JSON header, the tensors' bytes."""
import json
import struct

import torch

DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "I32": torch.int32}


def load(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        start, end = info["data_offsets"]
        flat = torch.frombuffer(data, dtype=DTYPES[info["dtype"]], offset=8 + length + start,
                                count=(end - start) // torch.empty(0, dtype=DTYPES[info["dtype"]]).element_size())
        tensors[name] = flat.view(info["shape"])
    return tensors
