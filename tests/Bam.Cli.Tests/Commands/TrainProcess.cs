using System.Diagnostics;
using Bam.Cli.Launching;
using Bam.Data;

namespace Bam.Cli.Tests.Commands;

/// <summary>A tiny training run, done by processes of their own: <c>bam train</c> as a person starts it.</summary>
public sealed class TrainProcess : IDisposable
{
    public const int Steps = 60;

    private readonly Lazy<string> unbroken;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public TrainProcess()
    {
        var random = new RandomStream(1, "text");
        using var writer = new IndexedDatasetWriter(this["text"], TokenType.UInt16);
        for (var document = 0; document < 20; document++)
        {
            var start = (int)random.NextInt64(100);
            writer.Append([.. Enumerable.Range(start, 60).Select(i => i * i % 31), 31]);
        }

        writer.Complete();
        unbroken = new(() =>
        {
            Finish(Start(Config("unbroken"))).ShouldBeDone();
            return "unbroken";
        });
    }

    /// <summary>The output of a run that nothing interrupted.</summary>
    public string Unbroken => unbroken.Value;

    /// <summary>The directory of the runs.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("bam-train-").FullName;

    public string this[string relative] => Path.Combine(Root, relative);

    /// <summary>Writes a configuration whose run goes to <paramref name="output"/>.</summary>
    public string Config(string output, string more = "", int checkpointEvery = 2)
    {
        File.WriteAllText(this[$"{output}.yaml"], $$"""
            config: {vocab_size: 32, hidden_size: 64, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 2,
              num_key_value_heads: 2, head_dim: 32, max_position_embeddings: 64, num_attention_experts: 2, num_local_experts: 2}
            data: [{domain: text, path: text}]
            output: {{output}}
            sequence_length: 32
            batch_size: 8
            steps: {{Steps}}
            learning_rate: 3e-3
            checkpoint_every: {{checkpointEvery}}
            log_every: 4
            device: cpu
            {{more}}
            """);
        return this[$"{output}.yaml"];
    }

    /// <summary>Starts <c>bam train</c>.</summary>
    public static Process Start(string config) => StartBam("train", config);

    /// <summary>Starts <c>bam</c>.</summary>
    public static Process StartBam(params string[] arguments) => Start(Dotnet, [Program, .. arguments]);

    /// <summary>Starts <c>bam</c> with further variables.</summary>
    public static Process StartBam(IReadOnlyDictionary<string, string> variables, params string[] arguments)
    {
        var start = new ProcessStartInfo(Dotnet, [Program, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Starts <c>bam train</c> as ranks that find each other at a free port, as torchrun would.</summary>
    internal static Process[] StartRanks(string config, int size)
    {
        var port = FreePort.Find();
        return [.. Enumerable.Range(0, size).Select(rank =>
        {
            var start = new ProcessStartInfo(Dotnet, [Program, "train", config])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            start.Environment["RANK"] = start.Environment["LOCAL_RANK"] = $"{rank}";
            start.Environment["WORLD_SIZE"] = $"{size}";
            start.Environment["MASTER_ADDR"] = "127.0.0.1";
            start.Environment["MASTER_PORT"] = $"{port}";
            start.Environment["OMP_NUM_THREADS"] = "1";
            start.Environment["BAM_RANK_TIMEOUT"] = "40";
            return Process.Start(start)!;
        })];
    }

    /// <summary>Starts <c>bam</c> with that standard input.</summary>
    public static Process StartBam(byte[] input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Dotnet, [Program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        return process;
    }

    /// <summary>
    /// Starts it with the run's directory on a disk of its own, which takes that many KiB more than what is there, and comes back
    /// afterwards.
    /// </summary>
    public static Process StartOnDisk(string config, string run, long room) => StartBamOnDisk(run, room, "train", config);

    /// <summary>The same for <c>bam</c> and a folder that it writes into.</summary>
    public static Process StartBamOnDisk(string folder, long room, params string[] arguments) => Start(
        "unshare",
        [
            "-rm", "bash", "-c",
            $"""
            cp -a {folder} {folder}.copy
            mount -t tmpfs -o size=$(($(du -sk {folder}.copy | cut -f1) + {room}))k none {folder}
            cp -a {folder}.copy/. {folder}/
            {Dotnet} {Program} {string.Join(' ', arguments)}
            status=$?
            cp -a {folder} {folder}.after
            umount -l {folder}
            rm -r {folder}
            mv {folder}.after {folder}
            exit $status
            """,
        ]);

    private static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Program => Path.Combine(AppContext.BaseDirectory, "Bam.Cli.dll");

    private static Process Start(string program, string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;

    /// <summary>Waits for the end.</summary>
    internal static CommandLineRun Finish(Process process)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException("bam train did not end");
        }

        return new(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Waits until the run has a checkpoint of at least that many steps, or has ended.</summary>
    /// <returns>False when the process ended first.</returns>
    public bool WaitForStep(Process process, string output, int step)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            if (NewestStep(output) >= step) return true;
            if (process.HasExited) return false;
            Thread.Sleep(1);
        }

        throw new TimeoutException($"bam train did not come to step {step}");
    }

    /// <summary>The steps of the newest checkpoint; 0 without one.</summary>
    public int NewestStep(string output)
    {
        var checkpoints = this[$"{output}/checkpoints"];
        return Directory.Exists(checkpoints)
            ? Directory.GetDirectories(checkpoints, "step-*").Select(d => int.Parse(Path.GetFileName(d)["step-".Length..]))
                .DefaultIfEmpty(0).Max()
            : 0;
    }

    /// <summary>The bytes of the trained parameters.</summary>
    public byte[] Model(string output) => File.ReadAllBytes(this[$"{output}/model/model.safetensors"]);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
