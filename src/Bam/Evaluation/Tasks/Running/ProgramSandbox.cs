using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>
/// Runs Python programs in a process without network, with a file system of its own, as a user without rights, and with limits on
/// time, memory, processes and files. It uses <c>unshare</c>, <c>setpriv</c> and <c>prlimit</c> of util-linux.
/// </summary>
internal sealed class ProgramSandbox : IProgramRunner
{
    private const string Python = "/usr/bin/python3";
    private const int MaxCpuSeconds = 3;
    private const int MaxVerdictLength = 1000;

    /// <summary>How long a program may take, its start included.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(6);

    private static readonly string Script = Resource("sandbox.sh");
    private static readonly string Driver = Resource("run_program.py");

    private readonly string box;

    private ProgramSandbox(string box) => this.box = box;

    /// <summary>Makes sure that programs can be run safely here, and returns what runs them.</summary>
    /// <param name="cancellation">Stops the check.</param>
    /// <param name="where">What the user wrote to allow it, for the message.</param>
    /// <exception cref="InvalidInputException">They cannot; the message says what is missing.</exception>
    public static ProgramSandbox Open(CancellationToken cancellation, string where = "--allow-code-execution")
    {
        if (!File.Exists(Python))
            throw new InvalidInputException(where, $"{Python}, which runs the programs", "none", "install python3");
        // Not below a private folder: the program's own user must be able to enter it.
        var sandbox = new ProgramSandbox(Directory.CreateTempSubdirectory("bam-sandbox-").FullName);
        if (sandbox.Run(Check, cancellation) is { } fault)
        {
            sandbox.Dispose();
            throw new InvalidInputException(
                where, "a process without network, rights and access to files", $"that it cannot be made here ({fault})",
                "install util-linux, and run as root or allow user namespaces (sysctl user.max_user_namespaces)");
        }

        return sandbox;
    }

    /// <summary>A program that fails if it could reach a network or the user's files, or has rights.</summary>
    private const string Check = """
        import os, socket
        assert not any(os.path.exists(path) for path in ("/home", "/root", "/etc", "/proc/1")), "files can be reached"
        assert [name for _, name in socket.if_nameindex()] in ([], ["lo"]), "a network can be reached"
        try:
            open("/usr/.bam", "w")
        except OSError:
            pass
        else:
            raise AssertionError("the system's files can be written")
        try:
            os.chroot("/tmp")
        except PermissionError:
            pass
        else:
            raise AssertionError("the process has rights")
        """;

    public string? Run(string program, CancellationToken cancellation)
    {
        var token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        using var process = Start(token);
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        wanted.CancelAfter(Timeout);
        try
        {
            var output = ReadAsync(process.StandardOutput, wanted.Token);
            var errors = ReadAsync(process.StandardError, wanted.Token);
            WriteProgram(process, program);
            process.WaitForExitAsync(wanted.Token).GetAwaiter().GetResult();
            var verdict = output.GetAwaiter().GetResult();
            if (verdict == token) return null;
            var said = verdict.Length > 0 ? verdict : LastLine(errors.GetAwaiter().GetResult());
            return said.Length > 0 ? said : $"ended without a result (exit status {process.ExitCode})";
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return "timed out";
        }
        finally
        {
            Kill(process);
        }
    }

    public void Dispose() => Directory.Delete(box);

    // As root the program runs as nobody. Otherwise a user namespace gives the right to set up the file system, and all rights
    // are given up before the program starts.
    private Process Start(string token)
    {
        var isRoot = Environment.IsPrivilegedProcess;
        string[] command =
        [
            "unshare", .. isRoot ? Array.Empty<string>() : ["--user", "--map-root-user"],
            "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL",
            "sh", "-c", Script, "sandbox", box,
            "setpriv", .. isRoot ? ["--reuid=65534", "--regid=65534", "--clear-groups"] : Array.Empty<string>(),
            "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all",
            "prlimit", $"--cpu={MaxCpuSeconds}", "--as=1073741824", "--nproc=16", "--fsize=16777216", "--nofile=64", "--core=0",
            Python, "-I", "-c", Driver, token,
        ];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        start.Environment["HOME"] = "/tmp";
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidInputException($"--allow-code-execution: {command[0]} is missing; install util-linux", e);
        }
    }

    private static void WriteProgram(Process process, string program)
    {
        try
        {
            process.StandardInput.BaseStream.Write(Encoding.UTF8.GetBytes(program));
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The process has ended; its standard error says why.
        }
    }

    // A program cannot fill the memory of this process with its output.
    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        var buffer = new char[MaxVerdictLength];
        return new string(buffer, 0, await reader.ReadBlockAsync(buffer, cancellation).ConfigureAwait(false));
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static string LastLine(string text) => text.Trim().Split('\n')[^1];

    private static string Resource(string name)
    {
        using var stream = typeof(ProgramSandbox).Assembly.GetManifestResourceStream($"Bam.Evaluation.Tasks.Running.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}

/// <summary>Runs programs that a model wrote.</summary>
internal interface IProgramRunner : IDisposable
{
    /// <summary>Runs a Python program to its end.</summary>
    /// <returns>Null if it ended without an exception; else what happened.</returns>
    /// <exception cref="WorkFailedException">Programs cannot be run any more.</exception>
    string? Run(string program, CancellationToken cancellation);
}
