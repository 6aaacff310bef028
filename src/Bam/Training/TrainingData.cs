using Bam.Data;
using Bam.Tokenization;

namespace Bam.Training;

/// <summary>A run's domains, open for drawing windows.</summary>
internal sealed class TrainingData : IDisposable
{
    private readonly IndexedDataset[] datasets;
    private readonly DataBuildReport?[] reports;

    private TrainingData(TrainingConfig config, IndexedDataset[] datasets, DataBuildReport?[] reports)
    {
        (this.datasets, this.reports) = (datasets, reports);
        Names = [.. config.Data.Select(d => d.Domain)];
        var domains = config.Data.Select(
            (domain, i) => new MixtureDomain(domain.Domain, datasets[i], domain.Weight, reports[i]?.BeginOfWindow)).ToArray();
        Sampler = new(domains, config.Settings.SequenceLength, config.Settings.BatchSize, config.Settings.DataSeed);
    }

    /// <summary>The domains' names, in the order of the configuration.</summary>
    public IReadOnlyList<string> Names { get; }

    public WindowSampler Sampler { get; }

    /// <summary>Opens the domains; token ids outside the model's vocabulary are refused.</summary>
    /// <exception cref="InvalidInputException">A data set is missing, damaged, of another tokenizer, or too short.</exception>
    public static TrainingData Open(
        TrainingConfig config, int vocabSize, Tokenizer? tokenizer, CancellationToken cancellation = default)
    {
        return Open(config, vocabSize, RequireVocabulary);

        void RequireVocabulary(TrainingDomain domain, DataBuildReport? report)
        {
            report?.RequireVocabulary(domain.Path, vocabSize, tokenizer);
            var hasMoreIds = report?.VocabularySize > vocabSize;
            if (hasMoreIds) RequireRows(PrefixOf(domain.Path), vocabSize, cancellation);
            if ((domain.Validation ?? (hasMoreIds && config.Settings.EvaluateEvery > 0 ? domain.Path : null)) is not { } measured)
                return;
            using var validation = HeldOutText.Open(measured, "check key 'validation'");
            validation.RequireVocabulary(vocabSize, tokenizer, cancellation: cancellation);
        }
    }

    /// <summary>Opens domains that were accepted before, without reading all ids again.</summary>
    /// <exception cref="InvalidInputException">A data set was deleted or is damaged.</exception>
    internal static TrainingData Reopen(TrainingConfig config, int vocabSize) => Open(config, vocabSize, (_, _) => { });

    private static TrainingData Open(TrainingConfig config, int vocabSize, Action<TrainingDomain, DataBuildReport?> check)
    {
        var datasets = new List<IndexedDataset>();
        var reports = config.Data.Select(ReportOf).ToArray();
        try
        {
            foreach (var (domain, report) in config.Data.Zip(reports))
            {
                datasets.Add(IndexedDataset.Open(PrefixOf(domain.Path), vocabSize));
                check(domain, report);
            }

            return new TrainingData(config, [.. datasets], reports);
        }
        catch
        {
            foreach (var dataset in datasets) dataset.Dispose();
            throw;
        }
    }

    /// <summary>What the windows depend on.</summary>
    /// <exception cref="InvalidInputException">A data set is missing.</exception>
    public static IReadOnlyList<DataIdentity> IdentitiesOf(TrainingConfig config) =>
        [.. config.Data.Select(d => DataIdentity.Of(d.Domain, PrefixOf(d.Path), ReportOf(d)?.BeginOfWindow))];

    /// <summary>Warns where the text lacks the begin tokens of the model's tokenizer, or has others.</summary>
    public void CheckBeginTokens(Tokenizer tokenizer, int? bosTokenId, IReporter reporter) => BeginTokenCheck.Warn(
        tokenizer,
        bosTokenId,
        "the model",
        [.. Names.Select((name, i) => (name, datasets[i], reports[i]))],
        "it is trained on texts that begin without; 'bam data build --bos document' puts them there",
        reporter);

    /// <summary>The directories and files that hold the data.</summary>
    internal static IEnumerable<string> FilesOf(TrainingConfig config) =>
        config.Data.SelectMany(domain => new[] { domain.Path, domain.Validation }).OfType<string>()
            .SelectMany(path => Directory.Exists(path) ? (string[])[path] : [.. FileNamesOf(PrefixOf(path))]);

    private static IEnumerable<string> FileNamesOf(string prefix) =>
        new[] { ".bin", ".idx", TokenMask.Extension }.Select(extension => prefix + extension).Where(
            path => Path.GetExtension(path) != TokenMask.Extension || File.Exists(path));

    public void Dispose()
    {
        foreach (var dataset in datasets) dataset.Dispose();
    }

    private static void RequireRows(string prefix, int vocabSize, CancellationToken cancellation)
    {
        using var dataset = IndexedDataset.Open(prefix);
        dataset.RequireIdsBelow(vocabSize, IndexedDataset.NoRow, cancellation);
    }

    private static DataBuildReport? ReportOf(TrainingDomain domain) =>
        DataBuildReport.IsIn(domain.Path) ? DataBuildReport.Load(domain.Path) : null;

    // A directory of 'bam data build' holds train.{bin,idx} and heldout.{bin,idx}.
    private static string PrefixOf(string path) =>
        Directory.Exists(path) ? Path.Combine(path, "train") : IndexedDataset.WithoutEnding(path);
}
