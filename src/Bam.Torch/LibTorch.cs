using System.Globalization;
using System.Runtime.InteropServices;

namespace Bam.Torch;

/// <summary>
/// Loads libtorch once for the process. What the C libraries read when they load (OpenMP's variables, malloc's
/// thresholds, which BLAS) is set first, so nothing else may load them before.
/// </summary>
internal static unsafe class LibTorch
{
    private static readonly Lock s_lock = new();
    private static nint s_bridge;
    private static LibTorchInfo? s_info;
    private static string? s_failure;

    /// <summary>The libtorch in use; loads it when that has not happened.</summary>
    /// <exception cref="TorchException">It cannot be loaded.</exception>
    public static LibTorchInfo Info
    {
        get
        {
            Load();
            return s_info!;
        }
    }

    /// <summary>The bridge's library, for the resolver of its exports.</summary>
    internal static nint BridgeHandle
    {
        get
        {
            // Set before Info is, as gathering Info calls the bridge.
            if (s_bridge == 0)
                Load();
            return s_bridge;
        }
    }

    /// <summary>
    /// Whether libtorch can be used here; if not, <paramref name="whyNot"/> says what was tried and why each failed.
    /// </summary>
    public static bool IsAvailable(out string whyNot)
    {
        try
        {
            Load();
            whyNot = "";
            return true;
        }
        catch (TorchException e)
        {
            whyNot = e.Message;
            return false;
        }
    }

    /// <summary>Loads libtorch and sets it up; does nothing when that was done before.</summary>
    /// <exception cref="TorchException">It cannot be loaded: the message lists what was tried and why each failed.</exception>
    public static void Load(LibTorchOptions? options = null)
    {
        lock (s_lock)
        {
            if (s_info is not null)
                return;
            if (s_failure is null)
                TryLoad(options ?? new LibTorchOptions());
            if (s_failure is not null)
                throw new TorchException("loading libtorch", s_failure);
        }
    }

    private static void TryLoad(LibTorchOptions options)
    {
        var attempts = new List<string>();
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            s_failure = $"Linux on x64 is supported, this is {RuntimeInformation.RuntimeIdentifier}";
            return;
        }

        var threads = ProcessTuning.Threads(options);
        ProcessTuning.SetEnvironment(threads);
        var allocatorTuned = options.TuneAllocator && ProcessTuning.TuneAllocator();

        var bridge = BridgeRecord.Find(AppContext.BaseDirectory, attempts);
        var directory = bridge is null
            ? null
            : LibTorchSearch.LoadFirst(bridge, options, Environment.GetEnvironmentVariable, attempts);
        if (directory is null || !NativeFile.TryLoad(bridge!.File, attempts, out var handle))
        {
            s_failure = "it cannot be used here. Tried, in this order:"
                + string.Concat(attempts.Select(attempt => "\n  " + attempt))
                + "\n  Install libtorch-dev, g++ and cmake (or set LIBTORCH to a folder with include/ and lib/) and run "
                + "'dotnet build' again.";
            return;
        }

        s_bridge = handle;
        Native.Check(Native.bam_set_threads(threads), "set_num_threads");
        Native.Check(Native.bam_set_deterministic(), "setDeterministicAlgorithms");
        AutogradFunction.RegisterCallbacks();
        s_info = new LibTorchInfo
        {
            Version = new string((sbyte*)Native.bam_torch_version()),
            Directory = directory,
            Bridge = bridge.File,
            Attempts = attempts,
            Threads = Native.bam_threads(),
            AllocatorTuned = allocatorTuned,
            BlasFiles = Blas.MappedFiles(),
            Blas = Blas.Describe(),
            Environment = ProcessTuning.Environment(),
            CpuFeatures = Cpu.Features(),
            CudaDevices = Native.bam_cuda_device_count(),
            Configuration = new string((sbyte*)Native.bam_torch_configuration()),
        };
    }
}

/// <summary>How libtorch is set up when it is loaded. Everything has a default that suits training on this machine.</summary>
internal sealed record LibTorchOptions
{
    /// <summary>Threads of one operator; 0: OMP_NUM_THREADS if it is set, else the machine's cores.</summary>
    public int Threads { get; init; }

    /// <summary>Whether malloc keeps large blocks instead of returning each to the system.</summary>
    public bool TuneAllocator { get; init; } = true;

    /// <summary>Whether Debian's OpenMP build of OpenBLAS is preferred to the system's default BLAS.</summary>
    public bool PreferOpenMpBlas { get; init; } = true;
}

/// <summary>The libtorch in use, as <c>bam doctor</c> prints it and a run's identity records it.</summary>
internal sealed record LibTorchInfo
{
    /// <summary>The version, such as <c>1.13.0</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The folder of its libraries.</summary>
    public required string Directory { get; init; }

    public required string Bridge { get; init; }

    /// <summary>Every place that was tried, in order, each with its outcome.</summary>
    public required IReadOnlyList<string> Attempts { get; init; }

    /// <summary>Threads of one operator.</summary>
    public required int Threads { get; init; }

    /// <summary>Whether malloc keeps large blocks.</summary>
    public required bool AllocatorTuned { get; init; }

    /// <summary>The BLAS libraries mapped into this process; empty when libtorch brings its own inside.</summary>
    public required IReadOnlyList<string> BlasFiles { get; init; }

    /// <summary>
    /// What OpenBLAS says of itself, such as <c>OpenBLAS 0.3.21 … USE_OPENMP SapphireRapids</c>; else the name of the BLAS.
    /// </summary>
    public required string Blas { get; init; }

    /// <summary>The variables of the C libraries in force, such as <c>OMP_WAIT_POLICY=passive</c>.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>The processor's features that matter to the kernels, such as <c>avx2 fma avx512f</c>.</summary>
    public required string CpuFeatures { get; init; }

    /// <summary>
    /// Whether the processor multiplies in bfloat16 faster than in float32: by AVX512-BF16 or AMX, which libtorch uses through
    /// oneDNN from version 2 on.
    /// </summary>
    public bool HasFastBfloat16 =>
        CpuFeatures.Split(' ').Intersect(["avx512_bf16", "amx_bf16"]).Any()
        && int.TryParse(Version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major >= 2;

    public required int CudaDevices { get; init; }

    /// <summary>libtorch's own account of how it was built.</summary>
    public required string Configuration { get; init; }
}
