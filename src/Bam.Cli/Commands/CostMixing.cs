using Bam.Checkpoints;
using Bam.Upcycling;

namespace Bam.Cli.Commands;

/// <summary>How a dense model is to be mixed, in the words of <c>bam mix</c>.</summary>
/// <param name="Method">The method's name, or null for none.</param>
/// <param name="Models">How many models there are, the seed included.</param>
/// <param name="Experts">M, or null for as many as models.</param>
/// <param name="TopK">k of the feed-forward experts, or null for 1.</param>
/// <param name="ShareKeyValue">Whether attention experts share K and V.</param>
/// <param name="AttentionTopK">k of the attention experts, or null for soft routing.</param>
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
        {
            throw new InvalidInputException(
                "--method", "bam, btx or sparse", "soup", "leave it out: a soup costs what its seed does");
        }
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
