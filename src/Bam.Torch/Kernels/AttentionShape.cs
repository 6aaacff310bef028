namespace Bam.Torch.Kernels;

/// <summary>
/// How the heads of causal attention lie in one fused projection [B, T, Width]: all query heads, then all key heads, then all
/// value heads. Query heads come in groups ("experts") of <paramref name="HeadsPerExpert"/>, each group scaled by its own gate.
/// </summary>
/// <param name="BatchSize">B.</param>
/// <param name="Length">T, positions.</param>
/// <param name="QueryHeads">N·H, all experts together.</param>
/// <param name="KeyValueHeads">N·G, or G when the experts share keys and values.</param>
/// <param name="HeadsPerExpert">H.</param>
/// <param name="KeyValueHeadsPerExpert">G.</param>
/// <param name="HeadDim">The width of one head.</param>
/// <param name="Window">W: a position sees itself and the W - 1 before it (sliding window, Mistral 7B, arXiv 2310.06825).</param>
internal readonly record struct AttentionShape(
    int BatchSize, int Length, int QueryHeads, int KeyValueHeads, int HeadsPerExpert, int KeyValueHeadsPerExpert, int HeadDim,
    int Window = int.MaxValue)
{
    /// <summary>Multiplies the scores.</summary>
    public double Scale { get; init; } = 1 / Math.Sqrt(HeadDim);

    /// <summary>c of the scores' soft cap, c · tanh(score / c) (Gemma 2, arXiv 2408.00118); 0 for none.</summary>
    public double SoftCap { get; init; }

    /// <summary>N.</summary>
    public int Experts => QueryHeads / HeadsPerExpert;

    /// <summary>The query heads that read one key-value head within one expert.</summary>
    public int HeadsPerKeyValueHead => HeadsPerExpert / KeyValueHeadsPerExpert;

    /// <summary>Columns of the fused projection.</summary>
    public int Width => (QueryHeads + 2 * KeyValueHeads) * HeadDim;

    /// <summary>The first position that a position looks at.</summary>
    public int FirstSeenFrom(int position) => Math.Max(0, position - Window + 1);

    /// <summary>The key-value head that a query head reads.</summary>
    public int KeyValueHeadOf(int queryHead) => queryHead / HeadsPerKeyValueHead % KeyValueHeads;
}

/// <summary>
/// Which queries attend, a row for each: every position's, with the heads of all experts; or those of the positions that chose an
/// expert, with that expert's heads alone.
/// </summary>
internal sealed class QueryRows
{
    private readonly AttentionShape shape;
    private readonly int[]? starts;     // [N·B + 1], the first row of each expert's in each sequence
    private readonly int[]? positions;  // [rows], ascending within a sequence

    private QueryRows(AttentionShape shape, int[]? starts, int[]? positions, int start) =>
        (this.shape, this.starts, this.positions, Start) = (shape, starts, positions, start);

    public AttentionShape Shape => shape;

    /// <summary>The position of each sequence's first token.</summary>
    public int Start { get; }

    /// <summary>Whether they are of chosen positions, one expert's heads in each.</summary>
    public bool AreChosen => positions is not null;

    public long Count => positions?.Length ?? (long)shape.BatchSize * shape.Length;

    /// <summary>Query heads of a row: N·H, or the H of its expert.</summary>
    public int Heads => positions is null ? shape.QueryHeads : shape.HeadsPerExpert;

    /// <summary>A row for each of the B·T positions, sequence after sequence.</summary>
    public static QueryRows All(AttentionShape shape) => new(shape, starts: null, positions: null, start: 0);

    /// <summary>
    /// A row for each choice, sorted by expert, then by sequence and position. <paramref name="chosen"/> has the k experts of
    /// each token, [B·T·k], or -1 for one that is not among these; <paramref name="start"/> is the position of each sequence's
    /// first token.
    /// </summary>
    /// <exception cref="ArgumentException">Not every token chose as many.</exception>
    public static QueryRows Chosen(AttentionShape shape, ReadOnlySpan<long> chosen, int start = 0)
    {
        if (chosen.Length % (shape.BatchSize * shape.Length) != 0)
            throw new ArgumentException(
                $"expected as many choices for each of {shape.BatchSize * shape.Length} tokens, found {chosen.Length}",
                nameof(chosen));
        var ofSequence = chosen.Length / shape.BatchSize;
        var perToken = ofSequence / shape.Length;
        var starts = new int[shape.Experts * shape.BatchSize + 1];
        for (var choice = 0; choice < chosen.Length; choice++)
        {
            if (chosen[choice] >= 0) starts[PartOf(chosen, choice) + 1]++;
        }

        for (var part = 1; part < starts.Length; part++) starts[part] += starts[part - 1];

        var (next, positions) = (starts.ToArray(), new int[starts[^1]]);
        for (var choice = 0; choice < chosen.Length; choice++)
        {
            if (chosen[choice] >= 0) positions[next[PartOf(chosen, choice)]++] = start + choice % ofSequence / perToken;
        }

        return new(shape, starts, positions, start);

        int PartOf(ReadOnlySpan<long> experts, int choice) => (int)experts[choice] * shape.BatchSize + choice / ofSequence;
    }

    /// <summary>The position of a row's query.</summary>
    public int Position(int row) => positions is null ? row % shape.Length : positions[row];

    /// <summary>The rows of one sequence in which a query head stands; their positions ascend.</summary>
    public (int First, int Count) Of(int sequence, int head)
    {
        if (starts is null) return (sequence * shape.Length, shape.Length);
        var part = head / shape.HeadsPerExpert * shape.BatchSize + sequence;
        return (starts[part], starts[part + 1] - starts[part]);
    }

    /// <summary>Where a query head stands in its rows.</summary>
    public int Place(int head) => head % Heads;
}

/// <summary>A matrix in memory, or some columns of one; rows begin <paramref name="pitch"/> floats apart.</summary>
internal readonly unsafe struct RowMatrix(float* first, long pitch)
{
    /// <summary>Floats from a row to the next.</summary>
    public long Pitch => pitch;

    /// <summary>The element of that row and column.</summary>
    public float* At(long row, long column) => first + row * pitch + column;
}
