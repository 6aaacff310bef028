using Bam.Checkpoints;

namespace Bam.Cli;

/// <summary>The dtype of what is written, as an option has it.</summary>
internal static class DtypeOption
{
    /// <summary>The dtype, or null where none was given.</summary>
    /// <exception cref="InvalidInputException">It is no floating-point dtype.</exception>
    public static TensorDtype? Parse(string? name)
    {
        if (name is null) return null;
        return TensorDtypes.FromTorchName(name) is { IsFloatingPoint: true } dtype
            ? dtype
            : throw new InvalidInputException("--dtype", "float32, bfloat16, float16 or float64", name, "choose one of these");
    }
}
