using System.Runtime.InteropServices;

namespace Bam.Torch;

/// <summary>
/// Which BLAS libtorch gets. Debian's default OpenBLAS has threads of its own that spin against libgomp's; its OpenMP
/// build shares them. Loaded first by its full path it answers to the name that libtorch asks for.
/// </summary>
internal static unsafe class Blas
{
    private static readonly string[] s_openMpFiles =
    [
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0",
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3",
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/liblapack.so.3",
    ];

    private static readonly string[] s_names = ["libopenblas", "libblas", "libmkl", "libblis", "libatlas"];

    /// <summary>Loads the OpenMP build, when it is installed and the libtorch is one that asks for libblas.so.3.</summary>
    internal static void Preload(string libtorch, List<string> attempts)
    {
        if (!ElfFile.Needs(libtorch, "libblas.so.3") && !ElfFile.Needs(libtorch, "libopenblas.so.0"))
            return;
        foreach (var file in s_openMpFiles)
        {
            if (File.Exists(file))
                NativeFile.TryLoad(file, attempts, out _);
            else
                attempts.Add($"{file}: not there; 'apt-get install libopenblas0-openmp' makes products 15 to 30 % faster");
        }
    }

    /// <summary>The BLAS libraries mapped into this process.</summary>
    internal static string[] MappedFiles() =>
        [.. File.ReadLines("/proc/self/maps")
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is var start and >= 0 ? line[start..] : "")
            .Where(path => s_names.Any(name => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal)))
            .Distinct()
            .Order(StringComparer.Ordinal)];

    /// <summary>OpenBLAS's own description, or the file's name, or what that means.</summary>
    internal static string Describe()
    {
        var files = MappedFiles();
        foreach (var file in files)
        {
            if (NativeLibrary.TryLoad(file, out var handle) && NativeLibrary.TryGetExport(handle, "openblas_get_config", out var function))
                return new string((sbyte*)((delegate* unmanaged<byte*>)function)()).Trim();
        }

        return files.Length == 0 ? "inside libtorch" : Path.GetFileName(files[0]);
    }
}
