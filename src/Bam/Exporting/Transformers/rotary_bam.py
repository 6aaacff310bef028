"""Rotary embedding of Bam models: the frequencies of a layer, and the rotation of heads by them."""

import math
from typing import NamedTuple

import torch


class BamAngles(NamedTuple):
    cosines: torch.Tensor  # [B, 1, T, width / 2] in float32
    sines: torch.Tensor
    query_factors: torch.Tensor | None  # [B, 1, T, 1] in float32; None for one everywhere


class BamRotary:
    """
    Symbols: f is the `factor` of `rope_scaling`, O its `original_max_position_embeddings`.

    The frequencies of dynamic scaling and LongRoPE depend on the length of the input, cached tokens included: one more than the
    largest position in any row, as in transformers. The length is a tensor, so that compiled code works for every length.
    """

    def __init__(self, config):
        self.width = int(config.head_dim * config.partial_rotary_factor + 1e-6)
        self.interleaved = config.rope_interleaved
        self.theta, self.local_theta = config.rope_theta, config.rope_local_base_freq
        self.trained_length = config.max_position_embeddings
        self.scaling = config.rope_scaling or {}
        self.kind = self.scaling.get("rope_type", "default")  # transformers 5 fills it in
        self.original_length = self.scaling.get("original_max_position_embeddings")

    def angles(self, position_ids):
        """For each type of layer, those of positions [B, T]."""
        frequencies = self.frequencies(position_ids.max() + 1)
        full = self._angles(position_ids, frequencies, self.scaling.get("attention_factor", 1.0))
        if self.local_theta is None:
            return {"full_attention": full, "sliding_attention": full}
        local = self._angles(position_ids, self._unscaled(self.local_theta, position_ids.device))
        return {"full_attention": full, "sliding_attention": local}

    def rotate(self, heads, angles):
        """[B, heads, T, D], likewise."""
        cosines, sines = angles.cosines.to(heads.dtype), angles.sines.to(heads.dtype)
        rotated, rest = heads[..., : self.width], heads[..., self.width :]
        x, y = (rotated[..., 0::2], rotated[..., 1::2]) if self.interleaved else rotated.chunk(2, dim=-1)
        pair = (x * cosines - y * sines, y * cosines + x * sines)
        rotated = torch.stack(pair, -1).flatten(-2) if self.interleaved else torch.cat(pair, -1)
        return torch.cat((rotated, rest), -1)

    def changes_between(self, shorter, longer):
        """True where LongRoPE switches between these lengths: keys of the shorter input do not fit queries of the longer."""
        return self.kind == "longrope" and shorter <= self.original_length < longer

    def frequencies(self, length):
        """[width / 2], in radians per position; `length` is a tensor."""
        plain = self._unscaled(self.theta, length.device)
        if self.kind == "default":
            return plain
        if self.kind == "longrope":
            long, short = (plain.new_tensor(self.scaling[name]) for name in ("long_factor", "short_factor"))
            return plain / torch.where(length > self.original_length, long, short)
        factor = self.scaling["factor"]
        if self.kind == "dynamic":
            # theta · (f · length / trained - (f - 1)) ^ (width / (width - 2)), beyond the length of training
            growth = (factor * length.double() / self.trained_length - (factor - 1)).clamp(min=1)
            return self._unscaled(self.theta * growth ** (self.width / (self.width - 2)), length.device)
        kept = {"linear": self._kept_by_none, "llama3": self._kept_by_llama3, "yarn": self._kept_by_yarn}[self.kind](plain)
        return (1 - kept) * plain / factor + kept * plain

    def _angles(self, position_ids, frequencies, attention_factor=1.0):
        positions = position_ids[:, None, :, None]
        angles = positions.double() * frequencies
        factors, beta = None, self.scaling.get("llama_4_scaling_beta")
        if beta:
            # 1 + beta · ln(1 + floor(position / O))
            factors = 1 + beta * torch.log1p(positions.div(self.original_length, rounding_mode="floor").float())
        return BamAngles((angles.cos() * attention_factor).float(), (angles.sin() * attention_factor).float(), factors)

    def _unscaled(self, theta, device):
        return theta ** -(torch.arange(0, self.width, 2, dtype=torch.float64, device=device) / self.width)

    # The part of each frequency that stays as it is, from 0 to 1; the rest is divided by f.

    def _kept_by_none(self, frequencies):
        return torch.zeros_like(frequencies)

    def _kept_by_llama3(self, frequencies):
        low, high = self.scaling["low_freq_factor"], self.scaling["high_freq_factor"]
        turns = self.original_length * frequencies / (2 * math.pi)
        return ((turns - low) / (high - low)).clamp(0, 1)

    def _kept_by_yarn(self, frequencies):
        low, high = self._pair_with(self.scaling["beta_fast"]), self._pair_with(self.scaling["beta_slow"])
        if self.scaling["truncate"]:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, self.width - 1)
        if low == high:
            high += 0.001
        pairs = torch.arange(len(frequencies), dtype=frequencies.dtype, device=frequencies.device)
        return 1 - ((pairs - low) / (high - low)).clamp(0, 1)

    def _pair_with(self, turns):
        """The pair, a fraction, that makes so many turns within O positions."""
        return self.width * math.log(self.original_length / (turns * 2 * math.pi)) / (2 * math.log(self.theta))
