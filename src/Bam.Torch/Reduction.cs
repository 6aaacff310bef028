namespace Bam.Torch;

/// <summary>How a loss is reduced, with libtorch's numbers.</summary>
internal enum Reduction
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>Their mean.</summary>
    Mean = 1,

    /// <summary>Their sum.</summary>
    Sum = 2,
}
