namespace Bam.Checkpoints;

/// <summary>A tensor that is going to be written.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dtype">Its element type.</param>
/// <param name="Shape">Its sizes; empty for a scalar.</param>
internal sealed record TensorDeclaration(string Name, TensorDtype Dtype, long[] Shape)
{
    /// <summary>How many numbers it holds.</summary>
    public long Count => TensorShape.Count(Shape) ?? throw new ArgumentException($"{Name}: no tensor has the shape {TensorShape.Describe(Shape)}");

    /// <summary>How many bytes it has.</summary>
    public long ByteLength => checked(Count * Dtype.ByteSize);
}
