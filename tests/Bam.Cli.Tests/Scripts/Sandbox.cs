using System.Diagnostics;

namespace Bam.Cli.Tests.Scripts;

/// <summary>
/// A copy of the scripts beside empty sources, with stand-ins for dotnet, apt-get and whatever a test adds; each writes its
/// command line to <see cref="Calls"/>. Nothing else but a few standard programs is in PATH.
/// </summary>
internal sealed class Sandbox : IDisposable
{
    private const string Dotnet =
        """
        case $1 in
          --version) [[ $0 == *native/bam ]] && echo 'bam as machine code' || echo 10.0.401 ;;
          publish)
            [[ -z ${NATIVE_FAILS-} || $* != *PublishAot* ]] || exit 1
            sleep "${PUBLISH_SECONDS:-0}"
            mkdir -p "${2%/*}/obj"
            while [[ $1 != --output ]]; do shift; done
            mkdir -p "$2" && touch "$2/Bam.Cli.dll"
            cp "$0" "$2/Bam.Cli" # as machine code
            ;;
          msbuild)
            mkdir -p "${2%/*}/obj/native/unused"
            touch "${2%/*}"/obj/native/{libbam_torch.so,bam_torch.txt,unused/libzmq.so.5}
            ;;
          inspect | mix) printf 'ran %s as machine code\n' "$*" ;;
          exec) printf 'ran %s\n' "${*:3}"; sleep "${RUN_SECONDS:-0}" ;;
        esac
        """;

    /// <summary>All that the scripts may use of the machine.</summary>
    private static readonly string[] Programs =
    [
        "bash", "cat", "cp", "cut", "date", "dirname", "env", "find", "flock", "grep", "head", "install", "mkdir", "mv", "paste",
        "printf", "readlink", "rm", "sed", "setpriv", "sleep", "sort", "tail", "test", "touch", "uname",
    ];

    private readonly string tools;

    public Sandbox()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("bam-scripts-").FullName;
        Clone = Path.Combine(Directory, "clone");
        tools = Path.Combine(Directory, "tools");
        System.IO.Directory.CreateDirectory(tools);
        foreach (var folder in new[]
        {
            "src/Bam", "src/Bam.Cli", "native", "eng", "recipes/demo", "tests/A.Tests", "tests/B.Tests",
        })
            System.IO.Directory.CreateDirectory(Path.Combine(Clone, folder));
        string[] scripts = [
            "bam", "test",
            .. System.IO.Directory.GetFiles(RepositoryRoot.PathOf("eng")).Select(path => $"eng/{Path.GetFileName(path)}"),
        ];
        foreach (var script in scripts) File.Copy(RepositoryRoot.PathOf(script), Path.Combine(Clone, script));
        foreach (var source in new[]
        {
            "src/Bam/A.cs", "recipes/demo/recipe.yaml", "Directory.Build.props", "Directory.Packages.props", "global.json",
        })
            File.WriteAllText(Path.Combine(Clone, source), "");
        foreach (var program in Programs)
            File.CreateSymbolicLink(Path.Combine(tools, program), Path.Combine("/usr/bin", program));
        foreach (var tool in new[] { "cmake", "g++", "make" }) AddTool(tool, "");
        AddTool("dotnet", Dotnet);
        AddTool("apt-get", "");
        AddTool("sudo", "");
    }

    /// <summary>Everything of the sandbox; removed by <see cref="Dispose"/>.</summary>
    public string Directory { get; }

    public string Clone { get; }

    /// <summary>The command lines of the stand-ins so far.</summary>
    public string[] Calls => File.Exists(CallLog) ? File.ReadAllLines(CallLog) : [];

    private string CallLog => Path.Combine(Directory, "calls");

    public void AddTool(string name, string body)
    {
        var path = Path.Combine(tools, name);
        File.Delete(path);
        File.WriteAllText(path, $"#!/bin/bash\necho \"{name} $*\" >>'{CallLog}'\n{body}\n");
        File.SetUnixFileMode(
            path, File.GetUnixFileMode(path) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    public void RemoveTool(string name) => File.Delete(Path.Combine(tools, name));

    /// <summary>Runs a script of the clone, or any other program.</summary>
    /// <param name="program">A path; relative ones start at the clone.</param>
    /// <param name="arguments">The program's arguments.</param>
    /// <param name="environment">Variables beside PATH and HOME.</param>
    public CommandLineRun Run(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        using var process = Start(program, arguments, environment);
        return Wait(process);
    }

    public Process Start(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(Clone, program), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = tools;
        start.Environment["HOME"] = Directory;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    public static CommandLineRun Wait(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CommandLineRun(process.ExitCode, output, error.Result);
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
