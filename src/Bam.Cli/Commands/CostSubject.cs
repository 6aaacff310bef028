using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Configuration;
using Bam.Files;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Upcycling;

namespace Bam.Cli.Commands;

/// <summary>
/// The models that <c>bam cost</c> was asked about. Of a mixture, <paramref name="Seed"/> is one of its experts;
/// <paramref name="Mixtures"/> are the models of a plan's third phase, <paramref name="Copies"/> the number of specialised copies
/// behind them; <paramref name="PaperSeedTokens"/> is null unless the seed is the paper's.
/// </summary>
internal sealed record CostSubject(
    string Name,
    ModelConfig Seed,
    IReadOnlyList<NamedModel> Models,
    IReadOnlyList<NamedModel> Mixtures,
    int Copies,
    double? PaperSeedTokens)
{
    /// <summary>The short name of the preset that the seed is; null otherwise.</summary>
    public string? Preset { get; init; }

    /// <summary>Finds them. A preset's name wins over a file of that name, which <c>./</c> in front still reaches.</summary>
    /// <exception cref="InvalidInputException">There is no such model, or it cannot be mixed so.</exception>
    public static CostSubject Of(string name, CostMixing mixing, IReporter reporter)
    {
        var preset = ModelPresets.Find(name);
        var config = preset ?? Load(name, reporter);
        if (mixing.Method is null && preset is null) return OfModel(name, config);
        if (config.IsMixture)
            throw new InvalidInputException("--method", "a dense model to mix", $"{name}, a mixture", "leave it out");
        var models = mixing.Method is null
            ? PaperFamily.Of(config)
            : [new(PaperFamily.Seed, config), new(NameOf(mixing), mixing.Of(config))];
        var key = preset is null ? null : ModelPresets.All.First(known => known.Value == preset).Key;
        double? paperTokens = key is null ? null : TokenBudget.PaperSeedTokens[key];
        return new(name, config, models, [.. models.Skip(1)], mixing.Copies, paperTokens) { Preset = key };
    }

    private static CostSubject OfModel(string name, ModelConfig config)
    {
        var source = ModelPath.Of(name);
        var directory = Directory.Exists(source.Base) ? source.Base : Path.GetDirectoryName(Path.GetFullPath(name))!;
        var folder = source.Adapters.Count == 0 ? directory : source.Adapters[^1];
        var model = new NamedModel(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), config);
        var seed = config with
        {
            NumAttentionExperts = 1, AttentionRouting = AttentionRouting.Soft, NumAttentionExpertsPerTok = null,
            ShareKeyValue = false,
            NumLocalExperts = 1, NumExpertsPerTok = 1, NormTopkProb = false,
        };
        var models = MixtureRecord.Read(directory)?.Models.Count
            ?? (config.NumAttentionExperts > 1 ? config.NumAttentionExperts : config.NumLocalExperts);
        return new(name, seed, [model], config.IsMixture ? [model] : [], models - 1, PaperSeedTokens: null);
    }

    private static ModelConfig Load(string name, IReporter reporter)
    {
        if (Directory.Exists(ModelPath.Of(name).Base)) return ModelConfigReader.Load(name, reporter);
        if (File.Exists(name))
            return ModelConfigReader.Parse(InputFile.ReadAllText(name, "expected a config.json"), name, reporter);
        throw new InvalidInputException(
            $"{name}: does not exist, and no preset has this name{Suggestion.For(name, ModelPresets.Names)}; "
            + "expected a checkpoint directory, a config.json or a preset");
    }

    private static string NameOf(CostMixing mixing)
    {
        var name = mixing.Method is "bam" or "btx" ? mixing.Method.ToUpperInvariant() : mixing.Method!;
        var routing = mixing.Experts is null && mixing.TopK is null
            ? ""
            : $" {mixing.Experts ?? mixing.Models} top-{mixing.TopK ?? 1}";
        var attention = mixing.AttentionTopK is { } k ? $" attention top-{k}" : "";
        return $"{name}{routing}{attention}{(mixing.ShareKeyValue ? " shared KV" : "")}";
    }
}

/// <summary>
/// How a dense model is to be mixed, in the words of <c>bam mix</c>; <paramref name="Models"/> includes the seed, null options
/// have the defaults of the method.
/// </summary>
internal sealed record CostMixing(string? Method, int Models, int? Experts, int? TopK, bool ShareKeyValue, int? AttentionTopK)
{
    private const int MostModels = 10_000;

    /// <summary>The specialised copies of the seed that go into it.</summary>
    public int Copies => Method is not null && MixtureMethods.Named(Method) is SparseMethod ? 0 : Models - 1;

    /// <summary>What 'bam mix' would make, by its own rules.</summary>
    /// <exception cref="InvalidInputException">It would refuse.</exception>
    public ModelConfig Of(ModelConfig seed)
    {
        var method = MixtureMethods.Named(Method!);
        if (method is SoupMethod)
            throw new InvalidInputException(
                "--method", "bam, btx or sparse", "soup", "leave it out: a soup costs the same as its seed");
        if (Models > MostModels)
            throw new InvalidInputException("--models", $"at most {MostModels}", $"{Models}", "choose fewer");
        var mixture = MixtureMethods.Configure(method, seed, new MixtureOptions
        {
            Seed = "seed",
            Experts = [.. Enumerable.Range(1, Copies).Select(copy => $"copy {copy}")],
            ShareKeyValue = ShareKeyValue,
            AttentionTopK = AttentionTopK,
            FeedForwardExperts = method is SparseMethod ? Experts ?? Models : Experts,
            TopK = TopK,
        });
        mixture.Validate($"the mixture's {ModelConfig.FileName}");
        return mixture;
    }
}
