using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Configuration;
using Bam.Files;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>
/// A recipe whose every phase takes a moment: the same phases, mixtures and measurements, on tiny models, a few steps and
/// synthetic text. It shows that the recipe and the machine work; its figures mean nothing.
/// </summary>
internal static class SmokeRecipe
{
    private const int MostSeeds = 2;
    private const int Steps = 4;
    private const int SmokeItems = 2;

    private static readonly JsonObject Sizes = new()
    {
        ["hidden_size"] = 16,
        ["intermediate_size"] = 16,
        ["num_hidden_layers"] = 2,
        ["num_attention_heads"] = 2,
        ["max_position_embeddings"] = 64,
    };

    /// <summary>
    /// Shrinks a recipe and writes its synthetic text. Models that are given as checkpoints, and the text for them, stay.
    /// </summary>
    public static Recipe Of(Recipe recipe, string textFolder)
    {
        var small = recipe with
        {
            RandomSeeds = [.. recipe.RandomSeeds.Take(MostSeeds)],
            Results = null,
            Title = $"{recipe.Title ?? recipe.Name}: smoke test",
            About = "A smoke test with tiny models and synthetic text. The figures mean nothing.",
            Claims = [],
            Seed = recipe.Seed with { Training = Short(recipe.Seed.Training) },
            Experts = recipe.Experts.ToDictionary(
                pair => pair.Key, pair => pair.Value with { Training = Short(pair.Value.Training) }),
            Mixtures = recipe.Mixtures.ToDictionary(
                pair => pair.Key, pair => pair.Value with { Training = Short(pair.Value.Training) }),
            Evaluation = recipe.Evaluation with { SequenceLength = null },
            Latency = recipe.Latency is { } latency
                ? latency with { PromptTokens = 8, NewTokens = 2, Runs = 2, Presets = [] }
                : null,
        };
        if (recipe.Seed.Checkpoint is not null)
        {
            return small with
            {
                Tasks = recipe.Tasks.ToDictionary(task => task.Key, task => task.Value with { Limit = SmokeItems }),
            };
        }

        return small with
        {
            Tasks = recipe.Tasks.ToDictionary(task => task.Key, task => SyntheticTask.Write(textFolder, task.Key) with
            {
                Models = task.Value.Models,
            }),
            Prepare = null,
            PrepareReads = [],
            ProbePrepare = null,
            ProbePrepareReads = [],
            Probes = recipe.Probes.ToDictionary(probe => probe.Key, probe => Short(probe.Key, probe.Value, textFolder)),
            Domains = recipe.Domains.Keys.ToDictionary(
                domain => domain, domain => new RecipeDomain { Files = [SyntheticText.Write(textFolder, domain)] }),
            Tokenizer = new() { VocabSize = 300, MegabytesPerDomain = recipe.Tokenizer.MegabytesPerDomain },
            Data = new() { HeldOutFraction = 0.1, NearDuplicateSimilarity = 1, ContaminationShare = 1 },
            Model = new InlineValue(Sizes.ToJsonString(), "the sizes of --smoke", null),
        };
    }

    private static RecipeProbe Short(string name, RecipeProbe probe, string textFolder) => probe with
    {
        Files = probe.Files is null ? null : [SyntheticText.Write(textFolder, $"probe-{name}")],
        TextKey = "text",
        GroupKey = null,
        SectionSeparator = null,
        Pieces = probe.Pieces is null ? null : 40,
    };

    private static TrainingSettings Short(TrainingSettings settings) => settings with
    {
        BatchSize = 2,
        GradientAccumulation = 1,
        SequenceLength = 16,
        WarmupSteps = 1,
        Tokens = null,
        Steps = settings.Tokens is null && settings.Steps is null ? null : Steps,
        EvaluateEvery = settings.EvaluateEvery > 0 ? Steps / 2 : 0,
        LogEvery = 1,
    };
}

/// <summary>Text of made-up words, each domain with words of its own, for runs that only show that everything works.</summary>
internal static class SyntheticText
{
    private const int Documents = 60;
    private const int WordsOfADocument = 80;
    private const int Vocabulary = 40;

    /// <summary>Writes a domain's text; the same name gives the same text.</summary>
    /// <returns>The file, JSONL with the field "text".</returns>
    /// <exception cref="InvalidInputException">Another file of that name is there.</exception>
    public static string Write(string folder, string domain)
    {
        var path = Path.Combine(folder, $"{domain}.jsonl");
        WriteOnce(path, TextOf(domain));
        return path;
    }

    /// <summary>Writes a file of a smoke run, which may be there already.</summary>
    /// <exception cref="InvalidInputException">Another file of that name is there.</exception>
    public static void WriteOnce(string path, string text)
    {
        if (File.Exists(path) && !IsSame(path, text))
        {
            throw new InvalidInputException(
                $"{path}: is there already, and is not the text of a smoke run; choose another --output");
        }

        AtomicFile.WriteText(path, text);
    }

    private static string TextOf(string domain)
    {
        var random = new RandomStream(0, $"synthetic text {domain}");
        var words = new string[Vocabulary];
        for (var i = 0; i < words.Length; i++) words[i] = Word(ref random);
        var lines = new StringBuilder();
        for (var document = 0; document < Documents; document++)
        {
            var text = new StringBuilder();
            for (var i = 0; i < WordsOfADocument; i++) text.Append(words[random.NextInt64(Vocabulary)]).Append(' ');
            lines.Append(JsonSerializer.Serialize(new { text = text.ToString() })).Append('\n');
        }

        return lines.ToString();
    }

    private static bool IsSame(string path, string text) =>
        new FileInfo(path).Length == Encoding.UTF8.GetByteCount(text)
        && InputFile.ReadAllText(path, "it was there a moment ago") == text;

    private static string Word(ref RandomStream random)
    {
        var word = new StringBuilder();
        for (var length = 2 + random.NextInt64(6); length > 0; length--) word.Append((char)('a' + random.NextInt64(26)));
        return word.ToString();
    }
}
