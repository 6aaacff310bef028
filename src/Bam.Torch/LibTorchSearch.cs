using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Bam.Torch;

/// <summary>
/// Where libtorch is looked for at run time: LIBTORCH, the PyTorch that LIBTORCH_USE_PYTORCH=1 asks for, what the build
/// found, then the system. One of another version than the bridge was built for is passed over.
/// </summary>
internal static partial class LibTorchSearch
{
    private static readonly string[] s_systemDirectories = ["/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib"];

    /// <summary>Loads the first libtorch that fits and returns its folder; null when there is none.</summary>
    /// <param name="bridge">What it must fit.</param>
    /// <param name="options">Whether OpenBLAS is chosen.</param>
    /// <param name="environment">The environment's variables.</param>
    /// <param name="attempts">What was tried is added here.</param>
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

    private static bool TryLoad(string source, string directory, BridgeRecord bridge, LibTorchOptions options, List<string> attempts)
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
            attempts.Add($"{source}: {library} is version {version}, the bridge was built for {bridge.Version}; 'dotnet build' rebuilds it");
            return false;
        }

        if (options.PreferOpenMpBlas)
            Blas.Preload(library, attempts);
        if (!NativeFile.TryLoad(library, attempts, out _))
            return false;
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
        return File.Exists(exact) ? exact : Directory.EnumerateFiles(directory, name + ".*").Order(StringComparer.Ordinal).FirstOrDefault();
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

    /// <summary>From the library's own name (Debian), PyTorch's version.py or the C++ archive's build-version; null when none says.</summary>
    private static string? VersionOf(string directory, string library)
    {
        var target = File.ResolveLinkTarget(library, returnFinalTarget: true)?.FullName ?? library;
        if (SuffixPattern().Match(target) is { Success: true } suffix)
            return suffix.Groups[1].Value;
        foreach (var file in new[] { Path.Combine(directory, "..", "version.py"), Path.Combine(directory, "..", "build-version") })
        {
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
