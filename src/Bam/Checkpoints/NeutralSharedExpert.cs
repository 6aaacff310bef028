namespace Bam.Checkpoints;

/// <summary>
/// A shared expert that adds 0 to every token, for forms whose mixtures always have one (Qwen2-MoE). Its projections are 0. Its
/// gate is 1: llama.cpp computes sigmoid(g) as silu(g) / g, which is not a number where the gate is 0.
/// </summary>
internal static class NeutralSharedExpert
{
    /// <summary>
    /// The width: whole blocks of llama.cpp's types (32 and 256 numbers), and a multiple of 32 for each of up to 8 GPUs between
    /// which vLLM divides it.
    /// </summary>
    public const int Width = 256;

    /// <summary>The model with the expert, unless it has a shared expert of its own.</summary>
    public static ModelConfig AddTo(ModelConfig config) =>
        config with { SharedExpertIntermediateSize = config.SharedExpertIntermediateSize ?? Width };

    /// <summary>All numbers of one of its parameters; null for a parameter of another module.</summary>
    public static float? ValueOf(ParameterInfo parameter) => parameter.Kind switch
    {
        ParameterKind.SharedExpertGate => 1,
        ParameterKind.SharedGate or ParameterKind.SharedUp or ParameterKind.SharedDown => 0,
        _ => null,
    };
}
