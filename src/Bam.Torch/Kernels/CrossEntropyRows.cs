using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>Softmax cross entropy of every row of a chunk of logits, and its gradient in the logits' place.</summary>
internal static unsafe class CrossEntropyRows
{
    /// <summary>A target that does not count.</summary>
    public const long IgnoreIndex = -100;

    private const int Lanes = 16;

    private static readonly Operator s_exponential = Operator.Get("aten::exp", "out");

    /// <summary>Writes -log softmax(logits)[target] and, if asked, turns the logits into softmax - onehot(target).</summary>
    /// <param name="logits">[n, V] in float32, overwritten when <paramref name="withGradient"/>.</param>
    /// <param name="targets">[n], int64, contiguous; <see cref="IgnoreIndex"/> gives a loss and a gradient of 0.</param>
    /// <param name="losses">[n], written.</param>
    /// <param name="withGradient">Whether the gradient is wanted.</param>
    /// <exception cref="ArgumentOutOfRangeException">On the processor: a target is no column of the logits.</exception>
    public static void Apply(Tensor logits, Tensor targets, Tensor losses, bool withGradient)
    {
        if (logits.Device.IsCpu) RequireColumns(targets.AsSpan<long>(), logits.Size(1));
        if (logits.Device.IsCpu && SmallGemm.IsSupported && logits.Size(1) % Lanes == 0)
        {
            var values = (float*)logits.DataPointer;
            var target = (long*)targets.DataPointer;
            var loss = (float*)losses.DataPointer;
            var vocabulary = (int)logits.Size(1);
            ParallelLoop.For((int)logits.Size(0), row =>
            {
                var own = values + (long)row * vocabulary;
                loss[row] = Vector512.IsHardwareAccelerated
                    ? Row<WideVector>(own, vocabulary, target[row], withGradient)
                    : Row<PairedVector>(own, vocabulary, target[row], withGradient);
            });
            return;
        }

        using var scope = TensorScope.Open();
        var counted = targets.Ne(IgnoreIndex);
        var column = (targets * counted).Unsqueeze(1);  // [n, 1]
        var logProbabilities = logits.LogSoftmax(-1);
        losses.Copy_(-logProbabilities.Gather(1, column).Squeeze(1) * counted);
        if (!withGradient) return;
        s_exponential.Invoke(logProbabilities, logits);
        logits.Scatter_(1, column, logits.Gather(1, column) - 1).Mul_(counted.Unsqueeze(1));
    }

    // On a GPU libtorch's operators refuse such targets; here they would be read and written outside the logits.
    private static void RequireColumns(ReadOnlySpan<long> targets, long vocabulary)
    {
        foreach (var target in targets)
        {
            if ((ulong)target >= (ulong)vocabulary && target != IgnoreIndex)
                throw new ArgumentOutOfRangeException(
                    nameof(targets), $"expected 0 … {vocabulary - 1}, or {IgnoreIndex} for none, found {target}");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row<TVector>(float* logits, int vocabulary, long target, bool withGradient)
        where TVector : struct, IWideVector<TVector>
    {
        if (target == IgnoreIndex)
        {
            if (withGradient) new Span<float>(logits, vocabulary).Clear();
            return 0;
        }

        var max = VectorMath.Max<TVector>(logits, vocabulary);
        var targetLogit = logits[target];
        var sums = TVector.Create(0);
        for (var i = 0; i < vocabulary; i += TVector.Count)
        {
            var e = VectorMath.Exp(TVector.Load(logits + i) - TVector.Create(max));
            sums += e;
            if (withGradient) TVector.Store(e, logits + i);
        }

        var sum = TVector.Sum(sums);
        if (withGradient)
        {
            var normaliser = TVector.Create(1 / sum);
            for (var i = 0; i < vocabulary; i += TVector.Count) TVector.Store(TVector.Load(logits + i) * normaliser, logits + i);
            logits[target] -= 1;
        }

        return max + MathF.Log(sum) - targetLogit;
    }
}
