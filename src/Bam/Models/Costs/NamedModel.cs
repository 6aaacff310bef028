using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>A model that need not exist, with the name that a table gives it.</summary>
/// <param name="Name">As "BAM shared KV".</param>
/// <param name="Config">Its sizes.</param>
internal sealed record NamedModel(string Name, ModelConfig Config);
