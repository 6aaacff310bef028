using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>A matrix or vector of the model: checkpoint tensors, one below the other.</summary>
/// <param name="Name">Its name in the arena.</param>
/// <param name="Parts">The checkpoint's tensors, from the first row on.</param>
/// <param name="Transposed">Whether each part is stored transposed.</param>
internal sealed record ParameterStack(string Name, IReadOnlyList<ParameterInfo> Parts, bool Transposed)
{
    /// <summary>[rows, columns], or of vectors [numbers], as the model uses it.</summary>
    public long[] Shape
    {
        get
        {
            if (Parts[0].Shape.Length == 1) return [Parts.Sum(part => part.Count)];
            var (rows, columns) = Transposed ? (1, 0) : (0, 1);
            return [Parts.Sum(part => part.Shape[rows]), Parts[0].Shape[columns]];
        }
    }
}
