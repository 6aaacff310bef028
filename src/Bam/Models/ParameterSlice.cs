using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>Where a tensor of the checkpoint lies in the model's arena: always one contiguous range.</summary>
/// <param name="Parameter">Its name and shape in the checkpoint.</param>
/// <param name="Offset">Its first element's place in the arena.</param>
/// <param name="Transposed">Whether the arena holds the matrix transposed.</param>
internal sealed record ParameterSlice(ParameterInfo Parameter, long Offset, bool Transposed)
{
    /// <summary>Elements.</summary>
    public long Count => Parameter.Count;

    /// <summary>Matrices are decayed, norms and biases are not.</summary>
    public bool IsMatrix => !Parameter.IsBias && !Parameter.IsNorm;
}
