using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>
/// Measurements that are killed or run out of disk leave whole files only, and go on when the command is given again.
/// </summary>
public sealed class EvalTasksBrokenOffTests : IDisposable
{
    private const int Items = 400;

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public EvalTasksBrokenOffTests()
    {
        File.WriteAllLines(Path.Combine(root, "piqa.jsonl"), Enumerable.Range(0, Items).Select(
            i => $$"""{"goal": "to do {{i}}", "sol1": "use {{i * 7}} pots", "sol2": "use a hat", "label": {{i % 2}}}"""));
        // Heads of 16 dimensions: an item's numbers do not depend on which others are answered beside it.
        var config = new ModelConfig
        {
            VocabSize = 96, HiddenSize = 32, IntermediateSize = 32, NumHiddenLayers = 2, NumAttentionHeads = 2,
            NumKeyValueHeads = 2, HeadDim = 16, MaxPositionEmbeddings = 128, NumAttentionExperts = 2, NumLocalExperts = 2,
        };
        LibTorch.Load();
        using (var model = new LanguageModel(config, Device.Cpu, withGradients: false))
        {
            ModelInitializer.Initialize(model, seed: 1);
            Directory.CreateDirectory(Path.Combine(root, "model"));
            ModelCheckpoint.Save(model, Path.Combine(root, "model"));
        }

        LetterTokenizer.Write(Path.Combine(root, "model"));
        TrainProcess.Finish(TrainProcess.StartBam(Arguments("whole"))).ShouldBeDone();
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    [Trait("Speed", "long")]
    public void A_kill_leaves_whole_files_and_the_answers_before_it()
    {
        var isCut = false;
        foreach (var lines in new[] { 1, Items / 2, Items })
        {
            using var process = TrainProcess.StartBam(Arguments("killed"));
            while (!process.HasExited && LinesOf("killed") < lines) Thread.Yield();
            process.Kill();
            TrainProcess.Finish(process);
            isCut |= LinesOf("killed") is > 0 and < Items;
            EveryFinalFileIsWhole("killed");
        }

        isCut.ShouldBeTrue();
        TrainProcess.Finish(TrainProcess.StartBam(Arguments("killed"))).ShouldBeDone();
        Files("killed").ShouldBe(Files("whole"));
    }

    [SkippableFact]
    [Trait("Speed", "long")]
    public void A_full_disk_costs_one_line_and_the_answers_before_it_are_kept()
    {
        Skip.IfNot(TrainTests.CanMount(), "a small disk needs 'unshare -rm', which this machine does not allow");
        Directory.CreateDirectory(Path.Combine(root, "full"));

        var run = TrainProcess.Finish(TrainProcess.StartBamOnDisk(Path.Combine(root, "full"), room: 60, Arguments("full")));

        run.Status.ShouldBe(ExitStatus.WorkFailed, run.Error);
        run.Error.Split('\n').Single(line => line.StartsWith("bam:", StringComparison.Ordinal))
            .ShouldContain("piqa.partial.jsonl: cannot be written (the disk is full); the answers before are kept: make room");
        LinesOf("full").ShouldBeInRange(10, Items - 1);
        EveryFinalFileIsWhole("full");
        TrainProcess.Finish(TrainProcess.StartBam(Arguments("full"))).ShouldBeDone();
        Files("full").ShouldBe(Files("whole"));
    }

    private string[] Arguments(string output) =>
    [
        "eval", "tasks", Path.Combine(root, "model"), "--task", $"piqa={Path.Combine(root, "piqa.jsonl")}", "--device", "cpu",
        "--output", Path.Combine(root, output),
    ];

    // Those of the unfinished file; a line that was cut is not counted.
    private int LinesOf(string output)
    {
        var folder = new DirectoryInfo(Path.Combine(root, output));
        if (!folder.Exists) return 0;
        try
        {
            return folder.GetFiles("piqa.partial.jsonl", SearchOption.AllDirectories)
                .Sum(file => File.ReadAllText(file.FullName).Count(letter => letter == '\n'));
        }
        catch (FileNotFoundException)
        {
            return 0;  // it was finished meanwhile
        }
    }

    private void EveryFinalFileIsWhole(string output)
    {
        var final = Files(output).Where(file => !file.Key.EndsWith(".partial.jsonl", StringComparison.Ordinal));
        foreach (var (name, content) in final)
            content.ShouldBe(Files("whole")[name], name);
    }

    // By name; temporary names are hidden ones.
    private SortedDictionary<string, string> Files(string output) => new(
        Directory.EnumerateFiles(Path.Combine(root, output), "*", SearchOption.AllDirectories)
            .Where(path => !Path.GetFileName(path).StartsWith('.'))
            .ToDictionary(path => Path.GetRelativePath(Path.Combine(root, output), path), File.ReadAllText));
}
