using Bam.Models;
using Bam.Torch;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW over the parameter arena. Only the ranges of trained parameters have moments and are written; weight decay applies to
/// matrices, not to norms.
/// </summary>
internal abstract class AdamW : IDisposable
{
    /// <summary>Allocates moments of zero.</summary>
    /// <param name="arena">Values and gradients.</param>
    /// <param name="ranges">What is trained, as <see cref="ParameterRange.Join"/> gives it.</param>
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

    /// <summary>The optimizer for a model, by its device; parameters that are not trained stop collecting gradients.</summary>
    /// <param name="model">What to train.</param>
    /// <param name="trained">The checkpoint's names of the trained parameters.</param>
    public static AdamW For(LanguageModel model, IReadOnlySet<string> trained)
    {
        var slices = model.Slices.Where(s => trained.Contains(s.Parameter.Name)).ToArray();
        var ranges = ParameterRange.Join(slices.Select(s => new ParameterRange(s.Offset, s.Count, s.IsMatrix)));
        Freeze(model.Parameters, ranges);
        return model.Device.IsCpu ? new CpuAdamW(model.Parameters, ranges) : new OperatorAdamW(model.Parameters, ranges);
    }

    /// <summary>Where the moments of a part of the arena lie.</summary>
    /// <param name="offset">The part's first element in the arena; the part is trained.</param>
    public long MomentOffsetOf(long offset)
    {
        var range = Ranges.Single(r => r.Offset <= offset && offset < r.Offset + r.Count);
        return range.MomentOffset + offset - range.Offset;
    }

    /// <summary>The global norm of the trained parameters' gradients.</summary>
    public abstract double GradientNorm();

    /// <summary>Updates values and moments, then sets all gradients to zero.</summary>
    public abstract void Update(in AdamWStep step);

    /// <inheritdoc/>
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
