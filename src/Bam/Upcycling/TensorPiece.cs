using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>A part of one tensor of a mixture, and where it is written.</summary>
/// <param name="Tensor">The tensor.</param>
/// <param name="Start">Its first element of this piece.</param>
/// <param name="Count">How many elements.</param>
/// <param name="File">The file.</param>
/// <param name="Position">Where in the file the piece begins.</param>
internal sealed record TensorPiece(PlannedTensor Tensor, long Start, int Count, OutputFile File, long Position);
