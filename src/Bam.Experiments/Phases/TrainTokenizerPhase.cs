using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Experiments.Recipes;
using Bam.Tokenization.Training;

namespace Bam.Experiments.Phases;

/// <summary>Trains a tokenizer on an equal part of each domain's text.</summary>
/// <param name="settings">The vocabulary, and how much text is read.</param>
/// <param name="texts">The domains' text.</param>
/// <param name="randomSeed">Which parts of longer texts are read.</param>
internal sealed class TrainTokenizerPhase(RecipeTokenizer settings, IReadOnlyList<DomainText> texts, long randomSeed)
    : TokenizerPhase([.. texts.SelectMany(text => text.Dependencies).Distinct()])
{
    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var tokenizer = BpeTrainer.Train(
            texts.SelectMany(text => Sample(text, context)),
            new BpeTrainerOptions { VocabSize = settings.VocabSize, Style = settings.Style },
            new Progress(Title, context.Reporter),
            context.Cancellation);
        tokenizer.Save(FileIn(context.Store));
        return new JsonObject { ["vocab_size"] = tokenizer.VocabSize };
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        var all = SettingsJson.Of(settings);
        all["random_seed"] = randomSeed;
        all["domains"] = new JsonObject(texts.Select(text => KeyValuePair.Create(text.Name, (JsonNode?)text.Settings())));
        return new()
        {
            Kind = Kind,
            // The second takes of compressed files the part that it takes of others.
            Version = texts.Any(text => text.IsCompressed) ? 2 : 1,
            Settings = all,
            Files = texts.SelectMany(text => text.Files()).ToDictionary(),
            Phases = Dependencies.ToDictionary(phase => phase.Title, phase => phase.Key),
        };
    }

    private IEnumerable<string> Sample(DomainText text, PhaseContext context)
    {
        var files = InputFiles.Resolve(text.Inputs(context.Store));
        var fraction = settings.MegabytesPerDomain * 1e6 / files.Sum(file => InputFiles.TextLength(file, context.Cancellation));
        return TextSample.Of(new DocumentReader(files, text.Domain.Format, context.Reporter).Read().Select(document => document.Text), fraction, new RandomStream(randomSeed, $"tokenizer {text.Name}"));
    }

    private sealed class Progress(string activity, IReporter reporter) : IProgress<BpeTrainerProgress>
    {
        public void Report(BpeTrainerProgress value) => reporter.Advance(
            value.Tokens == 0
                ? new WorkProgress(activity, value.Characters, 0, "characters")
                : new WorkProgress(activity, value.Tokens, value.VocabSize, "tokens"));
    }
}
