using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>
/// Carries out a plan in pieces of a few megabytes, by several threads: some read and compute while others write. Memory is that of
/// the threads' buffers, whatever the size of the models.
/// </summary>
internal static class MixtureWriter
{
    /// <summary>Elements of a piece; even, because random numbers come in pairs.</summary>
    private const int PieceLength = 1 << 21;

    /// <summary>Writes all tensors.</summary>
    /// <param name="plan">What they are.</param>
    /// <param name="sources">The models.</param>
    /// <param name="output">Where they go.</param>
    /// <param name="reporter">Told of progress, by one thread at a time.</param>
    /// <param name="cancellation">Stops.</param>
    public static void Write(MixturePlan plan, MixtureSources sources, CheckpointWriter output, IReporter reporter, CancellationToken cancellation)
    {
        var pieces = plan.Tensors.SelectMany(tensor => PiecesOf(tensor, plan.Dtype, output)).ToList();
        var total = plan.ByteLength;
        var done = 0L;
        var gate = new Lock();
        OrderedPieces.Run(pieces.Count, () => new TensorAssembler(sources, plan.Dtype, plan.Options.RouterSeed), Assemble, cancellation);

        void Assemble(TensorAssembler assembler, int number)
        {
            if (number + OrderedPieces.Threads is var later && later < pieces.Count) assembler.ReadAhead(pieces[later]);
            var piece = pieces[number];
            piece.File.Guarded(() =>
            {
                assembler.Write(piece);
                FileAdvice.WriteBehind(piece.File.Handle, piece.Position, piece.Count * plan.Dtype.ByteSize);
                lock (gate) reporter.Advance(new WorkProgress($"mix {plan.Method.Name}", done += piece.Count * plan.Dtype.ByteSize, total, "bytes"));
            });
        }
    }

    private static IEnumerable<TensorPiece> PiecesOf(PlannedTensor tensor, TensorDtype dtype, CheckpointWriter output)
    {
        var (file, position) = output.PlaceOf(tensor.Parameter.Name);
        for (var start = 0L; start < tensor.Parameter.Count; start += PieceLength)
            yield return new(tensor, start, (int)Math.Min(PieceLength, tensor.Parameter.Count - start), file, position + (start * dtype.ByteSize));
    }
}
