using System.Text.Json.Serialization;
using Bam.Configuration;
using Bam.Training;
using Bam.Upcycling;

namespace Bam.Experiments.Recipes;

/// <summary>A mixture of the seed and the experts, and the training it gets.</summary>
internal sealed record RecipeMixture : ICheckedSection
{
    [Key("the method")]
    public required MixtureMethod Method { get; init; }

    [Key("the experts that are mixed with the seed; all of them if omitted")]
    public IReadOnlyList<string>? Of { get; init; }

    [Key("bam: true for one key and value projection for all attention experts")]
    public bool ShareKeyValue { get; init; }

    /// <summary>M.</summary>
    [Key(
        "the number of feed-forward experts; more than there are models adds copies of the seed's; one for each model if "
        + "omitted",
        Minimum = 2)]
    public int? Experts { get; init; }

    /// <summary>k.</summary>
    [Key("the number of feed-forward experts per token", Minimum = 1)]
    public int TopK { get; init; } = 1;

    [Key("true to divide the weights of a token's feed-forward experts by their sum, as Mixtral does")]
    public bool NormTopk { get; init; }

    [Key("bam: the number of attention experts per token; all of them (soft routing) if omitted", Minimum = 1)]
    public int? AttentionTopK { get; init; }

    [Key("bam: what the attention experts are initialised with; the paper copies each from its own model")]
    public AttentionInitialization AttentionInit { get; init; }

    [Key("bam and btx: what the routers start from; as the recipe's 'routers' if omitted")]
    public RouterStart? Routers { get; init; }

    [Key(
        "bam and btx: the tokens of each model's domain on which routers are calibrated by the seed (its own domain is "
        + "'general_domain'); 16384 if omitted",
        Minimum = 1)]
    public int? RouterTokens { get; init; }

    [Key("the shares of the domains in the mixture's training; by 'share_by' if omitted", Minimum = 0, AboveMinimum = true)]
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    [Key(
        "how the shares are found: the same for all domains, in proportion to their training tokens, or to the untrained "
        + "mixture's loss on held-out text")]
    public ShareBy ShareBy { get; init; }

    [Key("a budget equal to another mixture's; instead of 'tokens'")]
    public BudgetMatch? Match { get; init; }

    /// <summary>Without tokens, steps or match, the mixture is not trained.</summary>
    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>False: the mixture is measured as it was mixed.</summary>
    public bool IsTrained => Match is not null || Training.Tokens is not null || Training.Steps is not null;

    /// <summary>The method as a recipe names it.</summary>
    public string MethodName => Method.ToString().ToLowerInvariant();

    /// <summary>The method of <see cref="Upcycler"/>; a dense control, which is not mixed, has the options of a soup.</summary>
    public string MixedBy => Method == MixtureMethod.Dense ? "soup" : MethodName;

    /// <summary>How the mixture is made in a recipe.</summary>
    public MixSettings SettingsIn(Recipe recipe) => new()
    {
        Method = MethodName,
        ShareKeyValue = ShareKeyValue,
        // A sparse mixture has copies of the seed where the others have experts.
        Experts = Experts ?? (Method == MixtureMethod.Sparse ? MembersIn(recipe).Count + 1 : null),
        TopK = TopK,
        NormTopk = NormTopk,
        AttentionTopK = AttentionTopK,
        AttentionInit = AttentionInit,
        RouterSeed = recipe.ModelSeed,
        RouterTokens = RecipeRouters.TokensOf(recipe, this),
        Device = recipe.Seed.Training.Device,
    };

    /// <summary>The experts that are mixed with the seed, or that a sparse mixture has copies for.</summary>
    public IReadOnlyList<string> MembersIn(Recipe recipe) => Of ?? [.. recipe.Experts.Keys];

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Match is not null)
            foreach (var key in new[] { "tokens", "steps" })
                if (section.Has(key)) throw section.Fault(key, $"key '{key}' and key 'match' exclude each other; keep one");
        if (Shares is not null && section.Has("share_by"))
            throw section.Fault("share_by", "key 'share_by' and key 'shares' exclude each other; keep one");
        if (Routers == RouterStart.Random && RouterTokens is not null)
            throw section.Fault(
                "router_tokens", "key 'router_tokens' and 'routers: random' exclude each other; keep one");
        if (Routers is not null && Method is not (MixtureMethod.Bam or MixtureMethod.Btx))
            throw section.Fault("routers", $"key 'routers' has no meaning for method {MethodName}; remove it");
        if (Of is not null && Method is MixtureMethod.Sparse or MixtureMethod.Dense)
            throw section.Fault("of", $"key 'of' has no meaning for method {MethodName}; remove it");
    }
}

/// <summary>How a mixture is made of the seed and the experts.</summary>
internal enum MixtureMethod
{
    /// <summary>Attention experts and feed-forward experts (Branch-Attend-Mix).</summary>
    Bam,

    /// <summary>Feed-forward experts over averaged attention (Branch-Train-MiX).</summary>
    Btx,

    /// <summary>A dense model: the uniform average.</summary>
    Soup,

    /// <summary>The seed copied into every feed-forward expert (sparse upcycling).</summary>
    Sparse,

    /// <summary>The seed itself, dense, trained on: what the other methods have to beat.</summary>
    Dense,
}

/// <summary>How the domains' shares of a mixture's training are found.</summary>
internal enum ShareBy
{
    /// <summary>The same share for every domain, as in the paper.</summary>
    Equal,

    /// <summary>In proportion to the domains' training tokens.</summary>
    Size,

    /// <summary>In proportion to the untrained mixture's loss on the domains' held-out text: more of what is harder.</summary>
    HeldOutLoss,
}

/// <summary>A budget that is taken from another mixture's.</summary>
internal sealed record BudgetMatch
{
    [Key("the mixture whose budget this one gets")]
    public required string Mixture { get; init; }

    [Key("the measure in which the budgets are equal")]
    public required MatchBy By { get; init; }
}

/// <summary>The measure in which one mixture's budget equals another's.</summary>
internal enum MatchBy
{
    /// <summary>Wall seconds inside training steps × threads, by a calibration that is kept with the run.</summary>
    CoreSeconds,

    /// <summary>3 × forward, all layers and head, attention scores counted causally.</summary>
    Flops,

    /// <summary>The same tokens: data matching.</summary>
    Tokens,
}

/// <summary>How a mixture is made, with what the recipe says elsewhere.</summary>
internal sealed record MixSettings
{
    /// <summary>The method as a recipe names it.</summary>
    public required string Method { get; init; }

    public required bool ShareKeyValue { get; init; }

    /// <summary>M; null for one a model.</summary>
    public required int? Experts { get; init; }

    public required int TopK { get; init; }

    public required bool NormTopk { get; init; }

    public required int? AttentionTopK { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter))]
    public required AttentionInitialization AttentionInit { get; init; }

    /// <summary>The seed of the routers' random numbers.</summary>
    public required long RouterSeed { get; init; }

    /// <summary>The most tokens of each domain that routers are calibrated on; null for random routers.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? RouterTokens { get; init; }

    /// <summary>Where routers are calibrated: "auto", "cpu" or "cuda:N"; not a change of the result.</summary>
    [JsonIgnore]
    public required string Device { get; init; }

    /// <summary>The options of <see cref="Upcycler"/>.</summary>
    /// <param name="models">The seed and the experts.</param>
    /// <param name="routerTexts">A text of each model's domain; not used for random routers.</param>
    public MixtureOptions OptionsFor(IReadOnlyList<string> models, IReadOnlyList<string> routerTexts) => new()
    {
        Seed = models[0],
        Experts = [.. models.Skip(1)],
        ShareKeyValue = ShareKeyValue,
        AttentionTopK = AttentionTopK,
        AttentionInitialization = AttentionInit,
        FeedForwardExperts = Experts,
        TopK = TopK == 1 ? null : TopK,
        NormTopK = NormTopk,
        RouterSeed = RouterSeed,
        RouterTexts = RouterTokens is { } tokens ? new(routerTexts, tokens) { Device = Device } : null,
    };
}
