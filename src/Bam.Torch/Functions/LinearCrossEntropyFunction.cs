using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// The output head and its cross entropy in one: rows are taken in chunks, and each chunk's gradient is formed while its logits
/// are there, so that [n, V] logits never exist as a whole.
/// </summary>
internal sealed class LinearCrossEntropyFunction : AutogradFunction
{
    /// <summary>A target that does not count.</summary>
    public const long IgnoreIndex = CrossEntropyRows.IgnoreIndex;

    // Each chunk reads the head twice and rewrites its gradient, which a few rows would not repay; of a small vocabulary more
    // rows fit the cache.
    private const int FewestRows = 256;
    private const long CacheBytes = 4 << 20;

    // A GPU's kernels take longer to start than to run on less.
    private const long GpuBytes = 256 << 20;

    private readonly Parameter head;
    private readonly Parameter? bias;

    private LinearCrossEntropyFunction(Parameter head, Parameter? bias) => (this.head, this.bias) = (head, bias);

    /// <summary>The most rows whose logits exist at once.</summary>
    public static long ChunkRows(long vocabulary, Device device) =>
        Math.Max(FewestRows, (device.IsCpu ? CacheBytes : GpuBytes) / (vocabulary * sizeof(float)));

    /// <summary>The mean negative log-likelihood, in nats, over the targets that count; 0 if none does.</summary>
    /// <param name="x">[n, d].</param>
    /// <param name="head">[V, d].</param>
    /// <param name="targets">[n], int64; <see cref="IgnoreIndex"/> does not count.</param>
    /// <param name="logitScale">Multiplies the logits.</param>
    /// <param name="bias">[V], added before the logits are scaled; null for none.</param>
    /// <param name="softCap">c of the scaled logits' soft cap, c · tanh(logit / c); null for none.</param>
    /// <returns>A scalar in float32.</returns>
    /// <exception cref="ArgumentException">
    /// The targets are of another dtype, device or number, or on the processor one is no row of the head.
    /// </exception>
    public static Tensor Apply(
        Tensor x, Parameter head, Tensor targets, double logitScale, Parameter? bias = null, double? softCap = null)
    {
        Arguments.Require(targets, nameof(targets), ScalarType.Int64, x.Device, x.Size(0));
        using var scope = TensorScope.Open();
        targets = targets.Contiguous();
        var trainsBias = bias is { IsTrained: true };
        var withGradient = Autograd.IsEnabled && (x.RequiresGrad || head.IsTrained || trainsBias);
        Tensor loss, gradX, gradHead, gradBias;
        using (NoGrad.Enter())
        {
            var (rows, vocabulary) = (x.Size(0), head.Value.Size(0));
            var chunk = ChunkRows(vocabulary, x.Device);
            var counted = targets.Ne(IgnoreIndex).Sum().ClampMin(1);  // scalar, int64
            var matrix = head.Value.To(x.ScalarType);
            var losses = Tensor.Zeros([rows], ScalarType.Float32, x.Device);
            gradX = Tensor.Empty(withGradient ? x.Shape : [0], x.ScalarType, x.Device);
            gradHead = Tensor.Zeros(withGradient && head.IsTrained ? head.Value.Shape : [0], ScalarType.Float32, x.Device);
            gradBias = Tensor.Zeros(withGradient && trainsBias ? bias!.Value.Shape : [0], ScalarType.Float32, x.Device);
            for (long start = 0; start < rows; start += chunk)
            {
                using var chunkScope = TensorScope.Open();
                var count = Math.Min(chunk, rows - start);
                var part = x.Narrow(0, start, count);
                var logits = part.MatMul(matrix.Transpose(0, 1)).To(ScalarType.Float32);  // [chunk, V]
                if (bias is not null) logits.Add_(bias.Value);
                if (logitScale != 1) logits.Mul_(logitScale);
                var slope = softCap is { } cap ? Cap(logits, cap, withGradient) : null;
                CrossEntropyRows.Apply(logits, targets.Narrow(0, start, count), losses.Narrow(0, start, count), withGradient);
                if (!withGradient) continue;
                if (slope is not null) logits.Mul_(slope);
                if (trainsBias) gradBias.Add_(logits.Sum(0), logitScale);
                if (logitScale != 1) logits.Mul_(logitScale);
                var gradLogits = logits.To(x.ScalarType);
                gradX.Narrow(0, start, count).Copy_(gradLogits.MatMul(matrix));
                if (head.IsTrained) LinearFunction.AddProduct(gradHead, gradLogits, part);
            }

            loss = losses.Sum() / counted;
            gradX.Div_(counted);
            gradHead.Div_(counted);
            gradBias.Div_(counted);
        }

        Tensor[] inputs = bias is null ? [x, head.Leaf] : [x, head.Leaf, bias.Leaf];
        new LinearCrossEntropyFunction(head, bias).Attach(inputs, [loss], [gradX, gradHead, gradBias]);
        return scope.Keep(loss);
    }

    // Caps the logits in place; returns the derivative of the capped ones, 1 - tanh².
    private static Tensor? Cap(Tensor logits, double cap, bool withDerivative)
    {
        var tanh = (logits * (1 / cap)).Tanh();
        logits.Copy_(tanh).Mul_(cap);
        return withDerivative ? 1 - tanh.Square() : null;
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var upstream = gradOutputs[0]!;
        gradInputs[0] = saved[0] * upstream.To(saved[0].ScalarType);
        if (NeedsInputGrad[1]) this.head.Gradient.AddCMul_(saved[1], upstream);
        if (this.bias is { } bias && NeedsInputGrad[2]) bias.Gradient.AddCMul_(saved[2], upstream);
    }
}
