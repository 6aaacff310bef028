namespace Bam.Experiments.Recipes;

/// <summary>How the domains' shares of a mixture's training are found.</summary>
internal enum ShareBy
{
    /// <summary>The same share for every domain, as in the paper.</summary>
    Equal,

    /// <summary>In proportion to the domains' training tokens.</summary>
    Size,

    /// <summary>In proportion to the untrained mixture's loss on the domains' held-out text: more of what is harder.</summary>
    HeldOutLoss,
}
