using System.Numerics.Tensors;

namespace Bam.Generation;

/// <summary>Options of sampling. Applied in this order: temperature, top-k, top-p.</summary>
public sealed record SamplerOptions
{
    /// <summary>Divides the logits; 0 for greedy decoding.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the k most probable tokens; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>
    /// Keeps the most probable tokens whose probabilities sum to at least this (nucleus sampling, Holtzman et al. 2020).
    /// </summary>
    public double TopP { get; init; } = 1;

    /// <summary>Seed of the random numbers: the same seed, model and prompt give the same text.</summary>
    public long Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    internal void Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature)))
            throw new InvalidInputException(
                "--temperature", "0 (always the most probable token) or a number above", $"{Temperature}",
                "1 samples from the model's own probabilities");
        if (TopK is < 1)
            throw new InvalidInputException("--top-k", "a number above 0", $"{TopK}", "leave it out to choose from all tokens");
        if (!(TopP is > 0 and <= 1))
            throw new InvalidInputException(
                "--top-p", "a number above 0, up to 1", $"{TopP}", "leave it out to choose from all tokens");
    }
}

/// <summary>Samples tokens from logits.</summary>
/// <remarks>
/// Each sample uses one uniform number u in [0, 1) from <c>RandomStream(seed, "generate")</c>, in order; greedy decoding uses
/// none. Candidates are ordered by id or, after top-k or top-p, by descending probability, then id. The first candidate at which
/// the cumulative weight exceeds u times the total is taken. All computation is in double precision.
/// </remarks>
internal sealed class Sampler
{
    private readonly SamplerOptions options;
    private readonly List<Candidate> candidates = [];
    private RandomStream random;

    /// <summary>Starts the random stream.</summary>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    public Sampler(SamplerOptions options)
    {
        options.Validate();
        this.options = options;
        random = new RandomStream(options.Seed, "generate");
    }

    /// <summary>The next token's id, from logits [V].</summary>
    /// <exception cref="WorkFailedException">A logit is NaN or infinite.</exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        var best = Largest(logits);
        if (options.Temperature == 0) return best;

        var total = Weigh(logits, logits[best]);
        if (options.TopK is { } k && k < candidates.Count) total = KeepLargest(k);
        if (options.TopP < 1) total = KeepNucleus(total);
        var rest = random.NextDouble() * total;
        foreach (var candidate in candidates)
        {
            rest -= candidate.Weight;
            if (rest < 0) return candidate.Id;
        }

        return best;  // rounding error
    }

    // The first one in case of ties.
    private static int Largest(ReadOnlySpan<float> logits)
    {
        if (TensorPrimitives.IsFiniteAll(logits)) return TensorPrimitives.IndexOfMax(logits);
        var id = 0;
        while (float.IsFinite(logits[id])) id++;
        throw new WorkFailedException(
            $"the score of token {id} is {logits[id]}: the model's weights are damaged, or its training diverged");
    }

    // The largest weight is 1. Returns the sum.
    private double Weigh(ReadOnlySpan<float> logits, double largest)
    {
        candidates.Clear();
        var total = 0.0;
        for (var id = 0; id < logits.Length; id++)
        {
            var weight = Math.Exp((logits[id] - largest) / options.Temperature);
            candidates.Add(new(id, weight));
            total += weight;
        }

        return total;
    }

    private double KeepLargest(int count)
    {
        var largest = new PriorityQueue<double, double>(count);
        foreach (var (_, weight) in candidates)
        {
            if (largest.Count < count) largest.Enqueue(weight, weight);
            else if (weight > largest.Peek()) largest.DequeueEnqueue(weight, weight);
        }

        KeepSorted(atLeast: largest.Peek());
        candidates.RemoveRange(count, candidates.Count - count);
        return candidates.Sum(candidate => candidate.Weight);
    }

    private double KeepNucleus(double total)
    {
        // Tokens below this weight cannot be in the nucleus even if all are added up: most of the vocabulary need not be sorted.
        KeepSorted(atLeast: (1 - options.TopP) * total / candidates.Count);
        var (kept, sum) = (0, 0.0);
        while (kept < candidates.Count && sum < options.TopP * total) sum += candidates[kept++].Weight;
        candidates.RemoveRange(kept, candidates.Count - kept);
        return sum;
    }

    private void KeepSorted(double atLeast)
    {
        candidates.RemoveAll(candidate => candidate.Weight < atLeast);
        candidates.Sort(static (a, b) => a.Weight == b.Weight ? a.Id.CompareTo(b.Id) : b.Weight.CompareTo(a.Weight));
    }

    private readonly record struct Candidate(int Id, double Weight);
}
