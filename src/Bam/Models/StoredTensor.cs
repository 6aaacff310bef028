using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Torch;

namespace Bam.Models;

/// <summary>A tensor of a checkpoint's file, of the shape of a parameter: its values, or one of its moments.</summary>
/// <param name="Name">In the file.</param>
/// <param name="Parameter">Whose it is.</param>
/// <param name="Rows">
/// Gives the rows from the first number on, as many as the second says, float32 and contiguous, on the model's device. Null where
/// another rank of the expert group has the parameter.
/// </param>
internal sealed record StoredTensor(string Name, ParameterInfo Parameter, Func<long, long, Tensor>? Rows)
{
    /// <summary>The numbers that travel or are written at once, unless one row has more.</summary>
    private const int PieceLength = 1 << 22;

    /// <summary>A tensor in a buffer that is laid out as the arena; null as the slice where another rank has it.</summary>
    public static StoredTensor Of(string name, ParameterInfo parameter, Tensor buffer, ParameterSlice? slice) =>
        new(name, parameter, slice is null ? null : (row, rows) => ModelCheckpoint.Rows(buffer, slice, row, rows));

    /// <summary>
    /// Writes a safetensors file in float32. All ranks of the expert group call it with the same tensors in the same order: the
    /// first one writes, and the others send it what it does not have, piece by piece. The file does not depend on the ranks.
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written; no file is left.</exception>
    public static void Write(
        string path, IReadOnlyList<StoredTensor> tensors, ExpertParallelism ranks, int pieceLength = PieceLength)
    {
        using var noGrad = NoGrad.Enter();
        if (ranks.Group.Rank > 0)
        {
            foreach (var tensor in tensors.Where(tensor => ranks.OwnerOf(tensor.Parameter) == ranks.Group.Rank))
                tensor.Send(ranks, pieceLength);
            return;
        }

        var next = 0;
        SafetensorsWriter.Write(
            path,
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, TensorDtype.Float32, tensor.Parameter.Shape))],
            (_, stream) => tensors[next++].WriteTo(stream, ranks, pieceLength));
    }

    private void Send(ExpertParallelism ranks, int pieceLength)
    {
        foreach (var (row, rows) in ModelCheckpoint.Pieces(Parameter.Shape, pieceLength))
        {
            using var scope = TensorScope.Open();
            ranks.Group.Send(Rows!(row, rows), destination: 0);
        }
    }

    private void WriteTo(Stream stream, ExpertParallelism ranks, int pieceLength)
    {
        foreach (var (row, rows) in ModelCheckpoint.Pieces(Parameter.Shape, pieceLength))
        {
            using var scope = TensorScope.Open();
            var piece = Rows is null ? Received(row, rows) : Rows(row, rows);
            stream.Write(MemoryMarshal.AsBytes(piece.To(Device.Cpu).AsSpan<float>()));
        }

        Tensor Received(long row, long rows)
        {
            var piece = Tensor.Empty([rows, .. Parameter.Shape[1..]], ScalarType.Float32, ranks.Device);
            ranks.Group.Receive(piece, ranks.OwnerOf(Parameter));
            return piece;
        }
    }
}
