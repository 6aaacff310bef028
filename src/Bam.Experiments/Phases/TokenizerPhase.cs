using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Data;
using Bam.Data.Text;
using Bam.Experiments.Recipes;
using Bam.Tokenization;
using Bam.Tokenization.Training;

namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is a tokenizer.</summary>
internal abstract class TokenizerPhase(
    object settings, IReadOnlyList<PhaseNeed> needs, IReadOnlyList<PhaseFiles> files, int version)
    : Phase("tokenizer", "tokenizer", settings, needs, files, version)
{
    /// <summary>The tokenizer's file.</summary>
    public virtual string FileIn(PhaseStore store) => Path.Combine(store.DirectoryOf(this), TokenizerFile.FileName);

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) => file == TokenizerFile.FileName;
}

/// <summary>A tokenizer that exists.</summary>
internal sealed class GivenTokenizerPhase(string file, FileHashes hashes)
    : TokenizerPhase(new NoSettings(), [], [new("tokenizer.json", [file], hashes.Of(file))], version: 1)
{
    /// <inheritdoc/>
    public override string FileIn(PhaseStore store) => Files.Single().Paths.Single();

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context) => [];

    /// <summary>
    /// Where begin tokens stand in data if the recipe says nothing: before each document, if the tokenizer's template has some.
    /// </summary>
    public static BeginOfText UsualPlace(string file)
    {
        try
        {
            return Tokenizer.Load(file).IdsBefore.Count > 0 ? BeginOfText.Document : BeginOfText.None;
        }
        catch (InvalidInputException)
        {
            return BeginOfText.None; // refused by the phase that encodes with it
        }
    }
}

/// <summary>Trains a tokenizer on an equal part of each domain's text.</summary>
internal sealed class TrainTokenizerPhase(RecipeTokenizer tokenizer, IReadOnlyList<DomainText> texts, long randomSeed)
    : TokenizerPhase(
        new TrainTokenizerSettings
        {
            VocabSize = tokenizer.VocabSize,
            Style = tokenizer.Style,
            MegabytesPerDomain = tokenizer.MegabytesPerDomain,
            RandomSeed = randomSeed,
            Domains = texts.ToDictionary(text => text.Name, text => text.Settings),
        },
        [.. texts.SelectMany(text => text.Needs).Distinct()],
        [.. texts.SelectMany(text => text.Files)],
        // Version 2 takes the same part of compressed files as of others.
        texts.Any(text => text.IsCompressed) ? 2 : 1)
{
    private TrainTokenizerSettings Settings => (TrainTokenizerSettings)SettingsRecord;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var trained = BpeTrainer.Train(
            Settings.Domains.SelectMany(domain => Sample(domain.Key, domain.Value, context)),
            new BpeTrainerOptions { VocabSize = Settings.VocabSize, Style = Settings.Style },
            new Progress(Title, context.Reporter),
            context.Cancellation);
        trained.Save(FileIn(context.Store));
        return new JsonObject { ["vocab_size"] = trained.VocabSize };
    }

    private IEnumerable<string> Sample(string domain, TextSettings text, PhaseContext context)
    {
        var files = InputFiles.Resolve(text.InputsOf(domain, this, context.Store));
        var format = text.Format();
        var length = files.Sum(file => InputFiles.TextLength(file, format, context.Cancellation));
        var fraction = Settings.MegabytesPerDomain * 1e6 / length;
        var documents = new DocumentReader(files, format, context.Reporter).Read().Select(document => document.TakeText());
        return TextSample.Of(documents, fraction, new RandomStream(Settings.RandomSeed, $"tokenizer {domain}"));
    }

    private sealed class Progress(string activity, IReporter reporter) : IProgress<BpeTrainerProgress>
    {
        public void Report(BpeTrainerProgress value) => reporter.Advance(
            value.Tokens == 0
                ? new WorkProgress(activity, value.Characters, 0, "characters")
                : new WorkProgress(activity, value.Tokens, value.VocabSize, "tokens"));
    }
}

/// <summary>The settings of a <see cref="TrainTokenizerPhase"/>.</summary>
internal sealed record TrainTokenizerSettings
{
    public required int VocabSize { get; init; }

    public required TokenizerStyle Style { get; init; }

    public required double MegabytesPerDomain { get; init; }

    public required long RandomSeed { get; init; }

    public required IReadOnlyDictionary<string, TextSettings> Domains { get; init; }
}

/// <summary>A random part of a text, the same for the same seed, without holding the text.</summary>
internal static class TextSample
{
    private const int PieceLength = 4096;

    /// <summary>
    /// Takes each piece of some lines with probability <paramref name="fraction"/>; from 1 on, the documents as they are.
    /// </summary>
    public static IEnumerable<string> Of(IEnumerable<string> documents, double fraction, RandomStream random)
    {
        foreach (var document in documents)
        {
            if (fraction >= 1)
            {
                yield return document;
                continue;
            }

            for (var start = 0; start < document.Length;)
            {
                var end = EndOfPiece(document, start);
                if (random.NextDouble() < fraction) yield return document[start..end];
                start = end;
            }
        }
    }

    // At the end of a line, unless the line is longer than a piece.
    private static int EndOfPiece(string text, int start)
    {
        if (text.Length - start <= PieceLength) return text.Length;
        var newline = text.LastIndexOf('\n', start + PieceLength - 1, PieceLength);
        if (newline >= start) return newline + 1;
        var end = start + PieceLength;
        return char.IsHighSurrogate(text[end - 1]) ? end + 1 : end;
    }
}
