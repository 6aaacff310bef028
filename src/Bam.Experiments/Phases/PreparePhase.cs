using System.Diagnostics;
using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Files;
using Bam.Training.Distributed;

namespace Bam.Experiments.Phases;

/// <summary>
/// Runs a script of the recipe, which makes the files of the domains or of the probes: <c>bash SCRIPT DIRECTORY</c>. The phase's
/// name says which. The key holds the script and the files that it reads.
/// </summary>
internal sealed class PreparePhase(string script, IReadOnlyList<string> reads, FileHashes hashes, string name = "prepare")
    : Phase(
        "prepare",
        name,
        new NoSettings(),
        [],
        [
            new("script", [script], hashes.Of(script)),
            new("what it reads", reads, hashes.OfAll(InputFiles.Resolve(reads))),
        ])
{
    private const int ShownLines = 3;

    private string Script => Files[0].Paths[0];

    /// <summary>Where the script's output is, inside a run.</summary>
    public string OutputIn(PhaseStore store) => Path.Combine(store.DirectoryOf(this), "files");

    /// <inheritdoc/>
    /// <remarks>
    /// The directory of the files is there only when they are whole. What a script makes cannot be told from what a user adds.
    /// </remarks>
    public override bool CanContinueIn(PhaseStore store) => Directory.Exists(OutputIn(store));

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var files = OutputIn(context.Store);
        if (Directory.Exists(files))
        {
            context.Reporter.Say($"  {files} is whole and kept; remove it to run {Script} again");
            return [];
        }

        using var output = new AtomicDirectory(files, OwnFiles.InRun(_ => false));
        var start = new ProcessStartInfo("bash")
        {
            ArgumentList = { Script, output.TemporaryPath },
            WorkingDirectory = Path.GetDirectoryName(Script)!,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The script is this process's alone, and may start commands of Bam.
        DistributedEnvironment.Remove(start.Environment);
        var tail = new Queue<string>();
        using var process = Start(start);
        void Show(object sender, DataReceivedEventArgs line)
        {
            if (string.IsNullOrWhiteSpace(line.Data)) return;
            context.Reporter.Say($"  {line.Data}");
            lock (tail)
            {
                tail.Enqueue(line.Data);
                if (tail.Count > ShownLines) tail.Dequeue();
            }
        }

        process.OutputDataReceived += Show;
        process.ErrorDataReceived += Show;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using (context.Cancellation.Register(() => process.Kill(entireProcessTree: true))) process.WaitForExit();
        context.Cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new WorkFailedException(
                $"{Script}: ended with status {process.ExitCode} ({string.Join(" / ", tail)}); run it by hand to see why");
        }

        output.Commit();
        return [];
    }

    private Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new WorkFailedException($"{Script}: bash could not be started ({e.Message}); install bash", e);
        }
    }
}
