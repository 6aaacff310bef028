using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>How many parameters a model has, and how many of them are active for one token.</summary>
/// <param name="Total">All parameters; a tied head counts once.</param>
/// <param name="Active">Those that take part in computing one token: only k of the M feed-forward experts, and with top-k
/// attention only the queries and output projections of k experts.</param>
internal sealed record ModelSize(long Total, long Active)
{
    /// <summary>Counts what the checkpoint holds.</summary>
    public static ModelSize Of(ModelConfig config)
    {
        var (total, active) = (0L, 0L);
        foreach (var parameter in ParameterTable.Of(config))
        {
            total += parameter.Count;
            if (IsActive(parameter, config)) active += parameter.Count;
        }

        return new(total, active);
    }

    /// <summary>The parameters on one of <paramref name="ranks"/> ranks that share the experts; all else is on each.</summary>
    public static long OnRank(ModelConfig config, int ranks)
    {
        var parameters = ParameterTable.Of(config);
        var experts = parameters.Where(parameter => parameter.Expert >= 0).Sum(parameter => parameter.Count);
        return parameters.Sum(parameter => parameter.Count) - experts + experts / ranks;
    }

    /// <summary>Those of which each rank has a part of the gradient (<see cref="ExpertParallelism.IsPartial"/>).</summary>
    public static long WithPartialGradients(ModelConfig config) =>
        ParameterTable.Of(config).Where(parameter => ExpertParallelism.HasPartialGradient(config, parameter))
            .Sum(parameter => parameter.Count);

    /// <summary>The same by kind, in the format's order.</summary>
    public static IReadOnlyList<ComponentParameters> ByKind(ModelConfig config) =>
    [
        .. ParameterTable.Of(config).GroupBy(parameter => parameter.Kind).Select(group => new ComponentParameters(
            group.Key,
            group.Sum(parameter => parameter.Count),
            group.Where(parameter => IsActive(parameter, config)).Sum(parameter => parameter.Count))),
    ];

    // Experts of one kind have one size, so the first k stand for any k.
    private static bool IsActive(ParameterInfo parameter, ModelConfig config) => parameter.Kind switch
    {
        ParameterKind.Gate or ParameterKind.Up or ParameterKind.Down => parameter.Expert < config.NumExpertsPerTok,
        ParameterKind.Query or ParameterKind.QueryNorm or ParameterKind.Output
            when config.AttentionRouting == AttentionRouting.TopK => parameter.Expert < config.NumAttentionExpertsPerTok,
        _ => true,
    };
}

/// <summary>The parameters of one kind over all layers and experts, and those that are active for one token.</summary>
internal sealed record ComponentParameters(ParameterKind Kind, long Total, long Active);
