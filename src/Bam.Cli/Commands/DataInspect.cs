using System.CommandLine;
using System.Globalization;
using Bam.Data;
using Bam.Tokenization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Bam.Cli.Commands;

/// <summary>Shows the contents of a domain, or of any indexed data set of Megatron-LM.</summary>
internal sealed class DataInspect : Verb
{
    private const int HeadTokens = 48;
    private const int MedianDocuments = 1 << 24;

    private readonly Argument<string> data = new("DATA")
    {
        Description = "A folder written by 'bam data build', or the path of a .bin/.idx pair, with or without the extension",
    };

    private readonly Option<string?> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint with one; shows text instead of ids",
        HelpName = "PATH",
    };

    private readonly Option<int> samples = new("--documents")
    {
        Description = "Number of documents whose beginnings are shown, spread over the data",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    };

    public DataInspect()
        : base("inspect", "Show the contents of token shards", "bam data inspect data/law --tokenizer tokenizer.json")
    {
        Arguments.Add(data);
        Options.Add(tokenizer);
        Options.Add(samples);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        var path = invocation.GetRequired(data);
        var text = invocation.Get(tokenizer) is { } tokenizerPath ? Tokenizer.Load(tokenizerPath) : null;
        var count = Math.Max(0, invocation.Get(samples));
        var result = Directory.Exists(path)
            ? OfDomain(path, text, count, invocation.Cancellation)
            : OfPrefix(path, text, count, invocation.Cancellation);
        invocation.WriteResult(result, console =>
        {
            if (result.Report is { } report) console.Write(DomainView.Draw(report));
            foreach (var shard in result.Shards) Write(console, shard);
        });
        return ExitStatus.Done;
    }

    private static Inspection OfDomain(string path, Tokenizer? text, int count, CancellationToken cancellation)
    {
        using var domain = DomainData.Open(path);
        if (text is not null && !text.HasFingerprint(domain.Report.Tokenizer))
            throw new InvalidInputException(
                "--tokenizer", "the tokenizer that the domain was built with", "another", "give that one, or none to see ids");
        return new(
            domain.Report,
            [Describe(domain.HeldOut, text, count, cancellation), Describe(domain.Train, text, count, cancellation)]);
    }

    private static Inspection OfPrefix(string path, Tokenizer? text, int count, CancellationToken cancellation)
    {
        using var shard = IndexedDataset.Open(path, text?.VocabSize);
        return new(Report: null, [Describe(shard, text, count, cancellation)]);
    }

    private static Shard Describe(IndexedDataset shard, Tokenizer? text, int count, CancellationToken cancellation)
    {
        var documents = shard.DocumentCount;
        var shown = (int)Math.Min(count, documents);
        var heads = Enumerable.Range(0, shown).Select(k => Head(shard, (long)((Int128)k * documents / shown), text)).ToList();
        var (shortest, longest) = documents == 0 ? (0, 0) : (long.MaxValue, 0L);
        for (var i = 0L; i < documents; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var length = shard.Document(i).Length;
            (shortest, longest) = (Math.Min(shortest, length), Math.Max(longest, length));
        }

        return new(
            shard.Prefix,
            shard.TokenType.ToString().ToLowerInvariant(),
            documents,
            shard.TokenCount,
            shard.FindMaxTokenId(cancellation),
            shortest,
            Median(shard),
            longest,
            heads);
    }

    /// <summary>Of the documents' lengths; where there are very many, of some of them, spread over the data.</summary>
    private static long Median(IndexedDataset shard)
    {
        var count = (int)Math.Min(shard.DocumentCount, MedianDocuments);
        if (count == 0) return 0;
        var lengths = new long[count];
        for (var i = 0; i < count; i++) lengths[i] = shard.Document((long)((Int128)i * shard.DocumentCount / count)).Length;
        Array.Sort(lengths);
        return lengths[count / 2];
    }

    private static DocumentHead Head(IndexedDataset shard, long document, Tokenizer? text)
    {
        var (start, length) = shard.Document(document);
        var ids = new int[Math.Min(length, HeadTokens)];
        shard.Read(start, ids);
        return new(document, length, text is null ? string.Join(' ', ids) : text.Decode(ids));
    }

    private static void Write(IAnsiConsole console, Shard shard)
    {
        var tokens = string.Create(
            CultureInfo.InvariantCulture, $"{shard.Tokens:N0} tokens ({shard.TokenType}, ids up to {shard.MaxTokenId})");
        var lengths = string.Create(
            CultureInfo.InvariantCulture, $"{shard.Shortest:N0} to {shard.Longest:N0}, median {shard.Median:N0}");
        console.LabelledLine($"[bold]{shard.Prefix}[/]: {tokens} in {shard.Documents:N0} documents of {lengths}");
        foreach (var head in shard.Heads)
        {
            var text = head.Head.ReplaceLineEndings(" ").Replace('\t', ' ');
            console.LabelledLine($"  [grey]{head.Document} ({head.Tokens:N0})[/] {text}");
        }
    }

    private sealed record Inspection(DataBuildReport? Report, IReadOnlyList<Shard> Shards);

    private sealed record Shard(
        string Prefix,
        string TokenType,
        long Documents,
        long Tokens,
        int MaxTokenId,
        long Shortest,
        long Median,
        long Longest,
        IReadOnlyList<DocumentHead> Heads);

    private sealed record DocumentHead(long Document, long Tokens, string Head);
}

/// <summary>A domain's report, human-readable.</summary>
internal static class DomainView
{
    public static IRenderable Draw(DataBuildReport report)
    {
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(report.Name)).AddColumn("")
            .AddColumn(new TableColumn("documents").RightAligned())
            .AddColumn(new TableColumn("tokens").RightAligned())
            .AddColumn(new TableColumn("bytes of text").RightAligned());
        table.AddRow("read", Number(report.DocumentsRead + report.EmptyDocuments), "", "");
        if (report.BadLines > 0) table.AddRow("bad lines, skipped", Number(report.BadLines), "", "");
        table.AddRow("empty", Number(report.EmptyDocuments), "", "");
        table.AddRow("near-duplicates, removed", Number(report.NearDuplicates), "", "");
        table.AddRow("overlap with held-out text, removed", Number(report.Contaminated), "", "");
        AddSide(table, "held out", report.HeldOut);
        AddSide(table, "training", report.Train);
        if (report.Chat is { TrainAnswers: { } train, HeldOutAnswers: { } heldOut })
        {
            table.AddRow("held out, tokens of answers", "", Number(heldOut), Number(report.Chat.HeldOutAnswerBytes ?? 0));
            table.AddRow("training, tokens of answers", "", Number(train), "");
        }

        if (report.Bos != BeginOfText.None)
            table.Caption(
                $"each {report.Bos.ToString().ToLowerInvariant()} begins with id {string.Join(", id ", report.BeginOfTextIds!)}");
        return table;
    }

    private static void AddSide(Table table, string name, SplitReport side) =>
        table.AddRow(name, Number(side.Documents), Number(side.Tokens), Number(side.Utf8Bytes));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
