using System.Text;
using Bam.Data.Text;
using Bam.Files;

namespace Bam.Data.Building;

/// <summary>Options for building token shards of evaluation text.</summary>
internal sealed record HeldOutBuildOptions
{
    /// <summary>The folder to create; see <see cref="DataBuildOptions.Output"/>. Its training split is empty.</summary>
    public required string Output { get; init; }

    public required string Name { get; init; }

    public required TextEncoder Encoder { get; init; }

    /// <summary>The source files, for the report; empty if the documents come from other shards.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    public Text.DocumentFormat Format { get; init; } = new("text");

    public IReporter Reporter { get; init; } = SilentReporter.Instance;

    public long MaxTokens { get; init; } = long.MaxValue;

    /// <summary>Selects the documents to keep if there are more tokens.</summary>
    public long Seed { get; init; }
}

/// <summary>
/// Builds token shards of evaluation text: everything is held out, without duplicate detection. The tokens stay in memory until
/// they are written.
/// </summary>
internal static class HeldOutBuilder
{
    /// <summary>
    /// Builds <see cref="HeldOutBuildOptions.Output"/>, which appears only when complete. Empty documents are skipped.
    /// </summary>
    /// <returns>The content of <c>report.json</c>.</returns>
    /// <exception cref="InvalidInputException">There is no text, or no document within the maximum number of tokens.</exception>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public static DataBuildReport Build(
        IEnumerable<TextDocument> documents, HeldOutBuildOptions options, CancellationToken cancellation)
    {
        var (encoder, texts, kept, read) = (options.Encoder, new List<int[]>(), new List<KeptDocument>(), 0L);
        foreach (var document in documents)
        {
            cancellation.ThrowIfCancellationRequested();
            read++;
            var hash = HeldOutSplit.Hash(options.Seed, document);
            var text = document.TakeText();
            if (string.IsNullOrWhiteSpace(text)) continue;
            texts.Add(encoder.Document(text));
            kept.Add(new(document.Origin, hash, texts[^1].Length, text.Length, Encoding.UTF8.GetByteCount(text)));
        }

        if (kept.Count == 0)
            throw new InvalidInputException(options.Name, "text to measure on", "none", "name other files or domains");
        var isHeldOut = Choose(kept, options);
        var type = TokenTypes.For(encoder.VocabularySize);
        FreeSpace.Require(options.Output, kept.Sum(document => (long)document.TokenCount) * type.Width());

        using var directory = new AtomicDirectory(options.Output, OwnFiles.InRun(DataBuilder.IsFileName));
        using var train = new Shard(Path.Combine(directory.TemporaryPath, "train"), type);
        using var heldOut = new Shard(Path.Combine(directory.TemporaryPath, "heldout"), type);
        for (var i = 0; i < kept.Count; i++)
            if (isHeldOut[i]) heldOut.Add(texts[i], kept[i].Utf8Bytes);
        var report = Report(options, kept.Count, read - kept.Count, train.Complete(), heldOut.Complete());
        AtomicFile.WriteText(Path.Combine(directory.TemporaryPath, DataBuildReport.FileName), report.ToJson());
        directory.Commit();
        return report;
    }

    private static bool[] Choose(List<KeptDocument> documents, HeldOutBuildOptions options)
    {
        var tokens = documents.Sum(document => (long)document.TokenCount);
        if (tokens <= options.MaxTokens) return [.. documents.Select(_ => true)];
        var where = options.Files.Count > 0 ? string.Join(", ", options.Files) : options.Name;
        if (documents.TrueForAll(document => document.SplitHash == documents[0].SplitHash))
            throw new InvalidInputException(
                where, $"documents of at most {options.MaxTokens} tokens together", $"one of {tokens}",
                "raise 'max_tokens' or cut the text at its own sections ('section_separator')");
        return HeldOutSplit.Choose(documents, fraction: 1, options.MaxTokens, where);
    }

    private static DataBuildReport Report(
        HeldOutBuildOptions options, int documents, long empty, SplitReport train, SplitReport heldOut) =>
        new(
            options.Name,
            options.Encoder.Fingerprint,
            options.Encoder.VocabularySize,
            options.Encoder.EndOfTextId,
            options.Files.Count,
            options.Files.Sum(file => new FileInfo(file).Length),
            documents,
            empty,
            NearDuplicates: 0,
            Contaminated: 0,
            train,
            heldOut,
            new()
            {
                TextKey = options.Format.TextKey,
                GroupKey = options.Format.GroupKey,
                SectionSeparator = options.Format.SectionSeparator,
                HeldOutFraction = 1,
                HeldOutMaxTokens = options.MaxTokens,
                Seed = options.Seed,
                NearDuplicateSimilarity = 1,
                ContaminationShare = 1,
                SkipBadLines = options.Format.SkipBadLines,
            },
            NearDuplicateExamples: [],
            ContaminatedExamples: [],
            Bos: options.Encoder.Bos,
            BeginOfTextIds: options.Encoder.Bos == BeginOfText.None ? null : options.Encoder.BeginOfTextIds);
}
