using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// Tells during backward which gradients are complete. Backward comes first to the final norm and the output head, whose layer
/// is the number of blocks, then to the last block, and so on. Token embeddings are complete when it has ended.
/// </summary>
/// <param name="reached">
/// Receives a layer: the gradients of the parameters of this layer and of those above it will not change until backward ends.
/// Layers below the lowest trained parameter are not reported.
/// </param>
internal sealed class BackwardProgress(Action<int> reached)
{
    /// <summary>The layer with which a parameter's gradient is complete; -1: at the end of backward.</summary>
    public static int LayerOf(ParameterInfo parameter, ModelConfig config) =>
        parameter.Kind == ParameterKind.Embedding ? -1 : parameter.Layer >= 0 ? parameter.Layer : config.NumHiddenLayers;

    /// <summary>Passes on the input of a layer.</summary>
    public Tensor Mark(Tensor x, int layer) =>
        Autograd.IsEnabled ? BackwardHookFunction.Apply(x, () => reached(layer)) : x;
}
