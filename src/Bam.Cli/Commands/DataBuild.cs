using System.CommandLine;
using Bam.Data;
using Bam.Data.Building;
using Bam.Files;
using Bam.Tokenization;
using Bam.Tokenization.Chat;

namespace Bam.Cli.Commands;

/// <summary>Text to token shards.</summary>
internal sealed class DataBuild : Verb
{
    private readonly Option<string[]> input = new("--input")
    {
        Description = "Files (.txt, .jsonl, .parquet; also .gz, .zst), folders, or quoted patterns such as 'law/**/*.txt'; each "
            + ".txt file, .jsonl line and .parquet row is one document",
        HelpName = "PATH",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint with one",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<string> output = new("--output")
    {
        Description = "The folder to write",
        HelpName = "DIR",
        Required = true,
    };

    private readonly Option<string?> name = new("--name")
    {
        Description = "Name of the domain [default: the folder's name]",
        HelpName = "NAME",
    };

    private readonly Option<string> textKey = new("--text-key")
    {
        Description = "The .jsonl field or .parquet column that contains the text",
        HelpName = "FIELD",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<string?> groupKey = new("--group-key")
    {
        Description = "The .jsonl field or .parquet column that identifies the document of a line or row; those of one document "
            + "stay together",
        HelpName = "FIELD",
    };

    private readonly Option<string?> separator = new("--section-separator")
    {
        Description = "The line that separates documents in a .txt file [default: each file is one document]",
        HelpName = "LINE",
    };

    private readonly Option<double> heldOutFraction = new("--held-out-fraction")
    {
        Description = "Fraction of the tokens to hold out for evaluation, in whole documents",
        HelpName = "F",
        DefaultValueFactory = _ => 0.05,
    };

    private readonly Option<long> heldOutMaxTokens = new("--held-out-max-tokens")
    {
        Description = "Maximum number of tokens to hold out; each takes about 80 bytes of memory during the build",
        HelpName = "N",
        DefaultValueFactory = _ => 1_000_000,
    };

    private readonly Option<double> nearDuplicates = new("--near-duplicate-similarity")
    {
        Description = "Jaccard similarity of 50-character shingles from which two documents are near-duplicates",
        HelpName = "J",
        DefaultValueFactory = _ => 0.5,
    };

    private readonly Option<double> contamination = new("--contamination-share")
    {
        Description = "Drop training documents that share more than this fraction of their 50-character shingles with a "
            + "held-out one",
        HelpName = "F",
        DefaultValueFactory = _ => 0.2,
    };

    private readonly Option<long> seed = new("--seed")
    {
        Description = "Random seed of the choice of held-out documents",
        HelpName = "S",
    };

    private readonly Option<string?> bos = BosOption.Create(
        "Where to put the tokenizer's begin-of-text token: document (before each document), "
        + "window (at the start of each window in training and evaluation), none "
        + "[default: document if the tokenizer's template has one]");

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    private readonly Option<bool> chat = new("--chat")
    {
        Description = "Each .jsonl line is a conversation ('messages', or ShareGPT's 'conversations'), which the "
            + "tokenizer's chat template turns into text",
    };

    private readonly Option<string?> lossOn = new("--loss-on")
    {
        Description = "With --chat: the tokens that models are trained and measured on, all or assistant (the answers) "
            + "[default: all]",
        HelpName = "WHICH",
    };

    private readonly Option<string?> template = TemplateOption.Create();

    public DataBuild()
        : base(
            "build", "Build the token shards of a domain from text",
            "bam data build --input law/*.jsonl.gz --tokenizer tokenizer.json --output data/law")
    {
        foreach (var option in new Option[]
        {
            input, tokenizer, output, name, textKey, groupKey, separator, heldOutFraction, heldOutMaxTokens, nearDuplicates,
            contamination, seed,
            skipBadLines, bos, chat, lossOn, template,
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
        var loaded = Tokenizer.Load(tokenizerPath);
        var chatData = ChatDataOf(invocation, loaded, tokenizerPath);
        var report = DataBuilder.Build(
            new DataBuildOptions
            {
                Inputs = invocation.GetRequired(input),
                Encoder = TextEncoder.Of(
                    loaded,
                    tokenizerPath,
                    BosOption.Of(invocation, bos, BeginOfText.Document, BeginOfText.Window, BeginOfText.None)),
                Output = directory,
                Name = invocation.Get(name),
                Format = chatData is null ? DataFormat.Text : DataFormat.Chat,
                Chat = chatData,
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

    private ChatData? ChatDataOf(Invocation invocation, Tokenizer loaded, string tokenizerPath)
    {
        var isChat = invocation.Get(chat);
        foreach (var (option, given) in new[] { ("--loss-on", invocation.Get(lossOn)), ("--template", invocation.Get(template)) })
            if (given is not null && !isChat)
                throw new InvalidInputException(option, "--chat beside it", "none", "add --chat, or leave it out");
        if (!isChat) return null;
        if (invocation.Get(bos) is { } place)
            throw new InvalidInputException(
                "--bos", "none with --chat, whose template writes the begin tokens", place, "leave it out");
        var encoder = ChatEncoder.Load(loaded, tokenizerPath, invocation.Get(template));
        if (encoder.DependsOnDate)
            invocation.Reporter.Say(
                "the chat template may write the date into the text: set SOURCE_DATE_EPOCH to build the same data on another "
                    + "day");
        return new(encoder, invocation.Get(lossOn) switch
        {
            null or "all" => LossOn.All,
            "assistant" => LossOn.Assistant,
            var other => throw new InvalidInputException("--loss-on", "all or assistant", other, "choose one of these"),
        });
    }
}
