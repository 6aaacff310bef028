using System.Globalization;
using System.Runtime.InteropServices;

namespace Bam.Torch;

/// <summary>
/// Loads libtorch once for the process. What the C libraries read when they load (OpenMP's variables, malloc's
/// thresholds, which BLAS) is set first, so nothing else may load them before.
/// </summary>
internal static unsafe class LibTorch
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private static readonly Lock s_lock = new();
    private static Task<LoadedLibraries>? s_loading;
    private static LoadedLibraries? s_libraries;
    private static nint s_bridge;
    private static int s_threads;
    private static LibTorchInfo? s_info;
    private static string? s_failure;

    /// <summary>The libtorch in use; loads it when that has not happened.</summary>
    /// <exception cref="TorchException">It cannot be loaded.</exception>
    public static LibTorchInfo Info
    {
        get
        {
            Load();
            return s_info ??= Describe(s_libraries!);
        }
    }

    /// <summary>Threads of one operator; loads libtorch when that has not happened.</summary>
    /// <exception cref="TorchException">It cannot be loaded.</exception>
    public static int Threads
    {
        get
        {
            Load();
            return s_threads;
        }
    }

    /// <summary>The bridge's library, for the resolver of its exports.</summary>
    internal static nint BridgeHandle
    {
        get
        {
            // Set before loading ends, as setting up libtorch calls the bridge.
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

    /// <summary>
    /// Whether this process is Bam's alone, as the command's is (its switch Bam.OwnsProcess). Then libraries that libtorch does
    /// not use are not opened, and the process ends without libtorch's destructors. Another program may need both.
    /// </summary>
    public static bool OwnsProcess => AppContext.TryGetSwitch("Bam.OwnsProcess", out var owns) && owns;

    private static bool IsSupported =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>
    /// Begins to load the libraries on another thread, which takes 0.2 s, for a command with other work until it computes;
    /// <see cref="Load"/> waits for them and reports what failed.
    /// </summary>
    /// <remarks>
    /// Meanwhile glibc blocks other threads that load libraries or resolve imports: the caller should not call a native function
    /// for the first time. Those for files have been called here.
    /// </remarks>
    public static void BeginLoad()
    {
        lock (s_lock)
        {
            if (!IsSupported || s_libraries is not null || s_failure is not null || s_loading is not null) return;
            var prepared = PreparedProcess.For(new LibTorchOptions());
            AppDomain.CurrentDomain.ProcessExit += (_, _) => OnProcessExit();
            s_loading = Task.Run(() => LoadedLibraries.Open(prepared));
        }
    }

    // A process whose destructors run while its libraries initialise themselves may crash.
    private static void OnProcessExit()
    {
        // While a thread is still loading, another that resolves a function waits for it, however long.
        var isLoaded = Task.WaitAny([s_loading!], LongestWait) >= 0;
        if (isLoaded && OwnsProcess) ProcessTuning.SkipDestructors();
    }

    /// <summary>Loads libtorch and sets it up; does nothing when that was done before.</summary>
    /// <exception cref="TorchException">It cannot be loaded: the message lists what was tried and why each failed.</exception>
    public static void Load(LibTorchOptions? options = null)
    {
        lock (s_lock)
        {
            if (s_libraries is not null)
                return;
            if (s_failure is null)
                TryLoad(options ?? new LibTorchOptions());
            if (s_failure is not null)
                throw new TorchException("loading libtorch", s_failure);
        }
    }

    private static void TryLoad(LibTorchOptions options)
    {
        if (!IsSupported)
        {
            s_failure = $"Linux on x64 is supported, this is {RuntimeInformation.RuntimeIdentifier}";
            return;
        }

        var libraries = s_loading?.GetAwaiter().GetResult() ?? LoadedLibraries.Open(PreparedProcess.For(options));
        if (libraries.Bridge is not { } bridge)
        {
            s_failure = "it cannot be used here. Tried, in this order:"
                + string.Concat(libraries.Prepared.Attempts.Select(attempt => "\n  " + attempt))
                + "\n  Install libtorch-dev, g++ and cmake (or set LIBTORCH to a folder with include/ and lib/) and run "
                + "'dotnet build' again.";
            return;
        }

        s_bridge = bridge;
        Native.Check(Native.bam_set_threads(libraries.Prepared.Threads), "set_num_threads");
        Native.Check(Native.bam_set_deterministic(), "setDeterministicAlgorithms");
        if (OwnsProcess) ProcessTuning.SkipDestructors();
        AutogradFunction.RegisterCallbacks();
        s_threads = Native.bam_threads();
        s_libraries = libraries;
    }

    private static LibTorchInfo Describe(LoadedLibraries libraries) => new()
    {
        Version = new string((sbyte*)Native.bam_torch_version()),
        Directory = libraries.Directory!,
        Bridge = libraries.Prepared.Bridge!.File,
        Attempts = libraries.Prepared.Attempts,
        Threads = s_threads,
        AllocatorTuned = libraries.Prepared.AllocatorTuned,
        BlasFiles = Blas.MappedFiles(),
        Blas = Blas.Describe(),
        Environment = ProcessTuning.Environment(),
        CpuFeatures = Cpu.Features(),
        CudaDevices = Native.bam_cuda_device_count(),
        Configuration = new string((sbyte*)Native.bam_torch_configuration()),
    };
}

/// <summary>What comes before the libraries: what they read when they load is set, and the bridge is found.</summary>
internal sealed record PreparedProcess(
    LibTorchOptions Options, int Threads, bool AllocatorTuned, List<string> Attempts, BridgeRecord? Bridge)
{
    /// <summary>Prepares this process.</summary>
    public static PreparedProcess For(LibTorchOptions options)
    {
        var threads = ProcessTuning.Threads(options);
        ProcessTuning.SetEnvironment(threads);
        var allocatorTuned = options.TuneAllocator && ProcessTuning.TuneAllocator();
        var attempts = new List<string>();
        return new(options, threads, allocatorTuned, attempts, BridgeRecord.Find(AppContext.BaseDirectory, attempts));
    }
}

/// <summary>The libraries in this process; libtorch's folder and the bridge's handle are null if one cannot be used.</summary>
internal sealed record LoadedLibraries(PreparedProcess Prepared, string? Directory, nint? Bridge)
{
    /// <summary>Loads libtorch, then the bridge, on any thread; calls nothing in them.</summary>
    public static LoadedLibraries Open(PreparedProcess prepared)
    {
        var attempts = prepared.Attempts;
        return prepared.Bridge is { } bridge
            && LibTorchSearch.LoadFirst(bridge, prepared.Options, Environment.GetEnvironmentVariable, attempts) is { } directory
            && NativeFile.TryLoad(bridge.File, attempts, out var handle)
                ? new(prepared, directory, handle)
                : new(prepared, null, null);
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
