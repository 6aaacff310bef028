"""Which keys a query of a Bam model sees."""

import torch


class BamMask:
    """
    Hides keys from queries: later ones, those outside the window, padding, and those of another sequence in the same row.

    Places are counted from the start of a row, padding included. The `attention_mask` has two dimensions, a column for each place
    so far, or four, [B, 1, T, S], and is then the whole mask: true where a query sees a key, or numbers to add to the scores. It
    may be a dictionary of masks by type of layer, which `generate` makes for static caches.
    """

    @classmethod
    def of_layer_types(cls, config, places, sequences, attention_mask):
        windows = {"full_attention": None, "sliding_attention": config.sliding_window}
        types = list(dict.fromkeys(config.layer_types))
        given = attention_mask if isinstance(attention_mask, dict) else dict.fromkeys(types, attention_mask)
        if any(name not in given for name in types):
            raise ValueError(f"attention_mask: expected a mask for each of {types}, found {list(given)}")
        return {name: cls(windows[name], places, sequences, given[name]) for name in types}

    def __init__(self, window, places, sequences, attention_mask):
        self.window = window
        self.places = places  # [T]
        self.sequences = sequences  # [B or 1, T]
        self.attention_mask = attention_mask
        self.is_whole = attention_mask is not None and attention_mask.dim() == 4
        if attention_mask is not None:
            self._check(attention_mask)

    def _check(self, mask):
        if self.is_whole:
            if mask.dtype != torch.bool and not mask.is_floating_point():
                raise ValueError(f"attention_mask: expected bool or floating point in four dimensions, found {mask.dtype}")
        elif mask.dim() != 2:
            raise ValueError(f"attention_mask: expected two or four dimensions, found {mask.dim()}")
        elif not torch.compiler.is_compiling() and mask.shape[1] <= (last := self.places[-1].item()):
            raise ValueError(f"attention_mask: expected {last + 1} columns, one for each position so far, found {mask.shape[1]}")

    def apply(self, scores):
        """[B, H, T, S], likewise."""
        if self.is_whole and self.attention_mask.is_floating_point():
            return scores + self.attention_mask.to(scores.device)
        hidden = ~self.attention_mask if self.is_whole else self._hidden(scores.shape[3])
        return scores.masked_fill(hidden.to(scores.device), torch.finfo(scores.dtype).min)

    def _hidden(self, count):
        """[B or 1, 1, T, S], for as many keys as the cache gives."""
        places = self.places[:, None]
        # A static cache has room behind the last place, which no query sees; a cache of a window has lost the first places.
        keys = torch.arange(count, device=places.device) + (self.places[-1] + 1 - count).clamp(min=0)
        hidden = keys > places
        if self.window is not None:
            hidden = hidden | (keys <= places - self.window)
        hidden = hidden[None, None]
        if self.attention_mask is not None:
            hidden = hidden | (self._columns(self.attention_mask, keys) == 0)
        if self.sequences is not None:
            hidden = hidden | (self._columns(self.sequences, keys) != self.sequences[:, None, :, None])
        return hidden

    @staticmethod
    def _columns(rows, places):
        """The columns of these places: [B, 1, 1, S]."""
        return rows.to(places.device)[:, None, None, places.clamp(max=rows.shape[1] - 1)]
