namespace Bam.Torch.Functions;

/// <summary>Looks rows up in a table; the table's gradient is added in place, in the order of the ids.</summary>
internal sealed class EmbeddingFunction : AutogradFunction
{
    private readonly Parameter table;

    private EmbeddingFunction(Parameter table) => this.table = table;

    /// <summary>The rows [.., d] of a table [V, d] at int64 ids [..].</summary>
    /// <exception cref="ArgumentException">The ids are of another dtype or on another device.</exception>
    public static Tensor Apply(Tensor ids, Parameter table)
    {
        Arguments.Require(ids, nameof(ids), ScalarType.Int64, table.Leaf.Device, ids.Shape);
        using var scope = TensorScope.Open();
        var flat = ids.Reshape(-1).Contiguous();
        Tensor rows;
        using (NoGrad.Enter()) rows = table.Value.IndexSelect(0, flat);  // [n, d]
        new EmbeddingFunction(table).Attach([table.Leaf], [rows], [flat]);
        return scope.Keep(rows.Reshape([.. ids.Shape, rows.Size(1)]));
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (dy, ids) = (gradOutputs[0]!, saved[0]);
        if (dy.Device.IsCpu)
            AddRows(this.table.Gradient.AsSpan<float>(), ids.AsSpan<long>(), dy.Contiguous().AsSpan<float>());
        else
            this.table.Gradient.IndexAdd_(0, ids, dy);
    }

    // libtorch 1.13 dispatches one operator for every row here.
    private static void AddRows(Span<float> table, ReadOnlySpan<long> ids, ReadOnlySpan<float> rows)
    {
        var width = rows.Length / ids.Length;
        for (var i = 0; i < ids.Length; i++)
        {
            var target = table.Slice((int)(ids[i] * width), width);
            var source = rows.Slice(i * width, width);
            for (var j = 0; j < width; j++) target[j] += source[j];
        }
    }
}
