namespace Bam.Evaluation;

/// <summary>Windows that lie side by side in a text.</summary>
/// <param name="Start">The first input token's place in the text.</param>
/// <param name="Rows">B, the windows.</param>
/// <param name="Length">T, the inputs of each.</param>
internal readonly record struct WindowBatch(long Start, int Rows, int Length)
{
    /// <summary>B·T, the targets.</summary>
    public int Targets => Rows * Length;
}
