using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>A block's output from the residual stream, [B, T, d] to [B, T, d].</summary>
internal delegate Tensor BlockForward(Tensor x, BlockWeights block, ForwardContext context);

/// <summary>Activation checkpointing of one block: of its activations only the input stays in memory until backward.</summary>
internal static class BlockCheckpoint
{
    /// <summary>Computes the block. Its router losses and observers count it once, although backward computes it again.</summary>
    /// <param name="x">[B, T, d].</param>
    /// <param name="block">Its weights.</param>
    /// <param name="leaves">All leaves that it uses, see <see cref="ActivationCheckpointFunction.Apply"/>.</param>
    /// <param name="context">Of the pass.</param>
    /// <param name="forward">Computes the block.</param>
    /// <returns>[B, T, d].</returns>
    public static Tensor Apply(
        Tensor x, BlockWeights block, IReadOnlyList<Tensor> leaves, ForwardContext context, BlockForward forward)
    {
        using var scope = TensorScope.Open();
        var (device, observers, hasLosses) = (x.Device, context.Observers, context.RouterLosses is not null);
        // Backward needs the losses' tensors and not the list that they are in.
        var bare = context with { Observers = null, RouterLosses = null };
        var outputs = ActivationCheckpointFunction.Apply(x, leaves, Compute);
        context.RouterLosses?.AddParts(outputs.AsSpan(1));
        return scope.Keep(outputs[0]);

        Tensor[] Compute(Tensor input, bool isRepeated)
        {
            using var inner = TensorScope.Open();
            using var losses = new RouterLosses(device);
            var y = forward(input, block, bare with
            {
                Observers = isRepeated ? null : observers,
                RouterLosses = hasLosses ? losses : null,
            });
            return inner.Keep([y, .. losses.PartsOfBlock()]);
        }
    }
}
