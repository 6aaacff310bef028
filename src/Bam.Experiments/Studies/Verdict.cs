namespace Bam.Experiments.Studies;

/// <summary>What a study's units say about a model that is to be better than another; the stronger, the smaller.</summary>
internal enum Verdict
{
    /// <summary>The whole 95 % interval of the difference lies below 0.</summary>
    Holds,

    /// <summary>The mean difference is below 0, and its interval includes 0.</summary>
    HoldsInMean,

    /// <summary>The difference is below 0 with the only seed number there is.</summary>
    HeldOnce,

    /// <summary>There are no figures.</summary>
    NotMeasured,

    /// <summary>The difference is not below 0 with the only seed number there is.</summary>
    FailedOnce,

    /// <summary>The mean difference is not below 0, and its interval includes 0.</summary>
    FailsInMean,

    /// <summary>The whole interval lies above 0.</summary>
    Contradicted,
}
