"""The config.json of a model as transformers 4 wrote it."""

VERSION = "4.51.3"


def as_transformers_4(config, changes):
    """`rope_parameters` as `rope_theta` and `rope_scaling`, `dtype` as `torch_dtype`, then the changes; None drops a key."""
    old = {key: value for key, value in config.items() if key not in ("rope_parameters", "dtype", "_sliding_window_pattern")}
    rope = dict(config["rope_parameters"])
    if "full_attention" not in rope:  # else the changes have what Gemma 3 says for each kind of layer
        old["rope_theta"] = rope.pop("rope_theta")
        rope.pop("partial_rotary_factor", None)
        old["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    old |= dict(torch_dtype=config["dtype"], transformers_version=VERSION) | changes
    return {key: old[key] for key in sorted(old) if key not in changes or changes[key] is not None}
