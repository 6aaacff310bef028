using Bam.Training.Metrics;

namespace Bam.Experiments.Studies;

/// <summary>One number for the state of a mixture's routers at a moment: the mean over its layers.</summary>
/// <param name="Name">What it is, in a few words.</param>
/// <param name="Value">It, of the layers and the domain that each expert was trained on; NaN where the mixture has no such router.</param>
internal sealed record RouterFigure(string Name, Func<IReadOnlyList<LayerMetrics>, IReadOnlyList<string?>, double> Value)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<RouterFigure> All { get; } =
    [
        new("expert load, largest ÷ even", (layers, _) => Mean(layers.Where(layer => layer.ExpertLoad is not null).Select(layer => layer.ExpertLoad!.Max() * layer.ExpertLoad!.Count))),
        new("router entropy", (layers, _) => Mean(layers.Select(layer => layer.RouterEntropy).OfType<double>())),
        new("gate entropy", (layers, _) => Mean(layers.Select(layer => layer.GateEntropy).OfType<double>())),
        new("gate of the own domain’s expert", OwnGate),
    ];

    private static double OwnGate(IReadOnlyList<LayerMetrics> layers, IReadOnlyList<string?> domains) => Mean(
        from layer in layers
        from gates in layer.ByDomain ?? new Dictionary<string, DomainRouting>()
        where gates.Value.AttentionGate is not null
        from expert in domains.Index()
        where expert.Item == gates.Key && expert.Index < gates.Value.AttentionGate!.Count
        select gates.Value.AttentionGate![expert.Index]);

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(double.NaN).Average();
}
