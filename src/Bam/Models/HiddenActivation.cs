using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>What stands between a feed-forward's projections: hidden_act, with or without a gate.</summary>
internal static class HiddenActivation
{
    /// <summary>[n, 2f] of gate and up, or [n, f] of up alone, to [n, f].</summary>
    public static Tensor Apply(Tensor projected, ModelConfig config)
    {
        if (config is { GatedMlp: true, HiddenAct: "silu" }) return SwiGluFunction.Apply(projected);
        if (!config.GatedMlp) return Activate(projected, config);
        using var scope = TensorScope.Open();
        var width = projected.Size(1) / 2;
        return scope.Keep(Activate(projected.Narrow(1, 0, width), config) * projected.Narrow(1, width, width));
    }

    private static Tensor Activate(Tensor x, ModelConfig config) => config.HiddenAct switch
    {
        "silu" => x.Silu(),
        "gelu" => x.Gelu(),
        _ => x.GeluTanh(),
    };
}
