using Bam.Checkpoints;

namespace Bam.Exporting.Gguf;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">Rows first, as everywhere in Bam; the file lists the sizes the other way round.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Parts">The model's parameters that it consists of, one after the other.</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgufTensorType Type, IReadOnlyList<ParameterInfo> Parts)
{
    /// <summary>The numbers of a tensor that is no parameter of the model.</summary>
    public float[]? Values { get; init; }

    /// <summary>The rows of each part lie in the order of <see cref="RotaryRows"/> for heads of that size; 0: as they are.</summary>
    public int RotaryHeadDim { get; init; }

    /// <summary>How many numbers.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Its size.</summary>
    public long ByteLength => Type.ByteLength(Count);
}
