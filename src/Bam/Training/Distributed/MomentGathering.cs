using System.Runtime.InteropServices;
using Bam.Models;
using Bam.Torch;
using Bam.Training.Optimization;

namespace Bam.Training.Distributed;

/// <summary>
/// Moves AdamW's moments between a checkpoint, which holds whole tensors, and the processes, which may each hold a shard. Besides
/// the shards, only a piece of a tensor is in memory at once, or one output projection, which is stored transposed.
/// </summary>
internal sealed class MomentGathering(ParallelLayout layout, AdamW optimizer)
{
    /// <summary>Numbers in a piece: 16 MiB.</summary>
    private const int PieceLength = 1 << 22;

    private bool IsSharded => optimizer.Shards.Count > 1;

    /// <summary>
    /// On the first data-parallel process: writes the moments of a tensor, row by row, while the others call
    /// <see cref="Send"/>.
    /// </summary>
    /// <param name="stream">The file.</param>
    /// <param name="own">This process's shard of the moments.</param>
    /// <param name="slice">Where the tensor's moments lie among all.</param>
    /// <exception cref="Bam.Torch.Distributed.ProcessGroupException">A process is gone.</exception>
    public void WriteTo(Stream stream, Tensor own, ParameterSlice slice)
    {
        if (!IsSharded)
        {
            ModelCheckpoint.WriteTo(stream, own, slice);
            return;
        }

        using var noGrad = NoGrad.Enter();
        foreach (var (start, count) in Pieces(slice))
        {
            using var scope = TensorScope.Open();
            var piece = Tensor.Empty([count], device: own.Device);
            foreach (var (shard, from, length) in optimizer.Shards.Split(start, count))
            {
                var part = piece.Narrow(0, from - start, length);
                if (shard == optimizer.Shard) part.Copy_(Owned(own, from, length));
                else layout.Data.Receive(part, shard);
            }

            if (slice.Transposed) ModelCheckpoint.WriteTo(stream, piece, slice with { Offset = 0 });
            else stream.Write(MemoryMarshal.AsBytes(piece.To(Device.Cpu).AsSpan<float>()));
        }
    }

    /// <summary>On the other data-parallel processes: sends what <see cref="WriteTo"/> of the first one receives.</summary>
    /// <exception cref="Bam.Torch.Distributed.ProcessGroupException">The first process is gone.</exception>
    public void Send(Tensor own, ParameterSlice slice)
    {
        if (!IsSharded) return;
        using var scope = TensorScope.Open();
        foreach (var (start, count) in Pieces(slice))
        {
            foreach (var (shard, from, length) in optimizer.Shards.Split(start, count))
                if (shard == optimizer.Shard) layout.Data.Send(Owned(own, from, length), destination: 0);
        }
    }

    /// <summary>Reads what this process holds of the moments of a tensor; involves no other process.</summary>
    public void ReadInto(ModelCheckpoint.ReadValues read, Tensor own, ParameterSlice slice)
    {
        if (!IsSharded)
        {
            ModelCheckpoint.ReadInto(read, own, slice);
            return;
        }

        using var noGrad = NoGrad.Enter();
        foreach (var (start, count) in Pieces(slice))
        {
            foreach (var (shard, from, length) in optimizer.Shards.Split(start, count))
            {
                if (shard != optimizer.Shard) continue;
                using var scope = TensorScope.Open();
                var target = Owned(own, from, length);
                if (slice.Transposed)
                {
                    var whole = Tensor.Empty([count], device: own.Device);
                    ModelCheckpoint.ReadInto(read, whole, slice with { Offset = 0 });
                    target.Copy_(whole.Narrow(0, from - start, length));
                }
                else
                {
                    var values = new float[length];
                    read(from - slice.Offset, values);
                    target.Copy_(Tensor.From<float>(values, own.Device));
                }
            }
        }
    }

    // Rows of a transposed tensor do not lie side by side.
    private static IEnumerable<(long Start, long Count)> Pieces(ParameterSlice slice)
    {
        var length = slice.Transposed ? slice.Count : PieceLength;
        for (var done = 0L; done < slice.Count; done += length)
            yield return (slice.Offset + done, Math.Min(length, slice.Count - done));
    }

    private Tensor Owned(Tensor own, long start, long count) =>
        own.Narrow(0, start - optimizer.Shards.FirstMomentOf(optimizer.Shard), count);
}
