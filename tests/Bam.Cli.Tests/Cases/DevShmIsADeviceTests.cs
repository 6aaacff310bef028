using System.Diagnostics;
using Bam.Cli.Tests.Commands;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>
/// Only what <c>stat</c> calls a device, a pipe or a socket is one; as an output or an input it costs one line at once.
/// </summary>
public sealed class DevShmIsADeviceTests : IDisposable
{
    private static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");
    private static readonly string Gpt2 = RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", "gpt2");

    private readonly CaseFiles files = new(null);

    public DevShmIsADeviceTests()
    {
        Directory.CreateDirectory(files["raw"]);
        for (var i = 0; i < 30; i++)
            File.WriteAllText(files[$"raw/{i}.txt"], $"text {i} of {string.Join(' ', Enumerable.Range(i * 1000, 60))}");
        Process.Start("mkfifo", [files["pipe"]]).WaitForExit();
    }

    public void Dispose() => files.Dispose();

    [SkippableFact]
    public void Files_in_the_RAM_disk_are_written_again()
    {
        var disk = TryMakeFolder("/dev/shm");
        Skip.If(disk is null, "/dev/shm cannot be written here");
        try
        {
            Directory.CreateSymbolicLink(files["disk"], disk);
            foreach (var place in new[] { disk, disk, files["disk"] })
            {
                Tokenizer(Path.Combine(place, "t.json")).Status.ShouldBe(0);
                Build(Path.Combine(place, "t.json"), Path.Combine(place, "law")).Status.ShouldBe(0);
            }

            File.WriteAllText(Path.Combine(disk, "train.yaml"), $$"""
                {config: {vocab_size: 300, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 1,
                  num_key_value_heads: 1, head_dim: 8, max_position_embeddings: 16},
                 data: [{domain: law, path: law}], output: run, steps: 2, sequence_length: 8, batch_size: 1, learning_rate: 1e-3,
                 device: cpu}
                """);
            for (var i = 0; i < 2; i++) CommandLineRun.Of("train", Path.Combine(disk, "train.yaml")).ShouldBeDone();
        }
        finally
        {
            Directory.Delete(disk, recursive: true);
        }
    }

    [Theory]
    [InlineData("/dev/null", "found a device; name a regular file")]
    [InlineData("/dev/stdout", "found an open file of a process; name a regular one")]
    [InlineData("/dev/fd/1", "found an open file of a process; name a regular one")]
    [InlineData("pipe", "found a pipe; name a regular file")]
    [InlineData("link", "found a pipe; name a regular file")]
    public void What_is_no_file_is_refused_as_one_to_write(string output, string found)
    {
        File.CreateSymbolicLink(files["link"], files["pipe"]);
        MustRefuse(Tokenizer(files[output]), $"{files[output]}: expected a file to write, {found}");
        if (output != "/dev/null") return;
        CommandLineRun.Of(
            "tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", files["t.json"]).Status.ShouldBe(0);
        MustRefuse(
            Build(files["t.json"], output), "/dev/null: expected a directory to write, found a device; choose another name");
    }

    [SkippableTheory]
    [InlineData("/dev/zero", "a device")]
    [InlineData("pipe", "a pipe")]
    [InlineData("folder", "a directory")]
    [InlineData("endless", null)]
    [InlineData("/proc/kcore", null)]
    public void What_is_no_file_or_has_no_end_is_refused_by_every_reader(string input, string? found)
    {
        var path = files[input];
        Skip.If(input == "/proc/kcore" && !File.Exists(path), "there is no /proc/kcore here");
        using (var endless = File.Create(files["endless"])) endless.SetLength(1L << 40);
        foreach (var folder in new[] { "folder", "model", "weights", "data" }) Directory.CreateDirectory(files[folder]);
        foreach (var name in new[]
        {
            "model/config.json", "model/tokenizer.json", "weights/model.safetensors", "data/train.bin", "data/train.idx",
            "text.txt", "text.jsonl",
        })
            File.CreateSymbolicLink(files[name], path);
        File.Copy(Path.Combine(Dense, "config.json"), files["weights/config.json"]);
        string[][] requests =
        [
            ["inspect", files["weights"]],
            ["cost", files["model/config.json"]],
            ["tokenizer", "encode", files["raw/1.txt"], "--tokenizer", files["model"]],
            ["tokenizer", "decode", path, "--tokenizer", Gpt2],
            ["tokenizer", "train", files["text.txt"], "--vocab-size", "300", "--output", files["t.json"]],
            ["tokenizer", "train", files["text.jsonl"], "--vocab-size", "300", "--output", files["t.json"]],
            ["data", "inspect", files["data/train"]],
            ["train", files["model/config.json"]],
            ["run", files["model/config.json"]],
            ["forward", Dense, "--input", path, "--output", files["out.safetensors"]],
        ];
        foreach (var request in requests)
        {
            var run = CommandLineRun.Of(request);
            run.Status.ShouldBe(ExitStatus.WrongRequest, $"{string.Join(' ', request)}: {run.Error}");
            run.Error.Count(letter => letter == '\n').ShouldBe(1, run.Error);
            if (input == "endless" && request.Contains(files["text.jsonl"]))
            {
                run.Error.ShouldContain(
                    "text.jsonl:1: expected text, found nothing but zero bytes; the file is damaged, copy it again");
            }
            if (found is not null && input != "folder")
                run.Error.ShouldContain($"found {found}", customMessage: string.Join(' ', request));
        }
    }

    [Fact]
    public void A_pipe_that_somebody_writes_into_is_read()
    {
        using var shell = Process.Start("bash", ["-c", $"echo '1 2 3' > '{files["pipe"]}'"]);
        CommandLineRun.Of("tokenizer", "decode", files["pipe"], "--tokenizer", Gpt2).ShouldBeDone();
        shell.WaitForExit();
    }

    private static string? TryMakeFolder(string parent)
    {
        try
        {
            return Directory.CreateDirectory(Path.Combine(parent, $"bam-test-{Guid.NewGuid():N}")).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private CommandLineRun Tokenizer(string output) =>
        CommandLineRun.Of("tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", output);

    private CommandLineRun Build(string tokenizer, string output) =>
        CommandLineRun.Of(
            "data", "build", "--input", files["raw"], "--tokenizer", tokenizer, "--output", output, "--near-duplicate-similarity",
            "1");

    private static void MustRefuse(CommandLineRun run, string line)
    {
        run.Status.ShouldBe(ExitStatus.WrongRequest, run.Error);
        run.Error.ShouldBe($"bam: {line}\n");
    }
}
