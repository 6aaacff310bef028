using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>Where the routers sent the tokens, summed over every batch passed to <see cref="LanguageModel.Loss"/> with it.</summary>
internal sealed class RoutingStatistics
{
    /// <summary>Starts from nothing.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="domains">How many domains are told apart.</param>
    public RoutingStatistics(ModelConfig config, int domains)
    {
        ArgumentNullException.ThrowIfNull(config);
        Domains = domains;
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new LayerRouting(config, domains))];
    }

    /// <summary>How many domains are told apart.</summary>
    public int Domains { get; }

    /// <summary>One entry for each block.</summary>
    public IReadOnlyList<LayerRouting> Layers { get; }

    /// <summary>Says which domain each sequence of the next batch is from.</summary>
    /// <param name="domainOfSequence">[B], each 0 … <see cref="Domains"/> - 1.</param>
    public void BeginBatch(int[] domainOfSequence)
    {
        foreach (var layer in Layers) layer.DomainOfSequence = domainOfSequence;
    }
}
