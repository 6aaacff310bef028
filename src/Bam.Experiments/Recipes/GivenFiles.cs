using Bam.Checkpoints;
using Bam.Checkpoints.Opening;

namespace Bam.Experiments.Recipes;

/// <summary>The checkpoints and the tokenizer that a recipe names, looked at before any work comes to need them.</summary>
internal static class GivenFiles
{
    /// <summary>Reads the checkpoints' sizes and sees that the tokenizer is there.</summary>
    /// <exception cref="InvalidInputException">Something is not there or not what it must be; the message names the recipe's
    /// line.</exception>
    public static void Check(Recipe recipe)
    {
        if (recipe.Seed.Checkpoint is { } seed) CheckLengths(recipe, SizesOf(recipe, "seed.checkpoint", seed));
        CheckTokenizer(recipe);
        foreach (var (name, expert) in recipe.Experts)
            if (expert.Checkpoint is { } checkpoint) CheckExpert(recipe, $"experts.{name}.checkpoint", checkpoint);
    }

    /// <summary>The file of the tokenizer that is given; null where one is trained.</summary>
    public static string? Tokenizer(Recipe recipe) =>
        (recipe.Tokenizer.Path ?? recipe.Seed.Checkpoint) is not { } path ? null : Directory.Exists(path) ? Path.Combine(path, TokenizerFile.FileName) : path;

    private static void CheckTokenizer(Recipe recipe)
    {
        if (Tokenizer(recipe) is not { } tokenizer || File.Exists(tokenizer)) return;
        var (key, hint) = recipe.Tokenizer.Path is not null ? ("tokenizer.path", "check the path") : ("seed.checkpoint", "add it, or name one by 'tokenizer.path'");
        throw new InvalidInputException(At(recipe, key), "a tokenizer.json, or a directory that holds one", $"nothing at {tokenizer}", hint);
    }

    // A mixture compares its models' tokenizers too, but only after the others have been trained.
    private static void CheckExpert(Recipe recipe, string key, string checkpoint)
    {
        var config = SizesOf(recipe, key, checkpoint);
        var ofSeed = recipe.Seed.Checkpoint is { } seed ? TokenizerFile.Find(seed) : null;
        if (recipe.Mixtures.Count == 0 || (ofSeed ?? Tokenizer(recipe)) is not { } tokenizer || TokenizerFile.Find(checkpoint) is not { } own) return;
        if (TokenizerFile.FirstDifference(tokenizer, own, config.VocabSize) is { } difference)
        {
            throw new InvalidInputException(
                $"{At(recipe, key)}: {own}: {difference.Place}", $"{difference.First} as in {tokenizer}", difference.Second, "every expert must have the seed's tokenizer; name another checkpoint");
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
        Require(windows.Max(), "the longest window of training and evaluation", "shorten 'sequence_length', or 'evaluation.sequence_length'");
        if (recipe.Latency is { } latency) Require(latency.PromptTokens + latency.NewTokens, "the prompt and new tokens of 'latency'", "shorten the text");

        void Require(int length, string what, string hint)
        {
            if (seed.MaxPositionEmbeddings < length)
                throw new InvalidInputException(
                    $"{At(recipe, "seed.checkpoint")}: max_position_embeddings", $"at least {length}, {what}", $"{seed.MaxPositionEmbeddings}", hint);
        }
    }

    private static string At(Recipe recipe, string key) =>
        recipe.PlacesOfGivenFiles.TryGetValue(key, out var place) ? $"{place}: key '{key}'" : $"key '{key}'";
}
