using System.Text.Json.Serialization;

namespace Bam.Training;

/// <summary>
/// Sums over the steps since the last line of metrics; a part of the state, so that a resumed run's lines are the unbroken run's.
/// </summary>
internal sealed record LossWindow
{
    /// <summary>The steps.</summary>
    [JsonRequired]
    public int Steps { get; init; }

    /// <summary>Σ loss.</summary>
    [JsonRequired]
    public double Loss { get; init; }

    /// <summary>Σ negative log-likelihood.</summary>
    [JsonRequired]
    public double Nll { get; init; }

    /// <summary>Σ load-balancing loss, each the mean over layers.</summary>
    [JsonRequired]
    public double LoadBalancing { get; init; }

    /// <summary>Σ z-loss, each the mean over layers.</summary>
    [JsonRequired]
    public double RouterZ { get; init; }

    /// <summary>Seconds inside training steps.</summary>
    [JsonRequired]
    public double Seconds { get; init; }

    /// <summary>The window with one more step.</summary>
    internal LossWindow With(StepResult step, double seconds) => new()
    {
        Steps = Steps + 1,
        Loss = Loss + step.Loss,
        Nll = Nll + step.Nll,
        LoadBalancing = LoadBalancing + step.LoadBalancing,
        RouterZ = RouterZ + step.RouterZ,
        Seconds = Seconds + seconds,
    };
}
