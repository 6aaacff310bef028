using System.Globalization;

namespace Bam.Experiments.Findings;

/// <summary>
/// The statements that a run is held to: each expert beats the seed on its own domain and is worse than the seed on the others'
/// domains; each mixture beats the seed on all of the experts' domains. The seed's own domain stays out: there mixtures
/// may lose, in the paper too.
/// </summary>
internal static class Claims
{
    /// <summary>Evaluates every claim that <paramref name="models"/> allow; none without a seed or experts.</summary>
    public static IReadOnlyList<Claim> Of(IReadOnlyList<ModelResult> models)
    {
        var seed = models.FirstOrDefault(model => model.Kind == ModelKind.Seed);
        var experts = models.Where(model => model is { Kind: ModelKind.Expert, Domain: not null }).ToList();
        if (seed is null || experts.Count == 0) return [];

        var special = experts.Select(expert => expert.Domain!).Distinct().ToList();
        var claims = new List<Claim>();
        foreach (var expert in experts)
        {
            claims.Add(Beats(expert, seed, expert.Domain!));
            claims.AddRange(special.Where(domain => domain != expert.Domain).Select(domain => IsWorse(expert, seed, domain)));
        }

        foreach (var mixture in models.Where(model => model.Kind is ModelKind.Btx or ModelKind.Bam))
            claims.AddRange(special.Select(domain => Beats(mixture, seed, domain)));
        return claims;
    }

    private static Claim Beats(ModelResult model, ModelResult seed, string domain)
    {
        var (ours, theirs) = (model.Perplexity[domain], seed.Perplexity[domain]);
        return new Claim($"{model.Name} beats the seed on {domain}", ours < theirs, Detail(ours, theirs));
    }

    private static Claim IsWorse(ModelResult model, ModelResult seed, string domain)
    {
        var (ours, theirs) = (model.Perplexity[domain], seed.Perplexity[domain]);
        return new Claim($"{model.Name} is worse than the seed on {domain}", ours > theirs, Detail(ours, theirs));
    }

    private static string Detail(double ours, double theirs) => string.Create(
        CultureInfo.InvariantCulture,
        $"{ours:0.00} against {theirs:0.00} ({(ours - theirs) / theirs:+0.0 %;-0.0 %})");
}
