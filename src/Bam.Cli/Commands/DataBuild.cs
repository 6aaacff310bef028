using System.CommandLine;
using Bam.Data;
using Bam.Data.Building;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Cli.Commands;

/// <summary>Text to token shards.</summary>
internal sealed class DataBuild : Verb
{
    private readonly Option<string[]> input = new("--input")
    {
        Description = "Files (.txt, .jsonl, .jsonl.gz), folders, or quoted patterns such as 'law/**/*.txt'; a .txt file or a line of .jsonl is a document",
        HelpName = "PATH",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> tokenizer = new("--tokenizer") { Description = "A tokenizer.json, or a checkpoint that has one", HelpName = "PATH", Required = true };
    private readonly Option<string> output = new("--output") { Description = "The folder to make", HelpName = "DIR", Required = true };
    private readonly Option<string?> name = new("--name") { Description = "The domain's name [default: the folder's]", HelpName = "NAME" };
    private readonly Option<string> textKey = new("--text-key") { Description = "The field of a .jsonl line that holds the text", HelpName = "FIELD", DefaultValueFactory = _ => "text" };

    private readonly Option<string?> groupKey = new("--group-key")
    {
        Description = "The field of a .jsonl line that names the document of which the line is a slice; slices stay together",
        HelpName = "FIELD",
    };

    private readonly Option<string?> separator = new("--section-separator")
    {
        Description = "The line between the documents of a .txt file [default: a file is a document]",
        HelpName = "LINE",
    };

    private readonly Option<double> heldOutFraction = new("--held-out-fraction")
    {
        Description = "The part of the tokens, in whole documents, to measure on and not to train on",
        HelpName = "F",
        DefaultValueFactory = _ => 0.05,
    };

    private readonly Option<long> heldOutMaxTokens = new("--held-out-max-tokens")
    {
        Description = "The most tokens to hold out; each takes about 160 bytes of memory while building",
        HelpName = "N",
        DefaultValueFactory = _ => 1_000_000,
    };

    private readonly Option<double> nearDuplicates = new("--near-duplicate-similarity")
    {
        Description = "From which similarity (Jaccard, of 50-character shingles) two documents count as one",
        HelpName = "J",
        DefaultValueFactory = _ => 0.5,
    };

    private readonly Option<double> contamination = new("--contamination-share")
    {
        Description = "Training documents that share more of their 50-character shingles with a held-out one are dropped",
        HelpName = "F",
        DefaultValueFactory = _ => 0.2,
    };

    private readonly Option<long> seed = new("--seed") { Description = "Which documents are held out", HelpName = "S" };

    private readonly Option<string?> bos = BosOption.Create(
        "Where to put the tokenizer's begin-of-text token: document (before each document), window (at the start of each window in training and evaluation), none [default: document if the tokenizer's template has one]");

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    public DataBuild()
        : base("build", "Make a domain's token shards from text", "bam data build --input law/*.jsonl.gz --tokenizer tokenizer.json --output data/law")
    {
        foreach (var option in new Option[]
        {
            input, tokenizer, output, name, textKey, groupKey, separator, heldOutFraction, heldOutMaxTokens, nearDuplicates, contamination, seed,
            skipBadLines, bos,
        })
        {
            Options.Add(option);
        }
    }

    public override int Execute(Invocation invocation)
    {
        var tokenizerPath = invocation.GetRequired(tokenizer);
        var directory = invocation.GetRequired(output);
        OutputPath.RequireWorkplace(directory, [tokenizerPath]);
        var report = DataBuilder.Build(
            new DataBuildOptions
            {
                Inputs = invocation.GetRequired(input),
                Encoder = TextEncoder.Of(
                    Tokenizer.Load(tokenizerPath), tokenizerPath, BosOption.Of(invocation, bos, BeginOfText.Document, BeginOfText.Window, BeginOfText.None)),
                Output = directory,
                Name = invocation.Get(name),
                TextKey = invocation.Get(textKey)!,
                GroupKey = invocation.Get(groupKey),
                SectionSeparator = invocation.Get(separator),
                HeldOutFraction = invocation.Get(heldOutFraction),
                HeldOutMaxTokens = invocation.Get(heldOutMaxTokens),
                NearDuplicateSimilarity = invocation.Get(nearDuplicates),
                ContaminationShare = invocation.Get(contamination),
                Seed = invocation.Get(seed),
                SkipBadLines = SkipBadLinesOption.Of(invocation, skipBadLines),
            },
            invocation.Reporter,
            invocation.Cancellation);
        invocation.WriteResult(report, console =>
        {
            console.Write(DomainView.Draw(report));
            console.LabelledLine($"[grey]written to[/] {directory}");
        });
        return ExitStatus.Done;
    }
}
