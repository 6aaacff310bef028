using Bam.Models;
using Bam.Torch;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW over the parameter arena. Only the ranges of trained parameters have moments and are written; weight decay applies to
/// matrices, not to norms. With a <see cref="MomentShards"/> of several, this optimizer has the moments of one, and updates its
/// values only.
/// </summary>
internal abstract class AdamW : IDisposable
{
    /// <summary>Allocates moments of zero for ranges as <see cref="ParameterRange.Join"/> gives them.</summary>
    protected AdamW(ParameterArena arena, IReadOnlyList<ParameterRange> ranges, int shards, int shard)
    {
        Arena = arena;
        Ranges = ranges;
        Shards = new(ranges, shards);
        Shard = shard;
        Means = Tensor.Zeros([Shards.CountOf(shard)], device: arena.Values.Device).DetachFromScope();
        Squares = Tensor.Zeros([Shards.CountOf(shard)], device: arena.Values.Device).DetachFromScope();
    }

    /// <summary>The running means of the gradients (PyTorch's exp_avg), [trained parameters of the shard].</summary>
    public Tensor Means { get; }

    /// <summary>The running means of their squares (PyTorch's exp_avg_sq), [trained parameters of the shard].</summary>
    public Tensor Squares { get; }

    /// <summary>What is trained, in the arena's order.</summary>
    public IReadOnlyList<ParameterRange> Ranges { get; }

    /// <summary>How the moments are divided among optimizers.</summary>
    public MomentShards Shards { get; }

    /// <summary>The shard of this optimizer.</summary>
    public int Shard { get; }

    /// <summary>The trained ranges of the shard, in pieces of at most <see cref="MomentShards.ChunkSize"/>.</summary>
    protected IReadOnlyList<ParameterRange> Owned => Shards.ChunksOf(Shard);

    /// <summary>Values and gradients.</summary>
    protected ParameterArena Arena { get; }

    /// <summary>The optimizer for a model, by its device; only the parameters of these names collect gradients.</summary>
    /// <param name="model">Values and gradients.</param>
    /// <param name="trained">Names of the checkpoint's tensors.</param>
    /// <param name="shards">The optimizers that divide the moments.</param>
    /// <param name="shard">The place of this one among them, from 0.</param>
    public static AdamW For(LanguageModel model, IReadOnlySet<string> trained, int shards = 1, int shard = 0)
    {
        var slices = model.Slices.Where(s => trained.Contains(s.Parameter.Name)).ToArray();
        var isShared = model.Experts.Size > 1;
        var ranges = ParameterRange.Join(slices.Select(s => new ParameterRange(s.Offset, s.Count, s.IsMatrix)
        {
            IsLocal = isShared && s.Parameter.Expert >= 0,
        }));
        Freeze(model.Parameters, ranges);
        return model.Device.IsCpu
            ? new CpuAdamW(model.Parameters, ranges, shards, shard)
            : new OperatorAdamW(model.Parameters, ranges, shards, shard);
    }

    /// <summary>The offset of the moments of a trained part of the arena, among the moments of all shards.</summary>
    public long MomentOffsetOf(long offset)
    {
        var range = Ranges.Single(r => r.Offset <= offset && offset < r.Offset + r.Count);
        return range.MomentOffset + offset - range.Offset;
    }

    /// <summary>The sums of squares of the gradients of the shard's parameters.</summary>
    public abstract SquaredNorm GradientSquares();

    /// <summary>The norm of the gradients of the shard's parameters.</summary>
    public double GradientNorm() => Math.Sqrt(GradientSquares().Total);

    /// <summary>Updates the shard's values and moments, then sets all gradients to zero.</summary>
    public abstract void Update(in AdamWStep step);

    public virtual void Dispose()
    {
        Means.Dispose();
        Squares.Dispose();
        GC.SuppressFinalize(this);
    }

    private static void Freeze(ParameterArena arena, IReadOnlyList<ParameterRange> ranges)
    {
        foreach (var name in arena.Names)
        {
            var (start, end) = (arena.OffsetOf(name), arena.OffsetOf(name) + arena[name].Count);
            arena[name].RequiresGrad = ranges.Any(r => r.Offset < end && start < r.Offset + r.Count);
        }
    }
}

/// <summary>The numbers of one AdamW update (Loshchilov and Hutter 2019, Algorithm 2; torch.optim.AdamW).</summary>
/// <param name="Count">t, the updates including this one, from 1.</param>
/// <param name="LearningRate">The schedule's rate.</param>
/// <param name="Beta1">β₁, the decay of the mean.</param>
/// <param name="Beta2">β₂, the decay of the squares' mean.</param>
/// <param name="Epsilon">Added to the divisor.</param>
/// <param name="WeightDecay">Times the learning rate: the decayed part of a matrix.</param>
/// <param name="GradientScale">Multiplies every gradient first: clipping, and 1/n of n accumulated micro-batches.</param>
internal readonly record struct AdamWStep(
    long Count, double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double GradientScale)
{
    /// <summary>LearningRate / (1 - β₁ᵗ), times the mean.</summary>
    public double StepSize => LearningRate / (1 - Math.Pow(Beta1, Count));

    /// <summary>1 / √(1 - β₂ᵗ), times the root of the squares' mean.</summary>
    public double RootScale => 1 / Math.Sqrt(1 - Math.Pow(Beta2, Count));

    /// <summary>The decayed part of a matrix.</summary>
    public double Decay => LearningRate * WeightDecay;
}

/// <summary>A sum of squares over parameters.</summary>
/// <param name="Replicated">Of those that every process of an expert group has.</param>
/// <param name="Local">Of those that this process alone has in its expert group.</param>
internal readonly record struct SquaredNorm(double Replicated, double Local)
{
    public double Total => Replicated + Local;
}

/// <summary>A range of the parameter arena that the optimizer treats in one way.</summary>
/// <param name="Offset">The first element in the arena.</param>
/// <param name="Count">The elements.</param>
/// <param name="Decays">True: weight decay applies (matrices).</param>
/// <param name="MomentOffset">The first element in the moments, which hold trained parameters only.</param>
internal readonly record struct ParameterRange(long Offset, long Count, bool Decays, long MomentOffset = 0)
{
    /// <summary>True for parameters of experts that this process alone has in its expert group.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Sorts ranges, joins those that touch and are treated alike, and lays their moments side by side.</summary>
    public static IReadOnlyList<ParameterRange> Join(IEnumerable<ParameterRange> ranges)
    {
        var joined = new List<ParameterRange>();
        var moments = 0L;
        foreach (var range in ranges.OrderBy(r => r.Offset))
        {
            if (joined.Count > 0 && joined[^1] is var last
                && last.Offset + last.Count == range.Offset && (last.Decays, last.IsLocal) == (range.Decays, range.IsLocal))
            {
                joined[^1] = last with { Count = last.Count + range.Count };
            }
            else
            {
                joined.Add(range with { MomentOffset = moments });
            }

            moments += range.Count;
        }

        return joined;
    }

    /// <summary>The range in pieces of at most <paramref name="size"/> elements.</summary>
    public IEnumerable<ParameterRange> Chunks(long size)
    {
        for (var done = 0L; done < Count; done += size)
            yield return this with
            {
                Offset = Offset + done, Count = Math.Min(size, Count - done), MomentOffset = MomentOffset + done,
            };
    }
}
