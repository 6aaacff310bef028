namespace Bam.Training;

/// <summary>What one optimizer step measured; losses are means over its micro-batches.</summary>
/// <param name="Loss">NLL + Σ over layers (α · load balancing + β · z).</param>
/// <param name="Nll">The negative log-likelihood, in nats.</param>
/// <param name="LoadBalancing">The load-balancing loss, the mean over the layers that have one.</param>
/// <param name="RouterZ">The z-loss, the mean over the layers that have one.</param>
/// <param name="GradientNorm">The global norm before clipping.</param>
/// <param name="LearningRate">The rate that was applied.</param>
public sealed record StepResult(double Loss, double Nll, double LoadBalancing, double RouterZ, double GradientNorm, double LearningRate);
