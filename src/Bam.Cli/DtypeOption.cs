using Bam.Checkpoints.Safetensors;

namespace Bam.Cli;

/// <summary>The dtype of what is written, as an option has it.</summary>
internal static class DtypeOption
{
    /// <summary>The dtype, or null where none was given.</summary>
    /// <param name="name">What was given.</param>
    /// <param name="others">What else the option takes, for the message: "q8_0 (gguf)".</param>
    /// <exception cref="InvalidInputException">It is no floating-point dtype.</exception>
    public static TensorDtype? Parse(string? name, string? others = null)
    {
        if (name is null) return null;
        return TensorDtypes.FromTorchName(name) is { IsFloatingPoint: true } dtype
            ? dtype
            : throw new InvalidInputException("--dtype", others is null ? "float32, bfloat16, float16 or float64" : $"float32, bfloat16, float16, float64 or {others}", name, "choose one of these");
    }
}
