namespace Bam.Torch.Kernels;

/// <summary>
/// Which queries attend, a row for each: every position's, with the heads of all experts; or those of the positions that chose an expert,
/// with that expert's heads alone.
/// </summary>
internal sealed class QueryRows
{
    private readonly AttentionShape shape;
    private readonly int[]? starts;     // [N·B + 1], the first row of each expert's in each sequence
    private readonly int[]? positions;  // [rows], ascending within a sequence

    private QueryRows(AttentionShape shape, int[]? starts, int[]? positions, int start) =>
        (this.shape, this.starts, this.positions, Start) = (shape, starts, positions, start);

    /// <summary>The heads.</summary>
    public AttentionShape Shape => shape;

    /// <summary>The position of each sequence's first token.</summary>
    public int Start { get; }

    /// <summary>How many.</summary>
    public long Count => positions?.Length ?? (long)shape.BatchSize * shape.Length;

    /// <summary>Query heads of a row: N·H, or the H of its expert.</summary>
    public int Heads => positions is null ? shape.QueryHeads : shape.HeadsPerExpert;

    /// <summary>A row for each of the B·T positions, sequence after sequence.</summary>
    public static QueryRows All(AttentionShape shape) => new(shape, starts: null, positions: null, start: 0);

    /// <summary>A row for each choice, sorted by expert, then by sequence and position.</summary>
    /// <param name="shape">The heads.</param>
    /// <param name="chosen">[B·T·k], the experts that each token chose, a token's k after one another.</param>
    /// <param name="start">The position of each sequence's first token.</param>
    /// <exception cref="ArgumentException">Not every token chose as many.</exception>
    public static QueryRows Chosen(AttentionShape shape, ReadOnlySpan<long> chosen, int start = 0)
    {
        if (chosen.Length % (shape.BatchSize * shape.Length) != 0)
            throw new ArgumentException($"expected as many choices for each of {shape.BatchSize * shape.Length} tokens, found {chosen.Length}", nameof(chosen));
        var ofSequence = chosen.Length / shape.BatchSize;
        var perToken = ofSequence / shape.Length;
        var starts = new int[shape.Experts * shape.BatchSize + 1];
        for (var choice = 0; choice < chosen.Length; choice++) starts[PartOf(chosen, choice) + 1]++;
        for (var part = 1; part < starts.Length; part++) starts[part] += starts[part - 1];

        var (next, positions) = (starts.ToArray(), new int[chosen.Length]);
        for (var choice = 0; choice < chosen.Length; choice++)
            positions[next[PartOf(chosen, choice)]++] = start + choice % ofSequence / perToken;
        return new(shape, starts, positions, start);

        int PartOf(ReadOnlySpan<long> experts, int choice) => (int)experts[choice] * shape.BatchSize + choice / ofSequence;
    }

    /// <summary>The position that a row asks from.</summary>
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
