using Bam.Torch;

namespace Bam.Models;

/// <summary>The training loss and its parts: L = NLL + Σ over layers of (α · LB + β · Z).</summary>
/// <param name="Total">Scalar; carries the graph.</param>
/// <param name="Nll">Scalar, mean negative log-likelihood in nats.</param>
/// <param name="LoadBalancing">[L], 0 for blocks without feed-forward experts.</param>
/// <param name="RouterZ">[L], likewise.</param>
internal sealed record LossTerms(Tensor Total, Tensor Nll, Tensor LoadBalancing, Tensor RouterZ);
