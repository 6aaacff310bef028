using Bam.Models;
using Bam.Torch;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW over the parameter arena. Only the ranges of trained parameters have moments and are written; weight decay applies to
/// matrices, not to norms.
/// </summary>
internal abstract class AdamW : IDisposable
{
    /// <summary>Allocates moments of zero for ranges as <see cref="ParameterRange.Join"/> gives them.</summary>
    protected AdamW(ParameterArena arena, IReadOnlyList<ParameterRange> ranges)
    {
        Arena = arena;
        Ranges = ranges;
        var count = ranges.Sum(r => r.Count);
        Means = Tensor.Zeros([count], device: arena.Values.Device).DetachFromScope();
        Squares = Tensor.Zeros([count], device: arena.Values.Device).DetachFromScope();
    }

    /// <summary>The running means of the gradients (PyTorch's exp_avg), [trained parameters].</summary>
    public Tensor Means { get; }

    /// <summary>The running means of their squares (PyTorch's exp_avg_sq), [trained parameters].</summary>
    public Tensor Squares { get; }

    /// <summary>What is trained, in the arena's order.</summary>
    public IReadOnlyList<ParameterRange> Ranges { get; }

    /// <summary>Values and gradients.</summary>
    protected ParameterArena Arena { get; }

    /// <summary>The optimizer for a model, by its device; only the parameters of these names collect gradients.</summary>
    public static AdamW For(LanguageModel model, IReadOnlySet<string> trained)
    {
        var slices = model.Slices.Where(s => trained.Contains(s.Parameter.Name)).ToArray();
        var ranges = ParameterRange.Join(slices.Select(s => new ParameterRange(s.Offset, s.Count, s.IsMatrix)));
        Freeze(model.Parameters, ranges);
        return model.Device.IsCpu ? new CpuAdamW(model.Parameters, ranges) : new OperatorAdamW(model.Parameters, ranges);
    }

    /// <summary>The offset of the moments of a trained part of the arena.</summary>
    public long MomentOffsetOf(long offset)
    {
        var range = Ranges.Single(r => r.Offset <= offset && offset < r.Offset + r.Count);
        return range.MomentOffset + offset - range.Offset;
    }

    /// <summary>The global norm of the trained parameters' gradients.</summary>
    public abstract double GradientNorm();

    /// <summary>Updates values and moments, then sets all gradients to zero.</summary>
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

/// <summary>A range of the parameter arena that the optimizer treats in one way.</summary>
/// <param name="Offset">The first element in the arena.</param>
/// <param name="Count">The elements.</param>
/// <param name="Decays">True: weight decay applies (matrices).</param>
/// <param name="MomentOffset">The first element in the moments, which hold trained parameters only.</param>
internal readonly record struct ParameterRange(long Offset, long Count, bool Decays, long MomentOffset = 0)
{
    /// <summary>Sorts ranges, joins those that touch and are treated alike, and lays their moments side by side.</summary>
    public static IReadOnlyList<ParameterRange> Join(IEnumerable<ParameterRange> ranges)
    {
        var joined = new List<ParameterRange>();
        var moments = 0L;
        foreach (var range in ranges.OrderBy(r => r.Offset))
        {
            if (joined.Count > 0 && joined[^1] is var last
                && last.Offset + last.Count == range.Offset && last.Decays == range.Decays)
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
            yield return new(Offset + done, Math.Min(size, Count - done), Decays, MomentOffset + done);
    }
}
