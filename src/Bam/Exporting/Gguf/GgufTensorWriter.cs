using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Exporting.Gguf;

/// <summary>Writes the tensors of a GGUF file some rows at a time, by several threads; memory does not grow with the model.</summary>
/// <param name="model">Where the parameters are read.</param>
/// <param name="layout">The file as it will be.</param>
internal sealed class GgufTensorWriter(Checkpoint model, GgufFile layout)
{
    /// <summary>Numbers of one piece, unless a row has more.</summary>
    private const int PieceLength = 1 << 19;

    /// <summary>Writes all tensors.</summary>
    /// <param name="file">The file, with its header.</param>
    /// <param name="reporter">Told of progress, by one thread at a time.</param>
    /// <param name="cancellation">Stops.</param>
    public void Write(OutputFile file, IReporter reporter, CancellationToken cancellation)
    {
        foreach (var (number, tensor) in layout.Tensors.Index())
        {
            if (tensor.Values is { } values) file.Guarded(() => RandomAccess.Write(file.Handle, MemoryMarshal.AsBytes<float>(values), layout.PositionOf(number)));
        }

        var pieces = layout.Tensors.Index().SelectMany(indexed => PiecesOf(indexed.Item, layout.PositionOf(indexed.Index))).ToList();
        var total = pieces.Sum(piece => piece.ByteLength);
        var largest = pieces.Max(piece => piece.Count);
        var done = 0L;
        var gate = new Lock();
        var (lost, firstLost) = (0L, (Number: int.MaxValue, Where: ""));
        OrderedPieces.Run(pieces.Count, () => new Converter(model, largest), Convert, cancellation);
        if (lost > 0) reporter.Warn(DescribeLoss(lost, firstLost.Where));

        void Convert(Converter converter, int number)
        {
            if (number + OrderedPieces.Threads is var later && later < pieces.Count) converter.ReadAhead(pieces[later]);
            var piece = pieces[number];
            file.Guarded(() =>
            {
                RandomAccess.Write(file.Handle, converter.Convert(piece), piece.Position);
                FileAdvice.WriteBehind(file.Handle, piece.Position, piece.ByteLength);
                lock (gate)
                {
                    if (converter.LostBlocks.Count > 0)
                    {
                        lost += converter.LostBlocks.Count;
                        if (number < firstLost.Number) firstLost = (number, converter.Describe(piece, converter.LostBlocks[0]));
                    }

                    reporter.Advance(new WorkProgress("export gguf", done += piece.ByteLength, total, "bytes"));
                }
            });
        }
    }

    private static string DescribeLoss(long blocks, string first) => blocks == 1
        ? $"q8_0: 1 block of 32 numbers is too small for a scale in float16 and loses more than a step of 8 bits, or becomes 0; it is at {first}; --dtype bfloat16 holds it"
        : $"q8_0: {blocks} blocks of 32 numbers are too small for a scale in float16 and lose more than a step of 8 bits, or become 0; the first is at {first}; --dtype bfloat16 holds them";

    private static IEnumerable<Piece> PiecesOf(GgufTensor tensor, long position)
    {
        foreach (var part in tensor.Parts)
        {
            var columns = part.Count / part.Shape[0];
            var rows = Math.Max(1, PieceLength / columns);
            for (var row = 0L; row < part.Shape[0]; row += rows)
            {
                var piece = new Piece(tensor, part, row, Math.Min(rows, part.Shape[0] - row), columns, position);
                yield return piece;
                position += piece.ByteLength;
            }
        }
    }

    /// <summary>Rows of a parameter and where they are written.</summary>
    private sealed record Piece(GgufTensor Tensor, ParameterInfo Part, long FirstRow, long Rows, long Columns, long Position)
    {
        public int Count => checked((int)(Rows * Columns));

        public long ByteLength => Tensor.Type.ByteLength(Count);
    }

    /// <summary>Buffers of one thread.</summary>
    private sealed class Converter(Checkpoint model, int largest) : IDisposable
    {
        private readonly AlignedBuffer<float> values = new(largest);
        private readonly AlignedBuffer<byte> bytes = new(largest * sizeof(float));

        /// <summary>Where in the piece that was converted last the blocks begin whose scale float16 cannot hold.</summary>
        public List<int> LostBlocks { get; } = [];

        public void ReadAhead(Piece piece) => model.ReadAhead(piece.Part.Name, piece.FirstRow * piece.Columns, piece.Count);

        public ReadOnlySpan<byte> Convert(Piece piece)
        {
            var numbers = values.Span[..piece.Count];
            if (piece.Tensor.RotaryHeadDim == 0) model.ReadFloat32(piece.Part.Name, piece.FirstRow * piece.Columns, numbers);
            else ReadRotaryRows(piece, numbers);
            RequireFit(piece, numbers);
            var converted = bytes.Span[..(int)piece.ByteLength];
            piece.Tensor.Type.FromFloat32(numbers, converted);
            return converted;
        }

        /// <summary>A number of a piece as messages name it.</summary>
        public string Describe(Piece piece, int index)
        {
            var (row, column) = Math.DivRem(index, piece.Columns);
            var source = piece.Tensor.RotaryHeadDim == 0 ? piece.FirstRow + row : RotaryRows.SourceOf(piece.FirstRow + row, piece.Tensor.RotaryHeadDim);
            return model.Describe(piece.Part.Name, (source * piece.Columns) + column);
        }

        public void Dispose()
        {
            values.Dispose();
            bytes.Dispose();
        }

        private void RequireFit(Piece piece, ReadOnlySpan<float> numbers)
        {
            var type = piece.Tensor.Type;
            if (Narrowing.FirstBeyond(type.Limit, numbers) is var beyond and >= 0)
                throw Narrowing.Fault(Describe(piece, beyond), numbers[beyond], type.Name, type.Largest);
            LostBlocks.Clear();
            if (type != GgufTensorType.Q8) return;
            if (!TensorPrimitives.IsFiniteAll(numbers)) throw NotFinite(piece, numbers);
            for (var block = 0; block < numbers.Length; block += Q8Block.Length)
            {
                if (Q8Block.LosesScale(numbers.Slice(block, Q8Block.Length))) LostBlocks.Add(block);
            }
        }

        // It would take the 31 others of its block along.
        private InvalidInputException NotFinite(Piece piece, ReadOnlySpan<float> numbers)
        {
            var at = 0;
            while (float.IsFinite(numbers[at])) at++;
            return new(Describe(piece, at), "a finite number for q8_0", numbers[at].ToString(CultureInfo.InvariantCulture), "the file is damaged or the model diverged; use an older checkpoint");
        }

        private void ReadRotaryRows(Piece piece, Span<float> numbers)
        {
            var columns = (int)piece.Columns;
            for (var row = 0; row < piece.Rows; row++)
            {
                var source = RotaryRows.SourceOf(piece.FirstRow + row, piece.Tensor.RotaryHeadDim);
                model.ReadFloat32(piece.Part.Name, source * columns, numbers.Slice(row * columns, columns));
            }
        }
    }
}
