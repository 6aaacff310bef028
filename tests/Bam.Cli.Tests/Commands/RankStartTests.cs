using System.Diagnostics;
using Bam.Cli.Launching;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>What ranks do before they compute: which commands they may run, and what they say when they cannot meet.</summary>
public sealed class RankStartTests(TrainProcess runs) : IClassFixture<TrainProcess>
{
    private static readonly string Model = RepositoryRoot.PathOf("tests", "fixtures", "bam", "bam-expert-kv");

    [Fact]
    public void Only_some_commands_may_be_run_by_ranks()
    {
        var taking = CommandLine.CreateRoot(Program.Verbs).Subcommands
            .SelectMany(command => command is VerbGroup
                ? command.Subcommands.Select(verb => (Path: $"{command.Name} {verb.Name}", Verb: (Verb)verb))
                : [(Path: command.Name, Verb: (Verb)command)])
            .Where(command => command.Verb.TakesRanks)
            .Select(command => command.Path);
        string[] together = ["train", "generate", "eval perplexity", "eval latency"];
        string[] sharing = ["run", "demo"];
        string[] printing = ["doctor", "inspect", "cost", "data inspect", "tokenizer encode", "tokenizer decode"];
        taking.ShouldBe([.. together, .. sharing, .. printing], ignoreOrder: true);
    }

    [Theory]
    [InlineData("mix soup --seed {0} --expert {0} --output {1}", "bam mix")]
    [InlineData("eval tasks {0} --task piqa --output {1}", "bam eval tasks")]
    public void Other_commands_are_refused_before_they_write(string command, string name)
    {
        var output = runs["copies"];
        var arguments = command.Replace("{0}", Model, StringComparison.Ordinal).Replace("{1}", output, StringComparison.Ordinal);
        var run = TrainProcess.Finish(Start(Ranked(1, FreePort.Find()), arguments.Split(' ')));
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: {name} by several processes is not supported, and this is rank 1 of 2 (RANK and WORLD_SIZE); start one "
            + "process\n");
        Directory.Exists(output).ShouldBeFalse();
    }

    [Fact]
    public void A_launch_refuses_them_once()
    {
        var run = CommandLineRun.Of("launch", "--processes", "2", "--", "eval", "tasks", Model, "--task", "piqa");
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            "bam: COMMAND: expected a command that works in several processes, found eval tasks; run it without bam launch\n");
    }

    [Fact]
    public void Tasks_of_Slurm_may_run_any_command()
    {
        var slurm = new Dictionary<string, string>
        {
            ["SLURM_JOB_ID"] = "7", ["SLURM_STEP_ID"] = "0", ["SLURM_PROCID"] = "1", ["SLURM_NTASKS"] = "2",
            ["SLURM_LOCALID"] = "1", ["SLURM_NODELIST"] = "node1",
        };
        var run = TrainProcess.Finish(
            Start(slurm, "mix", "soup", "--seed", runs["none"], "--expert", runs["none"], "--output", runs["mixed"]));
        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith($"bam: {runs["none"]}");
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("train")]
    public void A_rank_that_finds_no_store_says_what_it_tried(string command)
    {
        var port = FreePort.Find();
        var variables = Ranked(1, port);
        variables["BAM_RANK_TIMEOUT"] = "1";
        string[] arguments = command == "train" ? ["train", runs.Config("alone")] : ["generate", LetterModel(), "--prompt", "a"];
        var run = TrainProcess.Finish(Start(variables, arguments));
        run.Status.ShouldBe(1);
        run.Error.ShouldMatch(
            $"^bam: no store at 127.0.0.1:{port} after 1 s \\(Connection refused.*: the last of [0-9]+ attempts to connect\\); "
            + "is rank 0 running, and does this machine reach it at that address, which MASTER_ADDR and MASTER_PORT name\\?\n$");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_network_interface_that_is_not_there_is_named_on_every_rank(int wrong)
    {
        var (port, config) = (FreePort.Find(), runs.Config("interface"));
        var ranks = Enumerable.Range(0, 2).Select(rank =>
        {
            var variables = Ranked(rank, port);
            if (rank == wrong) variables["GLOO_SOCKET_IFNAME"] = "lo,ib77";
            return Start(variables, "train", config);
        }).ToArray();

        var ends = Array.ConvertAll(ranks, TrainProcess.Finish);

        const string place = "the environment variable GLOO_SOCKET_IFNAME: expected network interfaces of ";
        var (own, other) = (ends[wrong], ends[1 - wrong]);
        own.Status.ShouldBe(2);
        own.Error.ShouldStartWith($"bam: {place}{Environment.MachineName} that have an address: ");
        own.Error.ShouldMatch(@"\blo\b.*, found 'ib77'; set the one that leads to the other ranks, or unset the variable");
        other.Status.ShouldBe(1);
        other.Error.ShouldStartWith(
            $"bam: process group 'world': joining failed on rank {1 - wrong}: rank {wrong} failed: {place}");
        Directory.Exists(runs["interface"]).ShouldBeFalse();
    }

    private static Dictionary<string, string> Ranked(int rank, int port) => new()
    {
        ["RANK"] = $"{rank}", ["LOCAL_RANK"] = $"{rank}", ["WORLD_SIZE"] = "2", ["MASTER_ADDR"] = "127.0.0.1",
        ["MASTER_PORT"] = $"{port}", ["OMP_NUM_THREADS"] = "1", ["BAM_RANK_TIMEOUT"] = "60",
    };

    private static Process Start(Dictionary<string, string> variables, params string[] arguments) =>
        TrainProcess.StartBam(variables, arguments);

    private string LetterModel()
    {
        var directory = Directory.CreateDirectory(runs["model"]).FullName;
        foreach (var file in (string[])["config.json", "model.safetensors"])
            File.Copy(Path.Combine(Model, file), Path.Combine(directory, file));
        LetterTokenizer.Write(directory);
        return directory;
    }
}
