using System.Globalization;

namespace Bam.Checkpoints;

/// <summary>Names of tensors in messages.</summary>
internal static class TensorNames
{
    /// <summary>The first of several tensors with the number of the others: "lm_head.weight (and 17 more)".</summary>
    public static string WithMore(string name, int others) => others == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name} (and {others:N0} more)");
}
