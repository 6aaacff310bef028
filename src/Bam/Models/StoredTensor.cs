using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Torch;

namespace Bam.Models;

/// <summary>A float32 tensor of a checkpoint's file, of the shape of a parameter: its values, or one of its moments.</summary>
/// <param name="Name">In the file.</param>
/// <param name="Parameter">Whose it is.</param>
/// <param name="WriteTo">
/// Writes the numbers, row by row. Called on the rank of the expert group that owns the parameter; null on the others.
/// </param>
internal sealed record StoredTensor(string Name, ParameterInfo Parameter, Action<Stream>? WriteTo)
{
    /// <summary>The numbers that travel at once.</summary>
    private const int PieceLength = 1 << 22;

    /// <summary>
    /// Writes a safetensors file. All ranks of the expert group call it with the same tensors in the same order: the first one
    /// writes, and the others send it what they own, piece by piece. The file does not depend on the ranks.
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written; no file is left.</exception>
    /// <exception cref="Torch.Distributed.ProcessGroupException">A rank is gone.</exception>
    public static void Write(
        string path, IReadOnlyList<StoredTensor> tensors, ExpertParallelism ranks, int pieceLength = PieceLength)
    {
        if (ranks.Group.Rank > 0)
        {
            using var sending = new SendingStream(ranks, pieceLength);
            foreach (var tensor in tensors.Where(tensor => ranks.OwnerOf(tensor.Parameter) == ranks.Group.Rank))
            {
                tensor.WriteTo!(sending);
                sending.Flush();
            }

            return;
        }

        var next = 0;
        SafetensorsWriter.Write(
            path,
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, TensorDtype.Float32, tensor.Parameter.Shape))],
            (_, stream) =>
            {
                var tensor = tensors[next++];
                var owner = ranks.OwnerOf(tensor.Parameter);
                if (owner == 0) tensor.WriteTo!(stream);
                else Receive(tensor.Parameter.Count, stream, ranks, owner, pieceLength);
            });
    }

    private static void Receive(long count, Stream stream, ExpertParallelism ranks, int owner, int pieceLength)
    {
        for (var done = 0L; done < count; done += pieceLength)
        {
            using var scope = TensorScope.Open();
            var piece = Tensor.Empty([Math.Min(pieceLength, count - done)]);
            ranks.Group.Receive(piece, owner);
            stream.Write(MemoryMarshal.AsBytes(piece.AsSpan<float>()));
        }
    }

    /// <summary>Sends what is written to it to the first rank, in pieces of full length and, after a flush, a last one.</summary>
    private sealed class SendingStream(ExpertParallelism ranks, int pieceLength) : Stream
    {
        private byte[] piece = [];
        private int filled;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (piece.Length == 0) piece = new byte[pieceLength * sizeof(float)];
            while (!buffer.IsEmpty)
            {
                var count = Math.Min(buffer.Length, piece.Length - filled);
                buffer[..count].CopyTo(piece.AsSpan(filled));
                buffer = buffer[count..];
                filled += count;
                if (filled == piece.Length) Flush();
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            if (filled == 0) return;
            using var scope = TensorScope.Open();
            var numbers = MemoryMarshal.Cast<byte, float>(piece.AsSpan(0, filled));
            filled = 0;
            ranks.Group.Send(Tensor.From<float>(numbers), destination: 0);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
