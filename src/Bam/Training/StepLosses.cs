using Bam.Models;
using Bam.Torch;

namespace Bam.Training;

/// <summary>The losses of a step's micro-batches so far, as means.</summary>
internal sealed class StepLosses
{
    private int count;

    public double Loss { get; private set; }

    public double Nll { get; private set; }

    /// <summary>The mean over the layers that have the loss; 0 when none has.</summary>
    public double LoadBalancing { get; private set; }

    /// <summary>Likewise.</summary>
    public double RouterZ { get; private set; }

    public void Add(LossTerms terms)
    {
        count++;
        Loss += (terms.Total.Item<float>() - Loss) / count;
        Nll += (terms.Nll.Item<float>() - Nll) / count;
        LoadBalancing += (MeanOfLayers(terms.LoadBalancing) - LoadBalancing) / count;
        RouterZ += (MeanOfLayers(terms.RouterZ) - RouterZ) / count;
    }

    public override string ToString() => FormattableString.Invariant(
        $"loss {Loss:0.###}, nll {Nll:0.###}, load balancing {LoadBalancing:0.###}, router z {RouterZ:0.###}");

    // Layers without feed-forward experts hold zeros, and the load-balancing loss of those with experts is above zero.
    private static double MeanOfLayers(Tensor layers) =>
        layers.ToArray<float>().Where(l => l != 0).Select(l => (double)l).DefaultIfEmpty(0).Average();
}

/// <summary>What one optimizer step measured; losses are means over its micro-batches.</summary>
/// <param name="Loss">NLL + Σ over layers (α · load balancing + β · z).</param>
/// <param name="Nll">The negative log-likelihood, in nats.</param>
/// <param name="LoadBalancing">The load-balancing loss, the mean over the layers that have one.</param>
/// <param name="RouterZ">The z-loss, the mean over the layers that have one.</param>
/// <param name="GradientNorm">The global norm before clipping.</param>
/// <param name="LearningRate">The rate that was applied.</param>
internal sealed record StepResult(double Loss, double Nll, double LoadBalancing, double RouterZ, double GradientNorm, double LearningRate);
