namespace Bam.Torch.Functions;

/// <summary>
/// A matrix or vector of the model as the functions use it: its values, and where its gradient is added. The gradient is summed
/// in place by the functions themselves, which saves autograd a temporary of the parameter's size and a pass over it.
/// </summary>
/// <param name="leaf">The autograd leaf; it ties a function to the graph.</param>
/// <param name="gradient">The leaf's gradient, of its shape; [0] where nothing is trained.</param>
internal sealed class Parameter(Tensor leaf, Tensor gradient)
{
    private readonly (long Start, long Count)? _rows;

    private Parameter(Tensor leaf, Tensor gradient, long start, long count)
        : this(leaf, gradient) => _rows = (start, count);

    /// <summary>A parameter of an arena.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of this name.</exception>
    public static Parameter Of(ParameterArena arena, string name) => new(arena[name], arena.GradientOf(name));

    /// <summary>The autograd leaf that the values are a part of.</summary>
    public Tensor Leaf => leaf;

    /// <summary>The values; under <see cref="NoGrad"/> without a history.</summary>
    public Tensor Value => _rows is var (start, count) ? leaf.Narrow(0, start, count) : leaf;

    /// <summary>The gradient of <see cref="Value"/>.</summary>
    public Tensor Gradient => _rows is var (start, count) ? gradient.Narrow(0, start, count) : gradient;

    /// <summary>False while frozen: its gradient is then not computed.</summary>
    public bool IsTrained => leaf.RequiresGrad;

    /// <summary>Rows <paramref name="start"/> … of a stack, as a parameter of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer rows.</exception>
    public Parameter Rows(long start, long count)
    {
        var (first, rows) = _rows ?? (0, leaf.Size(0));
        if (start < 0 || count < 0 || start > rows - count)
            throw new ArgumentOutOfRangeException(
                nameof(start), $"expected rows of 0 … {rows - 1}, found {count} rows from {start}");
        return new(leaf, gradient, first + start, count);
    }
}
