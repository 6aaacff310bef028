using Bam.Data;
using Bam.Torch;

namespace Bam.Training;

/// <summary>
/// A part of a step's windows. Part p of n takes rows p, p + n, p + 2n …: the sampler lists windows by domain, and each part should
/// hold all of them, for the load-balancing loss looks at one part at a time.
/// </summary>
internal sealed class MicroBatch
{
    private readonly TokenBatch batch;
    private readonly int[] rows;

    private MicroBatch(TokenBatch batch, int[] rows)
    {
        this.batch = batch;
        this.rows = rows;
        Domains = [.. rows.Select(r => batch.Domains[r])];
    }

    /// <summary>[B/n], each window's domain.</summary>
    public int[] Domains { get; }

    public static MicroBatch Of(TokenBatch batch, int part, int parts) =>
        new(batch, [.. Enumerable.Range(0, batch.BatchSize / parts).Select(r => part + r * parts)]);

    /// <summary>[B/n, T], int64.</summary>
    public Tensor Inputs(Device device) => Tokens(device, first: 0);

    /// <summary>[B/n, T], int64: the inputs, one token further.</summary>
    public Tensor Targets(Device device) => Tokens(device, first: 1);

    private Tensor Tokens(Device device, int first)
    {
        var length = batch.WindowLength;
        var tokens = new long[rows.Length * length];
        for (var r = 0; r < rows.Length; r++)
        {
            var window = batch.Tokens.AsSpan(rows[r] * (length + 1) + first, length);
            for (var t = 0; t < length; t++) tokens[r * length + t] = window[t];
        }

        return Tensor.From<long>(tokens, [rows.Length, length], device);
    }
}
