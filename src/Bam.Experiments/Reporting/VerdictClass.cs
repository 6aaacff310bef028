using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The style class of a verdict.</summary>
internal static class VerdictClass
{
    /// <summary>Coloured only where the interval leaves out 0.</summary>
    public static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Holds => "held",
        Verdict.Contradicted => "failed",
        _ => "open",
    };
}
