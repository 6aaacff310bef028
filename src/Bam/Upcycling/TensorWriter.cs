using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>
/// Makes planned tensors in pieces of a few megabytes, by several threads: some read and compute while others write. Memory is
/// that of the threads' buffers, whatever the size of the models.
/// </summary>
/// <param name="activity">Its name in progress reports.</param>
/// <param name="models">The models that the recipes read.</param>
/// <param name="dtype">The dtype in which the tensors are written.</param>
/// <param name="randomSeed">The seed of recipes with random numbers.</param>
/// <param name="routers">The rows [experts, d] of calibrated routers by the parameter's name; null where there are none.</param>
internal sealed class TensorWriter(
    string activity, IReadOnlyList<Checkpoint> models, TensorDtype dtype, long randomSeed = 0,
    IReadOnlyDictionary<string, float[]>? routers = null)
{
    /// <summary>Elements of a piece; even, because random numbers come in pairs.</summary>
    private const int PieceLength = 1 << 21;

    /// <summary>Writes all tensors, and reports progress from one thread at a time.</summary>
    public void Write(
        IReadOnlyList<PlannedTensor> tensors, CheckpointWriter output, IReporter reporter, CancellationToken cancellation)
    {
        var pieces = Spread([.. tensors.SelectMany(tensor => PiecesOf(tensor, output))]);
        var total = pieces.Sum(piece => (long)piece.Count) * dtype.ByteSize;
        var done = 0L;
        var gate = new Lock();
        OrderedPieces.Run(pieces.Count, () => new TensorAssembler(models, dtype, randomSeed, routers), Assemble, cancellation);

        void Assemble(TensorAssembler assembler, int number)
        {
            if (number + OrderedPieces.Threads is var later && later < pieces.Count) assembler.ReadAhead(pieces[later]);
            var piece = pieces[number];
            var length = (long)piece.Count * dtype.ByteSize;
            piece.File.Guarded(() =>
            {
                assembler.Write(piece);
                lock (gate) reporter.Advance(new WorkProgress(activity, done += length, total, "bytes"));
            });
        }
    }

    /// <summary>
    /// Computed pieces evenly among copied ones: while a thread computes another writes, and two that write to one file only wait
    /// for each other.
    /// </summary>
    private List<TensorPiece> Spread(List<TensorPiece> pieces)
    {
        var (copied, computed) = (pieces.FindAll(IsCopied), pieces.FindAll(piece => !IsCopied(piece)));
        var spread = new List<TensorPiece>(pieces.Count);
        for (int i = 0, j = 0; spread.Count < pieces.Count;)
        {
            var isCopyNext = j == computed.Count
                || (i < copied.Count && (i + 0.5) / copied.Count <= (j + 0.5) / computed.Count);
            spread.Add(isCopyNext ? copied[i++] : computed[j++]);
        }

        return spread;

        bool IsCopied(TensorPiece piece) =>
            piece.Tensor.Recipe is TensorRecipe.Copy copy && models[copy.Model].IsStoredAs(dtype, copy.Name);
    }

    private IEnumerable<TensorPiece> PiecesOf(PlannedTensor tensor, CheckpointWriter output)
    {
        var (file, position) = output.PlaceOf(tensor.StoredName);
        for (var start = 0L; start < tensor.Parameter.Count; start += PieceLength)
            yield return new(
                tensor, start, (int)Math.Min(PieceLength, tensor.Parameter.Count - start), file,
                position + (start * dtype.ByteSize));
    }
}

/// <summary>A range of elements of one tensor, and where in a file they are written.</summary>
internal sealed record TensorPiece(PlannedTensor Tensor, long Start, int Count, OutputFile File, long Position);
