using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Exporting.Gguf;

/// <summary>Maps a model's parameters to llama.cpp's tensors, which have the same names in all architectures.</summary>
internal static class GgufTensors
{
    /// <summary>Norms in a block by the end of their module's name, in models with norms before the branches alone.</summary>
    private static readonly Dictionary<string, string> InputNorms = new()
    {
        ["input_layernorm"] = "attn_norm", ["post_attention_layernorm"] = "ffn_norm",
    };

    /// <summary>The same in models with norms after the branches.</summary>
    private static readonly Dictionary<string, string> OutputNorms = new()
    {
        ["input_layernorm"] = "attn_norm",
        [ParameterTable.AttentionOutputNorm] = "post_attention_norm",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        [ParameterTable.FeedForwardOutputNorm] = "post_ffw_norm",
    };

    /// <summary>The other modules in a block.</summary>
    private static readonly Dictionary<ParameterKind, string> Modules = new()
    {
        [ParameterKind.Query] = "attn_q",
        [ParameterKind.Key] = "attn_k",
        [ParameterKind.Value] = "attn_v",
        [ParameterKind.QueryNorm] = "attn_q_norm",
        [ParameterKind.KeyNorm] = "attn_k_norm",
        [ParameterKind.Output] = "attn_output",
        [ParameterKind.FeedForwardRouter] = "ffn_gate_inp",
        [ParameterKind.Gate] = "ffn_gate",
        [ParameterKind.Up] = "ffn_up",
        [ParameterKind.Down] = "ffn_down",
        [ParameterKind.SharedExpertGate] = "ffn_gate_inp_shexp",
        [ParameterKind.SharedGate] = "ffn_gate_shexp",
        [ParameterKind.SharedUp] = "ffn_up_shexp",
        [ParameterKind.SharedDown] = "ffn_down_shexp",
    };

    /// <summary>
    /// All tensors in the order of the model. Matrices have the given type; norms, biases and routers are float32.
    /// </summary>
    public static IReadOnlyList<GgufTensor> Of(ModelConfig model, GgufArchitecture architecture, GgufTensorType type)
    {
        var config = architecture.Complete(model);
        var parameters = ParameterTable.Of(config);
        var tensors = parameters
            .GroupBy(parameter => NameOf(parameter, config, architecture))
            .Select(group => Stack(group.Key, [.. group]))
            .ToList();
        if (architecture.NeedsHead && config.TieWordEmbeddings)
            tensors.Add(Stack("output.weight", [parameters.First(parameter => parameter.Kind == ParameterKind.Embedding)]));
        tensors.AddRange(RotaryFactors(config));
        return tensors;

        GgufTensor Stack(string name, IReadOnlyList<ParameterInfo> parts)
        {
            var first = parts[0];
            var isRotated = first.Kind is ParameterKind.Query or ParameterKind.Key
                && architecture.HasNeighbouringPairs && !config.RopeInterleaved;
            return new(name, ShapeOf(parts), TypeOf(first, type), parts)
            {
                RotaryHeadDim = isRotated ? config.HeadDim : 0,
                Offset = config.NormUnitOffset && first is { IsNorm: true, IsBias: false } ? 1 : 0,
                Constant = model.SharedExpertIntermediateSize is null ? NeutralSharedExpert.ValueOf(first) : null,
            };
        }
    }

    /// <summary>
    /// The tensor name of a parameter. The experts of a block are stacked in one tensor; an architecture may join projections.
    /// </summary>
    private static string NameOf(ParameterInfo parameter, ModelConfig config, GgufArchitecture architecture)
    {
        var suffix = parameter.IsBias ? "bias" : "weight";
        return parameter.Kind switch
        {
            ParameterKind.Embedding => $"token_embd.{suffix}",
            ParameterKind.Head => $"output.{suffix}",
            ParameterKind.Norm when parameter.Layer < 0 => $"output_norm.{suffix}",
            ParameterKind.Norm => InBlock((config.HasOutputNorms ? OutputNorms : InputNorms)[parameter.Name.Split('.')[^2]]),
            ParameterKind.Query or ParameterKind.Key or ParameterKind.Value when architecture.JoinsProjections =>
                InBlock("attn_qkv"),
            ParameterKind.Gate when architecture.JoinsProjections => InBlock(Modules[ParameterKind.Up]),
            _ => InBlock($"{Modules[parameter.Kind]}{(parameter.Expert >= 0 ? "_exps" : "")}"),
        };

        string InBlock(string module) => $"blk.{parameter.Layer}.{module}.{suffix}";
    }

    /// <summary>Experts have a dimension of their own, joined projections follow each other, a row alone is a vector.</summary>
    private static long[] ShapeOf(IReadOnlyList<ParameterInfo> parts)
    {
        var first = parts[0];
        if (first.Expert >= 0) return [parts.Count, .. first.Shape];
        if (first.Kind == ParameterKind.SharedExpertGate) return first.Shape[1..];
        return [parts.Sum(part => part.Shape[0]), .. first.Shape[1..]];
    }

    /// <summary>Like llama.cpp's converter: rows that are not a multiple of the block length become float16.</summary>
    private static GgufTensorType TypeOf(ParameterInfo parameter, GgufTensorType type)
    {
        if (parameter.Shape.Length == 1 || parameter.IsRouter || parameter.Kind == ParameterKind.SharedExpertGate)
            return GgufTensorType.F32;
        return type == GgufTensorType.Q8 && parameter.Shape[^1] % Q8Block.Length != 0 ? GgufTensorType.F16 : type;
    }

    /// <summary>The divisors of the rotary frequencies, where a table of them describes the scaling.</summary>
    private static IEnumerable<GgufTensor> RotaryFactors(ModelConfig config)
    {
        switch (config.RopeScaling)
        {
            case { Type: RopeScalingType.Llama3 }:
                var plain = RotaryFrequencies.Of(config with { RopeScaling = null }, length: 1);
                var scaled = RotaryFrequencies.Of(config, length: 1);
                yield return Table("rope_freqs", [.. plain.Zip(scaled, (frequency, changed) => (float)(frequency / changed))]);
                break;
            case { Type: RopeScalingType.Longrope } longrope:
                yield return Table("rope_factors_long", [.. longrope.LongFactor.Select(factor => (float)factor)]);
                yield return Table("rope_factors_short", [.. longrope.ShortFactor.Select(factor => (float)factor)]);
                break;
        }

        static GgufTensor Table(string name, float[] factors) =>
            new($"{name}.weight", [factors.Length], GgufTensorType.F32, []) { Values = factors };
    }
}

/// <summary>
/// Permutes the rows of query and key projections from rotary pairs in halves (i, i + head_dim/2) to interleaved pairs (2i, 2i +
/// 1), which some of llama.cpp's architectures rotate. Dot products of queries and keys stay the same.
/// </summary>
internal static class RotaryRows
{
    /// <summary>The source row for a row of the interleaved order, over all heads; head_dim is even.</summary>
    public static long SourceOf(long row, int headDim)
    {
        var (head, inHead) = Math.DivRem(row, headDim);
        var (pair, half) = Math.DivRem(inHead, 2);
        return (head * headDim) + (half * (headDim / 2)) + pair;
    }
}

/// <summary>Writes the tensors of a GGUF file in pieces of several rows on several threads, with constant memory.</summary>
internal sealed class GgufTensorWriter(Checkpoint model, GgufFile layout)
{
    /// <summary>Numbers per piece, unless a row is longer.</summary>
    private const int PieceLength = 1 << 19;

    /// <summary>Writes all tensors. The reporter is called by one thread at a time.</summary>
    public void Write(OutputFile file, IReporter reporter, CancellationToken cancellation)
    {
        foreach (var (number, tensor) in layout.Tensors.Index())
        {
            if (tensor.Values is { } values)
                file.Guarded(() => file.Write(MemoryMarshal.AsBytes<float>(values), layout.PositionOf(number)));
        }

        var pieces = layout.Tensors.Index().SelectMany(indexed => PiecesOf(indexed.Item, layout.PositionOf(indexed.Index)))
            .ToList();
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
                file.Write(converter.Convert(piece), piece.Position);
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
        ? "q8_0: 1 block of 32 numbers is too small for a scale in float16 and loses more than a step of 8 bits, or becomes 0; "
            + $"it is at {first}; --dtype bfloat16 holds it"
        : $"q8_0: {blocks} blocks of 32 numbers are too small for a scale in float16 and lose more than a step of 8 bits, or "
            + $"become 0; the first is at {first}; --dtype bfloat16 holds them";

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

    /// <summary>Rows of a parameter and their file offset.</summary>
    private sealed record Piece(GgufTensor Tensor, ParameterInfo Part, long FirstRow, long Rows, long Columns, long Position)
    {
        public int Count => checked((int)(Rows * Columns));

        public long ByteLength => Tensor.Type.ByteLength(Count);
    }

    /// <summary>The buffers of one thread.</summary>
    private sealed class Converter(Checkpoint model, int largest) : IDisposable
    {
        private readonly AlignedBuffer<float> values = new(largest);
        private readonly AlignedBuffer<byte> bytes = new(largest * sizeof(float));

        /// <summary>Offsets of the blocks in the last converted piece whose scale loses precision in float16.</summary>
        public List<int> LostBlocks { get; } = [];

        public void ReadAhead(Piece piece)
        {
            if (piece.Tensor.Constant is null) model.ReadAhead(piece.Part.Name, piece.FirstRow * piece.Columns, piece.Count);
        }

        public ReadOnlySpan<byte> Convert(Piece piece)
        {
            var numbers = values.Span[..piece.Count];
            if (piece.Tensor.Constant is { } constant) numbers.Fill(constant);
            else if (piece.Tensor.RotaryHeadDim == 0) model.ReadFloat32(piece.Part.Name, piece.FirstRow * piece.Columns, numbers);
            else ReadRotaryRows(piece, numbers);
            if (piece.Tensor.Offset != 0) TensorPrimitives.Add(numbers, piece.Tensor.Offset, numbers);
            RequireFit(piece, numbers);
            var converted = bytes.Span[..(int)piece.ByteLength];
            piece.Tensor.Type.FromFloat32(numbers, converted);
            return converted;
        }

        /// <summary>The location of a number, for messages.</summary>
        public string Describe(Piece piece, int index)
        {
            var (row, column) = Math.DivRem(index, piece.Columns);
            var source = piece.Tensor.RotaryHeadDim == 0
                ? piece.FirstRow + row
                : RotaryRows.SourceOf(piece.FirstRow + row, piece.Tensor.RotaryHeadDim);
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

        // A non-finite number would affect its whole block.
        private InvalidInputException NotFinite(Piece piece, ReadOnlySpan<float> numbers)
        {
            var at = 0;
            while (float.IsFinite(numbers[at])) at++;
            return new(
                Describe(piece, at), "a finite number for q8_0", numbers[at].ToString(CultureInfo.InvariantCulture),
                "the file is damaged or the model diverged; use an older checkpoint");
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
