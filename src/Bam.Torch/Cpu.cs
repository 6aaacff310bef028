namespace Bam.Torch;

/// <summary>The processor, as Linux describes it.</summary>
internal static class Cpu
{
    private static readonly string[] s_features =
        ["avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"];

    /// <summary>The features that matter to the kernels, separated by spaces.</summary>
    internal static string Features()
    {
        var present = Flags();
        return string.Join(' ', s_features.Where(present.Contains));
    }

    /// <summary>
    /// The OpenBLAS kernels for this processor; null for one without AVX2. OpenBLAS 0.3.21 goes by model numbers and
    /// takes Prescott's, ten times slower, for processors that came after it.
    /// </summary>
    internal static string? OpenBlasCore()
    {
        var present = Flags();
        if (present.IsSupersetOf(["avx512f", "avx512bw", "avx512dq", "avx512vl"]))
            return present.Contains("avx512_bf16") ? "Cooperlake" : "SkylakeX";
        return present.IsSupersetOf(["avx2", "fma"]) ? "Haswell" : null;
    }

    private static HashSet<string> Flags()
    {
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal)) ?? "";
        return [.. line.Split(' ')];
    }
}
