using Bam.Checkpoints;

namespace Bam.Exporting.Gguf;

/// <summary>The tensors of llama.cpp's "llama" architecture, which Llama, Mistral and Mixtral share, from the parameters of a model.</summary>
internal static class GgufTensors
{
    /// <summary>All tensors, in the order of the model.</summary>
    /// <param name="config">The model.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="type">How matrices are stored; norms, biases and routers are float32.</param>
    public static IReadOnlyList<GgufTensor> Of(ModelConfig config, IReadOnlyList<ParameterInfo> parameters, GgufTensorType type)
    {
        var tensors = parameters
            .GroupBy(NameOf)
            .Select(group => Stack(group.Key, [.. group], config, type))
            .ToList();
        if (config.RopeScaling is { Type: RopeScalingType.Llama3 } scaling) tensors.Add(RotaryFactors(config, scaling));
        return tensors;
    }

    /// <summary>The name of a parameter's tensor; the experts of a block share one.</summary>
    private static string NameOf(ParameterInfo parameter)
    {
        var suffix = parameter.IsBias ? "bias" : "weight";
        var stack = parameter.Expert >= 0 ? "_exps" : "";
        var block = $"blk.{parameter.Layer}";
        return parameter.Kind switch
        {
            ParameterKind.Embedding => $"token_embd.{suffix}",
            ParameterKind.Head => $"output.{suffix}",
            ParameterKind.Norm when parameter.Layer < 0 => $"output_norm.{suffix}",
            ParameterKind.Norm when parameter.Name.Contains("input_layernorm", StringComparison.Ordinal) => $"{block}.attn_norm.{suffix}",
            ParameterKind.Norm => $"{block}.ffn_norm.{suffix}",
            ParameterKind.Query => $"{block}.attn_q.{suffix}",
            ParameterKind.Key => $"{block}.attn_k.{suffix}",
            ParameterKind.Value => $"{block}.attn_v.{suffix}",
            ParameterKind.Output => $"{block}.attn_output.{suffix}",
            ParameterKind.FeedForwardRouter => $"{block}.ffn_gate_inp.{suffix}",
            ParameterKind.Gate => $"{block}.ffn_gate{stack}.{suffix}",
            ParameterKind.Up => $"{block}.ffn_up{stack}.{suffix}",
            ParameterKind.Down => $"{block}.ffn_down{stack}.{suffix}",
            _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter.Kind, "has no place in the architecture"),
        };
    }

    private static GgufTensor Stack(string name, IReadOnlyList<ParameterInfo> parts, ModelConfig config, GgufTensorType type)
    {
        var first = parts[0];
        long[] shape = first.Expert >= 0 ? [parts.Count, .. first.Shape] : first.Shape;
        var isRotated = first.Kind is ParameterKind.Query or ParameterKind.Key && !config.RopeInterleaved;
        return new(name, shape, TypeOf(first, type), parts) { RotaryHeadDim = isRotated ? config.HeadDim : 0 };
    }

    /// <summary>As llama.cpp's own converter chooses: rows that are no whole number of blocks become float16.</summary>
    private static GgufTensorType TypeOf(ParameterInfo parameter, GgufTensorType type)
    {
        if (parameter.Shape.Length == 1 || parameter.Kind == ParameterKind.FeedForwardRouter) return GgufTensorType.F32;
        return type == GgufTensorType.Q8 && parameter.Shape[^1] % Q8Block.Length != 0 ? GgufTensorType.F16 : type;
    }

    /// <summary>What llama.cpp divides each rotary frequency by.</summary>
    private static GgufTensor RotaryFactors(ModelConfig config, RopeScaling scaling)
    {
        var factors = new float[config.RotaryDim / 2];
        for (var pair = 0; pair < factors.Length; pair++)
        {
            var frequency = Math.Pow(config.RopeTheta, -2.0 * pair / config.RotaryDim);
            factors[pair] = (float)(frequency / scaling.Scale(frequency));
        }

        return new("rope_freqs.weight", [factors.Length], GgufTensorType.F32, []) { Values = factors };
    }
}
