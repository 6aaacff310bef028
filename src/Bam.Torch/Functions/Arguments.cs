using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>Checks, once per call, what kernels read and write through pointers. Allocates nothing if all is right.</summary>
internal static class Arguments
{
    /// <summary>A tensor's dtype, device and sizes.</summary>
    /// <exception cref="ArgumentException">It has others.</exception>
    public static void Require(Tensor tensor, string name, ScalarType type, Device device, params ReadOnlySpan<long> sizes)
    {
        if (tensor.ScalarType != type || tensor.Device != device || !tensor.Shape.SequenceEqual(sizes))
        {
            throw new ArgumentException(
                $"expected {type}[{string.Join(", ", sizes.ToArray())}] on {device}, found {tensor}", name);
        }
    }

    /// <summary>Tables that rotate at most a head's width, and are long enough; missing positions are computed.</summary>
    /// <exception cref="ArgumentException">They rotate more, or are shorter.</exception>
    public static void RequirePositions(RotaryTables rotary, AttentionShape shape, int positions)
    {
        if (rotary.RotaryDim > shape.HeadDim)
        {
            throw new ArgumentException(
                $"expected a rotated width of at most {shape.HeadDim} (head_dim), found {rotary.RotaryDim}", nameof(rotary));
        }

        rotary.EnsurePositions(positions);
    }

    /// <summary>Rows of these heads' queries, chosen from that position on.</summary>
    /// <exception cref="ArgumentException">They are of other heads or positions.</exception>
    public static void RequireRows(QueryRows rows, AttentionShape shape, int start)
    {
        if (rows.Shape != shape || rows.Start != start)
        {
            throw new ArgumentException(
                $"expected rows of {shape} from position {start}, found {rows.Shape} from {rows.Start}", nameof(rows));
        }
    }

    /// <summary>Past keys and values [slots, K, capacity, D], float32 and contiguous, with room for the new tokens.</summary>
    /// <exception cref="ArgumentException">They have other sizes or gaps, or no room.</exception>
    public static void RequireRoom(Tensor keys, Tensor values, AttentionShape shape, TokenPlaces places)
    {
        var (slots, capacity) = keys.Rank == 4 ? (keys.Size(0), keys.Size(2)) : (0, 0);
        Require(keys, nameof(keys), ScalarType.Float32, Device.Cpu, slots, shape.KeyValueHeads, capacity, shape.HeadDim);
        Require(values, nameof(values), ScalarType.Float32, Device.Cpu, slots, shape.KeyValueHeads, capacity, shape.HeadDim);
        if (!keys.IsContiguous)
            throw new ArgumentException($"expected contiguous memory, found {keys} with gaps", nameof(keys));
        if (!values.IsContiguous)
            throw new ArgumentException($"expected contiguous memory, found {values} with gaps", nameof(values));
        if (places.Count != shape.BatchSize || shape.Length != 1)
            throw new ArgumentException($"expected {shape.BatchSize} tokens, found places of {places.Count}", nameof(places));
        for (var token = 0; token < places.Count; token++)
        {
            var (slot, position) = (places.Slots[token], places.Positions[token]);
            if (position < 0 || position >= capacity)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(places),
                    $"expected 0 … {capacity - 1}, as there is room for {capacity} tokens, found {position}");
            }

            if (slot < 0 || slot >= slots)
                throw new ArgumentOutOfRangeException(nameof(places), $"expected slot 0 … {slots - 1}, found {slot}");
        }
    }
}
