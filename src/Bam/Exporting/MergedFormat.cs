using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>
/// A checkpoint with its adapters folded in, in the checkpoint's own family, names and dtypes: what the adapters do not change is
/// copied. Numbers that they change are rounded once, from float32.
/// </summary>
internal sealed class MergedFormat : IExportFormat
{
    private const long DefaultShardBytes = 5_000_000_000;

    private const string TiedKey = "tie_word_embeddings";

    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public string Name => "merge";

    public string Description => "BASE+ADAPTER as a checkpoint in the form of BASE";

    public string Library => "transformers";

    public void Require(Checkpoint model, ExportOptions options)
    {
        if (model.Adapters.Count == 0)
            throw new InvalidInputException(
                "--merge", "BASE+ADAPTER", $"{model.Name}, a checkpoint alone",
                "name its adapter behind a plus, or choose a --format");
        if (options.Quantize || options.Dtype is not null)
            throw new InvalidInputException(
                "--dtype", "none with --merge, which keeps the dtypes of the checkpoint",
                options.Dtype?.TorchName ?? "q8_0", "choose a --format to convert it");
        if (model.Stored.Tensors.Values.FirstOrDefault(tensor => tensor.Dtype.IsFloat8) is { } float8)
            throw new InvalidInputException(
                $"{model.Name}: tensor {float8.Name}", "floating-point weights for --merge", float8.Dtype.SafetensorsName,
                "Bam writes no float8; choose --format hf, or the float model that it was made from");
    }

    public void Write(
        Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation)
    {
        var tensors = TensorsOf(model);
        AtomicFile.Write(Path.Combine(directory, ModelConfig.FileName), stream => stream.Write(ConfigOf(model, tensors)));
        new CompanionFiles()
            .Add(model.Directory, TokenizerFile.NamesIn(model.Directory))
            .Add(model.Directory, GenerationSettings.FileName, MixtureRecord.FileName)
            .WriteTo(directory);
        var layout = CheckpointLayout.Of(tensors, options.ShardBytes ?? DefaultShardBytes);
        FreeSpace.Require(directory, layout.Length);
        using var writer = new CheckpointWriter(directory, layout);
        new MergedTensorWriter(model, writer).Write(tensors, reporter, cancellation);
        writer.Complete();
    }

    // The tensors of the files in their order, and a head that an adapter has untied.
    private static IReadOnlyList<TensorDeclaration> TensorsOf(Checkpoint model)
    {
        var stored = model.Files.SelectMany(file => file.Tensors.Values.OrderBy(tensor => tensor.Offset)).ToList();
        var added = model.Stored.Tensors.Values.ExceptBy(stored.Select(tensor => tensor.Name), tensor => tensor.Name)
            .Select(tensor => tensor with { Dtype = model.Dtype });
        return
        [
            .. stored.Concat(model.Config.TieWordEmbeddings ? [] : added)
                .Select(tensor => new TensorDeclaration(tensor.Name, tensor.Dtype, tensor.Shape)),
        ];
    }

    private static byte[] ConfigOf(Checkpoint model, IReadOnlyList<TensorDeclaration> tensors)
    {
        var path = Path.Combine(model.Directory, ModelConfig.FileName);
        var content = InputFile.ReadAllBytes(path, "it was there a moment ago");
        var config = JsonInput.ReadObject(content, path, "copy it again", root => JsonObject.Create(root)!);
        var isUntied = !model.Config.TieWordEmbeddings
            && (config[TiedKey]?.GetValueKind() == JsonValueKind.True
                || tensors.Count > model.Files.Sum(file => file.Tensors.Count));
        if (!isUntied) return content;
        config[TiedKey] = false;
        return System.Text.Encoding.UTF8.GetBytes(config.ToJsonString(Indented) + "\n");
    }
}

/// <summary>Writes stored tensors with their changes, in pieces on several threads.</summary>
internal sealed class MergedTensorWriter(Checkpoint model, CheckpointWriter output)
{
    /// <summary>Numbers of a piece.</summary>
    private const int PieceLength = 1 << 20;

    public void Write(IReadOnlyList<TensorDeclaration> tensors, IReporter reporter, CancellationToken cancellation)
    {
        var pieces = tensors.SelectMany(PiecesOf).ToList();
        var total = tensors.Sum(tensor => tensor.ByteLength);
        var done = 0L;
        var gate = new Lock();
        OrderedPieces.Run(pieces.Count, () => new Buffers(), WritePiece, cancellation);

        void WritePiece(Buffers buffers, int number)
        {
            var (tensor, start, count) = pieces[number];
            var length = count * tensor.Dtype.ByteSize;
            Fill(tensor, start, buffers.Values.Span[..count], buffers.Bytes.Span[..length]);
            var (file, position) = output.PlaceOf(tensor.Name);
            file.Guarded(() => file.Write(buffers.Bytes.Span[..length], position + (start * tensor.Dtype.ByteSize)));
            lock (gate) reporter.Advance(new WorkProgress("export merge", done += length, total, "bytes"));
        }
    }

    private static IEnumerable<(TensorDeclaration Tensor, long Start, int Count)> PiecesOf(TensorDeclaration tensor)
    {
        for (var start = 0L; start < tensor.Count; start += PieceLength)
            yield return (tensor, start, (int)Math.Min(PieceLength, tensor.Count - start));
    }

    private void Fill(TensorDeclaration tensor, long start, Span<float> values, Span<byte> bytes)
    {
        var stored = model.Stored.Tensors[tensor.Name];
        if (stored.Dtype == tensor.Dtype && model.Stored.ChangesOf(tensor.Name).Count == 0)
        {
            model.Stored.FileOf(tensor.Name).ReadBytes(stored, start * tensor.Dtype.ByteSize, bytes);
            return;
        }

        model.Stored.ReadFloat32(tensor.Name, start, values);
        if (Narrowing.FirstBeyond(Narrowing.LimitOf(tensor.Dtype), values) is var beyond and >= 0)
        {
            throw Narrowing.Fault(
                $"{model.Name}: tensor {tensor.Name}{TensorShape.DescribeIndex(tensor.Shape, start + beyond)}", values[beyond],
                tensor.Dtype.TorchName, Narrowing.LargestOf(tensor.Dtype));
        }

        FloatConversion.FromFloat32(values, tensor.Dtype, bytes);
    }

    /// <summary>The buffers of one thread.</summary>
    private sealed class Buffers : IDisposable
    {
        public AlignedBuffer<float> Values { get; } = new(PieceLength);

        public AlignedBuffer<byte> Bytes { get; } = new(PieceLength * sizeof(double));

        public void Dispose()
        {
            Values.Dispose();
            Bytes.Dispose();
        }
    }
}
