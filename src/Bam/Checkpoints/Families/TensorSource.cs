namespace Bam.Checkpoints.Families;

/// <summary>Where the numbers of a parameter lie in a stored tensor: stretches of one length at equal distances.</summary>
/// <param name="Tensor">The stored tensor's name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Start">The first number's place in it.</param>
/// <param name="Stretch">How many numbers lie together.</param>
/// <param name="Distance">From one stretch's first number to the next one's.</param>
internal sealed record TensorSource(string Tensor, long[] Shape, long Start, long Stretch, long Distance)
{
    /// <summary>The place of a number of the parameter in the tensor.</summary>
    public long PlaceOf(long index) => Start + index / Stretch * Distance + index % Stretch;

    /// <summary>How many numbers from one on lie together.</summary>
    public long RestOfStretch(long index) => Stretch - index % Stretch;
}
