using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Bam.Torch;

/// <summary>
/// Where libtorch is looked for at run time: LIBTORCH, the PyTorch that LIBTORCH_USE_PYTORCH=1 asks for, what the build
/// found, then the system. One of another version than the bridge was built for is passed over.
/// </summary>
internal static partial class LibTorchSearch
{
    private static readonly string[] s_systemDirectories = ["/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib"];

    /// <summary>
    /// Loads the first libtorch that fits the bridge and returns its folder; null if there is none. What was tried is added to
    /// <paramref name="attempts"/>.
    /// </summary>
    internal static string? LoadFirst(
        BridgeRecord bridge, LibTorchOptions options, Func<string, string?> environment, List<string> attempts)
    {
        foreach (var (source, directory) in Candidates(bridge, environment, attempts))
        {
            try
            {
                if (TryLoad(source, directory, bridge, options, attempts))
                    return directory;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                attempts.Add($"{source}: {directory} cannot be read: {e.Message}");
            }
        }

        return null;
    }

    private static bool TryLoad(
        string source, string directory, BridgeRecord bridge, LibTorchOptions options, List<string> attempts)
    {
        var library = FindLibrary(directory, "libtorch_cpu.so");
        if (library is null)
        {
            attempts.Add($"{source}: {directory} has no libtorch_cpu.so");
            return false;
        }

        var version = VersionOf(directory, library);
        if (version is not null && !SameMinor(version, bridge.Version))
        {
            attempts.Add(
                $"{source}: {library} is version {version}, the bridge was built for {bridge.Version}; "
                + "'dotnet build' rebuilds it");
            return false;
        }

        if (options.PreferOpenMpBlas)
            Blas.Preload(library, attempts);
        var placeholders = LibTorch.OwnsProcess && directory == bridge.Directory ? bridge.LoadPlaceholders(attempts) : [];
        if (!NativeFile.TryLoad(library, attempts, out _))
        {
            foreach (var placeholder in placeholders) NativeLibrary.Free(placeholder);
            return false;
        }

        if (FindLibrary(directory, "libtorch_cuda.so") is { } cuda)
            NativeFile.TryLoad(cuda, attempts, out _);
        return true;
    }

    private static IEnumerable<(string Source, string Directory)> Candidates(
        BridgeRecord bridge, Func<string, string?> environment, List<string> attempts)
    {
        var seen = new HashSet<string>();
        var root = environment("LIBTORCH");
        if (!string.IsNullOrEmpty(root))
        {
            yield return ("LIBTORCH", LibraryDirectory(root));
            seen.Add(LibraryDirectory(root));
        }
        else if (environment("LIBTORCH_USE_PYTORCH") == "1" && PyTorchRoot(attempts) is { } package)
        {
            yield return ("LIBTORCH_USE_PYTORCH", LibraryDirectory(package));
            seen.Add(LibraryDirectory(package));
        }

        if (seen.Add(bridge.Directory))
            yield return ($"the build's choice ({bridge.Source})", bridge.Directory);
        foreach (var directory in s_systemDirectories)
        {
            if (seen.Add(directory) && MayHoldLibTorch(directory))
                yield return ("system", directory);
        }
    }

    private static string LibraryDirectory(string root) =>
        new[] { Path.Combine(root, "lib"), Path.Combine(root, "lib", "x86_64-linux-gnu"), root }
            .FirstOrDefault(MayHoldLibTorch) ?? Path.Combine(root, "lib");

    // A folder that cannot be read may: what keeps it from being read is said when it is tried.
    private static bool MayHoldLibTorch(string directory)
    {
        try
        {
            return FindLibrary(directory, "libtorch_cpu.so") is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static string? FindLibrary(string directory, string name)
    {
        if (!Directory.Exists(directory))
            return null;
        var exact = Path.Combine(directory, name);
        return File.Exists(exact)
            ? exact
            : Directory.EnumerateFiles(directory, name + ".*").Order(StringComparer.Ordinal).FirstOrDefault();
    }

    private static string? PyTorchRoot(List<string> attempts)
    {
        const string script = "import importlib.util, os; print(os.path.dirname(importlib.util.find_spec('torch').origin))";
        try
        {
            using var python = Process.Start(new ProcessStartInfo("python3", ["-c", script])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            python.StandardError.ReadToEndAsync();
            var root = python.StandardOutput.ReadToEnd().Trim();
            python.WaitForExit();
            if (python.ExitCode == 0)
                return root;
            attempts.Add("LIBTORCH_USE_PYTORCH: python3 has no package 'torch'");
        }
        catch (Win32Exception e)
        {
            attempts.Add($"LIBTORCH_USE_PYTORCH: python3 does not start ({e.Message})");
        }

        return null;
    }

    /// <summary>From the library's name (Debian), PyTorch's version.py or the archive's build-version; null if unknown.</summary>
    private static string? VersionOf(string directory, string library)
    {
        var target = File.ResolveLinkTarget(library, returnFinalTarget: true)?.FullName ?? library;
        if (SuffixPattern().Match(target) is { Success: true } suffix)
            return suffix.Groups[1].Value;
        foreach (var name in new[] { "version.py", "build-version" })
        {
            var file = Path.Combine(directory, "..", name);
            if (File.Exists(file) && VersionPattern().Match(File.ReadAllText(file)) is { Success: true } match)
                return match.Value;
        }

        return null;
    }

    private static bool SameMinor(string first, string second) =>
        first.Split('.').Take(2).SequenceEqual(second.Split('.').Take(2));

    [GeneratedRegex(@"\.so\.(\d+\.\d+(\.\d+)?)$")]
    private static partial Regex SuffixPattern();

    [GeneratedRegex(@"\d+\.\d+(\.\d+)?")]
    private static partial Regex VersionPattern();
}

/// <summary>The bridge and the libtorch that it was built for, as CMake recorded them.</summary>
/// <param name="File">The bridge's library.</param>
/// <param name="Version">libtorch's version, such as <c>1.13.0</c>.</param>
/// <param name="Source">
/// How the build found it: <c>LIBTORCH</c>, <c>LIBTORCH_USE_PYTORCH</c>, <c>system</c> or <c>unpacked</c>.
/// </param>
/// <param name="Directory">The folder of its libraries.</param>
internal sealed record BridgeRecord(string File, string Version, string Source, string Directory)
{
    /// <summary>
    /// Libraries that this libtorch lists as dependencies and takes no symbol from. The folder unused beside the bridge holds an
    /// empty library for each.
    /// </summary>
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>Loads the empty libraries, which the loader then uses when libtorch asks for their names.</summary>
    internal nint[] LoadPlaceholders(List<string> attempts)
    {
        var folder = Path.Combine(Path.GetDirectoryName(File)!, "unused");
        nint[] handles = [.. Unused
            .Select(name => NativeLibrary.TryLoad(Path.Combine(folder, name), out var handle) ? handle : 0)
            .Where(handle => handle != 0)];
        if (handles.Length > 0)
            attempts.Add($"{folder}: {handles.Length} empty libraries in place of those that libtorch lists and does not use");
        return handles;
    }

    /// <summary>The bridge in that folder; null, with the reason noted, if it is missing or its record incomplete.</summary>
    internal static BridgeRecord? Find(string directory, List<string> attempts)
    {
        var file = Path.Combine(directory, "libbam_torch.so");
        var record = Path.Combine(directory, "bam_torch.txt");
        if (!System.IO.File.Exists(file) || !System.IO.File.Exists(record))
        {
            attempts.Add($"{file}: not there; 'dotnet build' makes it where it finds libtorch, CMake and a C++ compiler");
            return null;
        }

        try
        {
            var lines = System.IO.File.ReadAllLines(record);
            var entries = (Entry(lines, "version"), Entry(lines, "source"), Entry(lines, "directory"));
            if (entries is ({ } version, { } source, { } libraries))
            {
                var unused = Entry(lines, "unused")?.Split(';', StringSplitOptions.RemoveEmptyEntries) ?? [];
                return new BridgeRecord(file, version, source, libraries) { Unused = unused };
            }

            attempts.Add(
                $"{record}: expected version, source and directory, found '{string.Join(' ', lines)}'; "
                + "'dotnet build' makes it again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            attempts.Add($"{record}: {e.Message}");
        }

        return null;
    }

    private static string? Entry(string[] lines, string name) =>
        Array.Find(lines, line => line.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];
}

/// <summary>Loads a library by its full path and notes the outcome.</summary>
internal static class NativeFile
{
    internal static bool TryLoad(string file, List<string> attempts, out nint handle)
    {
        handle = 0;
        try
        {
            handle = NativeLibrary.Load(file);
            attempts.Add($"{file}: loaded");
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            attempts.Add($"{file}: {e.Message.ReplaceLineEndings(" ").Trim()}");
            return false;
        }
    }
}
