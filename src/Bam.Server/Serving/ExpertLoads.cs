using Bam.Generation.Batching;

namespace Bam.Server.Serving;

/// <summary>How the experts were used since the server's start.</summary>
/// <param name="Experts">The models that the experts were made from; null if that is not known.</param>
/// <param name="Layers">The blocks.</param>
internal sealed record ExpertLoads(IReadOnlyList<string>? Experts, IReadOnlyList<LayerLoads> Layers)
{
    public static ExpertLoads Of(ServedModel served)
    {
        var use = served.Scheduler.ExpertUse;
        return new(
            served.ExpertNames,
            [.. Enumerable.Range(0, served.Config.NumHiddenLayers).Select(
                layer => new LayerLoads(SharesOf(use, layer), use.MeanGatesOf(layer)))]);
    }

    /// <summary>The part of a block's assignments that each feed-forward expert got, [M]; zeros before the first token.</summary>
    public static double[] SharesOf(ExpertUse use, int layer)
    {
        var assignments = use.AssignmentsOf(layer);
        var all = Math.Max(1, assignments.Sum());
        return Array.ConvertAll(assignments, count => (double)count / all);
    }
}

/// <summary>The use of one block's experts.</summary>
/// <param name="LoadShare">The part of the assignments that each feed-forward expert got, [M]; empty in a dense block.</param>
/// <param name="AttentionGate">The mean gate of each attention expert, [N]; empty with dense attention.</param>
internal sealed record LayerLoads(double[] LoadShare, double[] AttentionGate);
