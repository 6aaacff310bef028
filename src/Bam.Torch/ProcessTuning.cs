using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Torch;

/// <summary>What must be set in the C library before libgomp, OpenBLAS and libtorch load.</summary>
internal static unsafe partial class ProcessTuning
{
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;
    private const int ArenaMax = -8;

    // libgomp's turns of a waiting loop, some 40 µs: most regions follow one another sooner than a thread sleeps and wakes.
    private const string SpinCount = "2000";

    // .NET keeps its own copy of the environment: these must be in C's, where those libraries read them.
    private static readonly string[] s_variables =
    [
        "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OPENBLAS_CORETYPE", "CUBLAS_WORKSPACE_CONFIG",
        "MALLOC_ARENA_MAX", "GLIBC_TUNABLES",
    ];

    /// <summary>The threads asked for: by the options, else by OMP_NUM_THREADS, else one for each core.</summary>
    internal static int Threads(LibTorchOptions options)
    {
        if (options.Threads > 0)
            return options.Threads;
        return int.TryParse(Get("OMP_NUM_THREADS"), NumberStyles.None, CultureInfo.InvariantCulture, out var threads)
            && threads > 0
            ? threads
            : System.Environment.ProcessorCount;
    }

    internal static void SetEnvironment(int threads)
    {
        Set("OMP_NUM_THREADS", threads.ToString(CultureInfo.InvariantCulture), overwrite: true);
        if (Get("OMP_WAIT_POLICY") is null)
        {
            Set("OMP_WAIT_POLICY", "passive", overwrite: true);
            Set("GOMP_SPINCOUNT", SpinCount, overwrite: false);
        }

        if (Cpu.OpenBlasCore() is { } core)
            Set("OPENBLAS_CORETYPE", core, overwrite: false);

        // cuBLAS is deterministic only with a workspace of its own.
        Set("CUBLAS_WORKSPACE_CONFIG", ":4096:8", overwrite: false);
    }

    /// <summary>
    /// glibc returns every large block to the system and faults it in again at the next step. The thresholds hold for the
    /// main arena; a thread that got another one keeps blocks of up to 64 MB only. .NET's own threads have made arenas by
    /// now, so the limit stops only further ones: a process whose training is not on its main thread starts with
    /// MALLOC_ARENA_MAX=1, as the command <c>bam</c> does.
    /// </summary>
    /// <returns>Whether malloc took all three.</returns>
    internal static bool TuneAllocator() =>
        mallopt(MmapThreshold, 1 << 30) == 1 && mallopt(TrimThreshold, int.MaxValue) == 1 && mallopt(ArenaMax, 1) == 1;

    /// <summary>
    /// Has the process end without the destructors of the libraries that have been loaded until now: libtorch's, of thousands of
    /// operators, take 0.1 s. Not where standard input is a terminal: .NET then restores its settings, as late as that.
    /// </summary>
    internal static void SkipDestructors()
    {
        if (Console.IsInputRedirected) _ = on_exit(NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "_exit"), 0);
    }

    /// <summary>The variables in force.</summary>
    internal static string[] Environment() =>
        [.. s_variables.Select(name => (name, value: Get(name))).Where(pair => pair.value is not null)
            .Select(pair => $"{pair.name}={pair.value}")];

    private static string? Get(string name)
    {
        fixed (byte* bytes = Terminated(name))
            return Marshal.PtrToStringUTF8((nint)getenv(bytes));
    }

    private static void Set(string name, string value, bool overwrite)
    {
        fixed (byte* nameBytes = Terminated(name), valueBytes = Terminated(value))
        {
            if (setenv(nameBytes, valueBytes, overwrite ? 1 : 0) != 0)
                throw new TorchException("setenv", $"{name}={value} was refused");
        }
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    // Exit handlers run in reverse order of registration; each gets the exit status and its argument.
    [LibraryImport("libc")]
    private static partial int on_exit(nint handler, nint argument);

    [LibraryImport("libc")]
    private static partial int setenv(byte* name, byte* value, int overwrite);

    [LibraryImport("libc")]
    private static partial byte* getenv(byte* name);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}

/// <summary>The processor, as Linux describes it.</summary>
internal static class Cpu
{
    private static readonly string[] s_features =
    [
        "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8",
    ];

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
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal))
            ?? "";
        return [.. line.Split(' ')];
    }
}
