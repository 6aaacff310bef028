using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Checkpoints.Adapters;

/// <summary>Holds the factors of the modules that were read last: memory does not grow with an adapter's modules.</summary>
internal sealed class FactorCache
{
    private readonly Lock gate = new();
    private readonly List<(string Module, Lazy<LowRankFactors> Factors)> held = [];

    /// <summary>One module for each thread, and some that are about to be finished.</summary>
    private static int Capacity => OrderedPieces.Threads + 2;

    /// <summary>The factors of a module; they are read if they are not held.</summary>
    /// <exception cref="InvalidInputException">They cannot be read.</exception>
    public LowRankFactors Get(string module, Func<LowRankFactors> read)
    {
        (string Module, Lazy<LowRankFactors> Factors) entry;
        lock (gate)
        {
            var at = held.FindIndex(other => other.Module == module);
            entry = at < 0 ? (module, new Lazy<LowRankFactors>(read)) : held[at];
            if (at >= 0) held.RemoveAt(at);
            else if (held.Count == Capacity) held.RemoveAt(0);
            held.Add(entry);
        }

        return entry.Factors.Value;
    }
}
