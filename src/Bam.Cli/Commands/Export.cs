using System.CommandLine;
using Bam.Exporting;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>A model in a form that other software loads.</summary>
internal sealed class Export : Verb
{
    private const string EightBits = "q8_0";

    private readonly Argument<string> model = new("MODEL") { Description = "A checkpoint directory, or BASE+ADAPTER" };

    private readonly Option<string?> format = new("--format")
    {
        Description = string.Join("; ", ExportFormats.All.Select(format => $"{format.Name}: {format.Description}")),
        HelpName = "F",
    };

    private readonly Option<bool> merge = new("--merge")
    {
        Description = "Instead of --format: write BASE+ADAPTER as one checkpoint in the family and the dtypes of BASE",
    };

    private readonly Option<string> output = new("--output")
    {
        Description = "The directory to write",
        Required = true,
        HelpName = "DIR",
    };

    private readonly Option<string?> dtype = new("--dtype")
    {
        Description = $"float32, bfloat16, float16 or float64; gguf also takes {EightBits} (8-bit blocks) [default: the model's]",
        HelpName = "T",
    };

    private readonly Option<string?> shardSize = new("--shard-size")
    {
        Description = "Maximum size of the tensors in one output file, such as 500MB [default: 5GB; gguf is one file]",
        HelpName = "SIZE",
    };

    public Export()
        : base(
            "export", "Convert a model to a format that other software loads",
            "bam export mixture --format mixtral --output mixture-hf")
    {
        Arguments.Add(model);
        foreach (var option in new Option[] { format, merge, output, dtype, shardSize }) Options.Add(option);
    }

    public override int Execute(Invocation invocation)
    {
        var path = invocation.GetRequired(output);
        var isQuantized = invocation.Get(dtype) == EightBits;
        var options = new ExportOptions
        {
            Dtype = isQuantized ? null : DtypeOption.Parse(invocation.Get(dtype), $"{EightBits} (gguf)"),
            Quantize = isQuantized,
            ShardBytes = invocation.Get(shardSize) is { } size ? ByteSize.Parse("--shard-size", size) : null,
        };
        var chosen = Chosen(invocation);
        Exporter.Export(invocation.GetRequired(model), chosen, options, path, invocation.Reporter, invocation.Cancellation);
        invocation.WriteResult(
            new { Output = path, Format = chosen.Name }, console => console.LabelledLine($"{path}: {chosen.Name}"));
        return ExitStatus.Done;
    }

    private IExportFormat Chosen(Invocation invocation) => (invocation.Get(format), invocation.Get(merge)) switch
    {
        ({ } name, false) => ExportFormats.Named(name),
        (null, true) => new MergedFormat(),
        (null, false) => throw new InvalidInputException(
            "--format", string.Join(", ", ExportFormats.All.Select(known => known.Name)), "none", "add it, or --merge"),
        _ => throw new InvalidInputException("--merge", "it or --format", "both", "leave one out"),
    };
}
