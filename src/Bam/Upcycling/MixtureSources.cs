using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Upcycling;

/// <summary>The open dense models of a mixture, all copies of the seed's shape.</summary>
internal sealed class MixtureSources : IDisposable
{
    private const string VocabSizeKey = "vocab_size";

    private const string TiedKey = "tie_word_embeddings";

    private readonly List<Checkpoint> models = [];
    private readonly List<string> warnings = [];

    private MixtureSources() { }

    /// <summary>The models in the order of the experts, the seed first.</summary>
    public IReadOnlyList<Checkpoint> Models => models;

    /// <summary>The tokenizer of all models, with different vocabularies the largest; null where none has one.</summary>
    public string? Tokenizer { get; private set; }

    /// <summary>The vocabulary of models that need not have the same; null where they must.</summary>
    public MixtureVocabulary? Vocabulary { get; private set; }

    /// <summary>The directory of <see cref="Tokenizer"/>, or else the seed's, which may have one of another form.</summary>
    internal string TokenizerDirectory => Tokenizer is { } path ? Path.GetDirectoryName(path)! : models[0].Directory;

    /// <summary>Differences that do not prevent the mixture.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>The dtype that all models share, or null.</summary>
    public TensorDtype? Dtype => models.TrueForAll(model => model.Dtype == models[0].Dtype) ? models[0].Dtype : null;

    /// <summary>
    /// Opens the models, the seed first, and compares them with it. With <paramref name="resizeEmbeddings"/> they may have more
    /// tokens.
    /// </summary>
    /// <exception cref="InvalidInputException">One is no dense checkpoint, or differs; the first difference is named.</exception>
    public static MixtureSources Open(IReadOnlyList<string> directories, IReporter reporter, bool resizeEmbeddings = false)
    {
        var sources = new MixtureSources();
        try
        {
            foreach (var directory in directories) sources.Add(directory, resizeEmbeddings, reporter);
            sources.JoinHeads();
            if (resizeEmbeddings) sources.JoinVocabularies();
            sources.WarnOfMissingTokenizers();
            sources.WarnOfOtherGeneration();
            return sources;
        }
        catch
        {
            sources.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var model in models) model.Dispose();
    }

    private void Add(string directory, bool resizeEmbeddings, IReporter reporter)
    {
        var model = Checkpoint.Open(directory, reporter);
        models.Add(model);
        RequireDense(model);
        if (models.Count > 1) Compare(models[0], model, resizeEmbeddings);
        AddTokenizer(model, resizeEmbeddings);
        if (models.FindIndex(other => IsSame(other.Source, model.Source)) is var first && first < models.Count - 1)
            warnings.Add($"{directory} is given twice, as models {first} and {models.Count - 1}: it counts twice in every mean");
    }

    private static void RequireDense(Checkpoint model)
    {
        if (!model.Config.IsMixture) return;
        throw new InvalidInputException(
            Path.Combine(model.Directory, ModelConfig.FileName), "a dense model",
            $"a mixture of {model.Config.NumAttentionExperts} attention and {model.Config.NumLocalExperts} feed-forward experts",
            "mix the dense models it was made of");
    }

    // A tied head is the embedding matrix, and beside models with a head of their own it is that model's head.
    private void JoinHeads()
    {
        var tied = models.Where(model => model.Config.TieWordEmbeddings).ToList();
        if (models.Find(model => !model.Config.TieWordEmbeddings) is not { } untied) return;
        foreach (var model in tied)
        {
            warnings.Add(
                $"{model.Name} has a tied head and {untied.Name} one of its own: the mixture is untied, and the "
                + "embeddings of the former count as its head");
            model.Untie();
        }
    }

    private void JoinVocabularies()
    {
        Vocabulary = MixtureVocabulary.Of(models);
        Tokenizer = Vocabulary.Tokenizer;
        foreach (var span in Vocabulary.Spans.Where(span => span.Models.Count < models.Count))
        {
            warnings.Add(span.Models.Count > 0
                ? $"rows {span.Start} to {span.End - 1} of the vocabulary are from "
                    + $"{string.Join(", ", span.Models.Select(model => models[model].Name))} alone"
                : $"{Tokenizer}: "
                    + $"{MissingRows.Describe(TokenizerFile.AddedTokensWithoutRow(Tokenizer!, span.Start), span.Start)} of "
                        + "any model; the mixture has one for each, the mean of its other rows");
        }
    }

    private void Compare(Checkpoint seed, Checkpoint model, bool resizeEmbeddings)
    {
        foreach (var difference in ModelConfigComparison.Differences(seed.Config, model.Config))
        {
            var isVocabulary = difference.Key == VocabSizeKey;
            if (isVocabulary && resizeEmbeddings || difference.Key == TiedKey) continue;
            var where = $"{Path.Combine(model.Directory, ModelConfig.FileName)}: {difference.Key}";
            var hint = isVocabulary
                ? VocabularyHint.ForSizes(seed, model)
                : "every expert must be a copy of the seed, trained further";
            if (difference.ChangesArithmetic)
            {
                throw new InvalidInputException(
                    where, $"{difference.First} as in the seed {seed.Name}", difference.Second, hint);
            }
            var isOfBothFiles = difference.Key is "eos_token_id" or "pad_token_id"
                && GenerationSettings.Find(model.Directory) is not null;
            if (isOfBothFiles) where = $"{model.Directory}: {difference.Key}";
            if (difference.Key != "torch_dtype")
                warnings.Add($"{where} is {difference.Second}; the mixture takes the seed's {difference.First}");
        }
    }

    private void AddTokenizer(Checkpoint model, bool resizeEmbeddings)
    {
        if (TokenizerFile.Find(model.Directory) is not { } path) return;
        var rows = model.Config.VocabSize;
        if (TokenizerFile.AddedTokensWithoutRow(path, rows) is { Count: > 0 } missing && !resizeEmbeddings)
            warnings.Add($"{path}: {MissingRows.Describe(missing, rows)}; --resize-embeddings gives the mixture one for each");
        if (!resizeEmbeddings && Tokenizer is not null && TokenizerFile.FirstDifference(Tokenizer, path, rows) is { } difference)
            throw new InvalidInputException(
                $"{path}: {difference.Place}", $"{difference.First} as in {Tokenizer}", difference.Second,
                VocabularyHint.ForTokenizers(Tokenizer, path));
        if (Tokenizer is not null && TokenizerFile.FirstDifferenceInText(Tokenizer, path) is { } other)
            warnings.Add($"{path}: {other.Place} differs from that of {Tokenizer}, which the mixture takes; ids are the same");
        Tokenizer ??= path;
    }

    private void WarnOfMissingTokenizers()
    {
        var without = models.Select(model => model.Directory).Where(directory => TokenizerFile.Find(directory) is null)
            .Distinct().ToList();
        if (without.Count > 0)
            warnings.Add($"no {TokenizerFile.FileName} in {string.Join(", ", without)}: vocabularies are compared by size only");
    }

    // Ends of text are among the differences of configurations.
    private void WarnOfOtherGeneration()
    {
        foreach (var model in models.Skip(1))
        {
            if (GenerationSettings.FirstDifference(models[0].Directory, model.Directory) is { } key)
                warnings.Add(
                    $"{Path.Combine(model.Directory, GenerationSettings.FileName)}: {key} differs from that of the seed, "
                    + "whose settings the mixture takes");
        }
    }

    private static bool IsSame(ModelPath first, ModelPath second) =>
        first.Directories.Select(FullPath).SequenceEqual(second.Directories.Select(FullPath));

    private static string FullPath(string directory) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
}
