using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Data.Text;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Files;

namespace Bam.Experiments.Recipes;

/// <summary>Checks the checkpoints and the tokenizer that a recipe names before any work starts.</summary>
internal static class GivenFiles
{
    /// <summary>Reads the checkpoints' sizes and checks that the tokenizer exists.</summary>
    /// <exception cref="InvalidInputException">Something is missing or invalid; the message names the recipe's line.</exception>
    public static void Check(Recipe recipe)
    {
        if (recipe.Seed.Checkpoint is { } seed) CheckLengths(recipe, SizesOf(recipe, "seed.checkpoint", seed));
        CheckTokenizer(recipe);
        foreach (var (name, expert) in recipe.Experts)
            if (expert.Checkpoint is { } checkpoint) CheckExpert(recipe, $"experts.{name}.checkpoint", checkpoint);
    }

    /// <summary>The file of the tokenizer that is given; null if one is trained.</summary>
    public static string? Tokenizer(Recipe recipe)
    {
        var path = recipe.Tokenizer.Path ?? (recipe.Seed.Checkpoint is { } seed ? ModelPath.Of(seed).Base : null);
        return Directory.Exists(path) ? Path.Combine(path, TokenizerFile.FileName) : path;
    }

    private static void CheckTokenizer(Recipe recipe)
    {
        if (Tokenizer(recipe) is not { } tokenizer || File.Exists(tokenizer)) return;
        var (key, hint) = recipe.Tokenizer.Path is not null
            ? ("tokenizer.path", "check the path")
            : ("seed.checkpoint", "add it, or name one by 'tokenizer.path'");
        throw new InvalidInputException(
            At(recipe, key), "a tokenizer.json, or a directory that holds one", $"nothing at {tokenizer}", hint);
    }

    // A mixture compares its models' tokenizers too, but only after the others have been trained.
    private static void CheckExpert(Recipe recipe, string key, string checkpoint)
    {
        var config = SizesOf(recipe, key, checkpoint);
        var ofSeed = recipe.Seed.Checkpoint is { } seed ? TokenizerFile.Find(ModelPath.Of(seed).Base) : null;
        if (recipe.Mixtures.Count == 0 || (ofSeed ?? Tokenizer(recipe)) is not { } tokenizer) return;
        if (TokenizerFile.Find(ModelPath.Of(checkpoint).Base) is not { } own) return;
        if (TokenizerFile.FirstDifference(tokenizer, own, config.VocabSize) is { } difference)
        {
            throw new InvalidInputException(
                $"{At(recipe, key)}: {own}: {difference.Place}",
                $"{difference.First} as in {tokenizer}",
                difference.Second,
                "every expert must have the seed's tokenizer; name another checkpoint");
        }
    }

    private static ModelConfig SizesOf(Recipe recipe, string key, string checkpoint)
    {
        try
        {
            return ModelConfigReader.Load(checkpoint, SilentReporter.Instance);
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"{At(recipe, key)}: {e.Message}", e);
        }
    }

    private static void CheckLengths(Recipe recipe, ModelConfig seed)
    {
        int[] windows =
        [
            recipe.Evaluation.SequenceLength ?? recipe.Seed.Training.SequenceLength,
            .. recipe.Experts.Values.Where(expert => expert.Checkpoint is null).Select(expert => expert.Training.SequenceLength),
            .. recipe.Mixtures.Values.Where(mixture => mixture.IsTrained).Select(mixture => mixture.Training.SequenceLength),
        ];
        Require(
            windows.Max(),
            "the longest window of training and evaluation",
            "shorten 'sequence_length', or 'evaluation.sequence_length'");
        if (recipe.Latency is { } latency)
            Require(latency.PromptTokens + latency.NewTokens, "the prompt and new tokens of 'latency'", "shorten the text");

        void Require(int length, string what, string hint)
        {
            if (seed.LongestInput >= length) return;
            throw new InvalidInputException(
                $"{At(recipe, "seed.checkpoint")}: max_position_embeddings",
                $"at least {length}, {what}",
                $"{seed.LongestInput}",
                hint);
        }
    }

    /// <summary>
    /// A key for messages, with its line or else that of the section it would be in: "recipe.yaml:5: key 'a.b'".
    /// </summary>
    internal static string At(Recipe recipe, string key)
    {
        for (var written = key; written.Length > 0; written = written[..Math.Max(0, written.LastIndexOf('.'))])
            if (recipe.PlacesOfGivenFiles.TryGetValue(written, out var place)) return $"{place}: key '{key}'";
        return $"key '{key}'";
    }
}

/// <summary>The files and directories that a recipe reads, beside its own file.</summary>
internal static class RecipeInputs
{
    /// <summary>Those that are named, and the files of folders and patterns; what scripts make is none.</summary>
    public static IEnumerable<string> Of(Recipe recipe)
    {
        IEnumerable<string?> named =
        [
            recipe.Prepare, recipe.ProbePrepare, recipe.Model?.Scalar is { } sizes && sizes.Contains('/') ? sizes : null,
            recipe.Tokenizer.Path,
        ];
        IEnumerable<string?> models = [recipe.Seed.Checkpoint, .. recipe.Experts.Values.Select(expert => expert.Checkpoint)];
        IEnumerable<string> texts =
        [
            .. recipe.PrepareReads, .. recipe.ProbePrepareReads,
            .. recipe.Prepare is null ? recipe.Domains.Values.SelectMany(domain => domain.Files) : [],
            .. recipe.ProbePrepare is null ? recipe.Probes.Values.SelectMany(probe => probe.Files ?? []) : [],
            .. recipe.Tasks.Values.SelectMany(task => new[] { task.File, task.Examples }).OfType<string>(),
            .. recipe.Tasks.Values.Select(task => task.Task).OfType<string>().Where(TaskLibrary.IsFile),
        ];
        return [
            .. named.OfType<string>(), .. models.OfType<string>().SelectMany(model => ModelPath.Of(model).Directories),
            .. texts.SelectMany(FilesOf),
        ];
    }

    private static IReadOnlyList<string> FilesOf(string text)
    {
        try
        {
            return [text, .. InputFiles.Resolve([text])];
        }
        catch (InvalidInputException)
        {
            // What has no files is refused where they are needed.
            return [text];
        }
    }
}
