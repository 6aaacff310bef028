using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Bam.Cli.Launching;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>Several processes of <c>bam run</c> in one directory.</summary>
public sealed class WorkersTests(WorkersTests.Runs runs) : IClassFixture<WorkersTests.Runs>
{
    [Fact]
    [Trait("Speed", "long")]
    public void Two_workers_run_every_phase_once_and_find_what_one_finds()
    {
        var (first, second) = (runs.Start("two"), runs.Start("two"));

        CommandLineRun[] ended = [TrainProcess.Finish(first), TrainProcess.Finish(second)];

        foreach (var run in ended) run.ShouldBeDone();
        ended[0].Output.ShouldBe(ended[1].Output);
        ended.SelectMany(run => Runs.Begun(run.Error)).Order().ShouldBe(runs.Titles.Order());
        runs.Outcome("two").ShouldBe(runs.Outcome("one"));
        Temporary("two").ShouldBeEmpty();
    }

    [Fact]
    [Trait("Speed", "long")]
    public void When_a_worker_is_killed_the_other_takes_over_and_finishes()
    {
        using var killed = runs.Start("killed");
        var begun = Runs.ReadUntil(killed, "] train seed");
        var other = runs.Start("killed");
        var waiting = Runs.ReadUntil(other, "waiting for train seed");
        waiting[^1].ShouldBe($"waiting for train seed of process {killed.Id} on {System.Net.Dns.GetHostName()}");
        killed.Kill();

        var ended = TrainProcess.Finish(other);

        ended.ShouldBeDone();
        var titles = Runs.Begun(string.Join('\n', [.. begun, .. waiting]) + $"\n{ended.Error}").Order().ToList();
        titles.ShouldBe(runs.Titles.Append("train seed").Order());
        runs.Outcome("killed").ShouldBe(runs.Outcome("one"));
    }

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("kill -KILL $$", 137)]
    public void What_may_be_killed_fails_the_others_only_if_nobody_is_left(string other, int status)
    {
        using var reporter = new Reporter(TextWriter.Null);
        ChildProcess[] children =
        [
            new("killed", ["sh", "-c", "kill -KILL $$"], ChildOutput.Messages),
            new("other", ["sh", "-c", $"sleep 0.3; {other}"], ChildOutput.Messages),
        ];

        var death = ChildProcesses.Run(
            children, TimeSpan.FromSeconds(5), reporter, (death, _) => death.Status != 137, CancellationToken.None);

        (death?.Status ?? 0).ShouldBe(status);
    }

    [Fact]
    public void A_worker_with_another_recipe_is_refused()
    {
        File.WriteAllText(runs["other.yaml"], Runs.Recipe("steps: 5"));
        using var first = runs.Start("refused", "blocked.yaml");
        Runs.ReadUntil(first, "blocked");

        var second = CommandLineRun.Of("run", runs["other.yaml"], "--output", runs["refused"]);

        second.Status.ShouldBe(2);
        second.Error.ShouldContain("another bam is at work there, with another recipe or other text");
        first.Kill(entireProcessTree: true);
    }

    [Fact]
    [Trait("Speed", "long")]
    public void The_option_workers_starts_them_and_shows_one_result()
    {
        var run = TrainProcess.Finish(TrainProcess.StartBam(
            "run", runs["recipe.yaml"], "--output", runs["option"], "--workers", "2"));

        run.ShouldBeDone();
        run.Output.ShouldBe(runs.Output.Replace(runs["one"], runs["option"], StringComparison.Ordinal));
        var lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.ShouldAllBe(line => line.StartsWith("[worker 1] ", StringComparison.Ordinal)
            || line.StartsWith("[worker 2] ", StringComparison.Ordinal));
        Runs.Begun(string.Join('\n', lines.Select(line => line["[worker 1] ".Length..]))).Order().ShouldBe(runs.Titles.Order());
        runs.Outcome("option").ShouldBe(runs.Outcome("one"));
    }

    [Fact]
    public void The_first_worker_that_fails_ends_all_with_its_status()
    {
        var run = TrainProcess.Finish(TrainProcess.StartBam(
            "run", runs["broken.yaml"], "--output", runs["broken"], "--workers", "2"));

        run.Status.ShouldBe(1);
        run.Error.ShouldContain("ended with status 3 (it broke); run it by hand to see why");
        run.Error.ShouldMatch("warning: worker [12] ended with status 1");
    }

    [Fact]
    public void A_signal_ends_all_workers_in_order()
    {
        IgnoredSignals.Skip("TERM");
        using var parent = TrainProcess.StartBam("run", runs["blocked.yaml"], "--output", runs["signal"], "--workers", "2");
        var lines = Runs.ReadUntil(parent, "blocked by ", "waiting for prepare");
        var script = int.Parse(
            lines.Single(line => line.Contains("blocked by ", StringComparison.Ordinal)).Split(' ')[^1],
            CultureInfo.InvariantCulture);
        using (var kill = Process.Start("kill", ["-TERM", $"{parent.Id}"])) kill.WaitForExit();

        var run = TrainProcess.Finish(parent);

        run.Status.ShouldBe(130);
        run.Error.ShouldContain("[worker 1] bam: interrupted");
        run.Error.ShouldContain("[worker 2] bam: interrupted");
        Directory.Exists($"/proc/{script}").ShouldBeFalse();
    }

    [Theory]
    [InlineData("0", "--workers: expected a number of processes, at least 1, found 0; correct it")]
    [InlineData("2", "--workers only applies to whole runs; leave it out, or --dry-run and --calibrate", "--dry-run")]
    [InlineData("2", "--workers only applies to whole runs; leave it out, or --dry-run and --calibrate", "--calibrate")]
    public void Wrong_requests_are_refused(string workers, string message, params string[] more)
    {
        var run = CommandLineRun.Of(["run", runs["recipe.yaml"], "--output", runs["none"], "--workers", workers, .. more]);

        run.Status.ShouldBe(2);
        run.Error.ShouldBe($"bam: {message}\n");
    }

    private List<string> Temporary(string run) =>
        [.. Directory.EnumerateFileSystemEntries(runs[run], ".*.tmp", SearchOption.AllDirectories)];

    /// <summary>A small recipe, and what one worker finds.</summary>
    public sealed class Runs : IDisposable
    {
        private static readonly string[] Times =
            ["seconds", "created", "core_seconds", "tokens_per_second", "fraction_of_peak"];

        private readonly string root = Directory.CreateTempSubdirectory("bam-workers-").FullName;

        public Runs()
        {
            var random = new RandomStream(1, "text");
            foreach (var domain in new[] { "general", "law" })
            {
                var documents = Enumerable.Range(0, 60).Select(_ => string.Join(
                    ' ',
                    Enumerable.Range(0, 100).Select(_ => $"{domain[random.NextInt64(3) == 0 ? 0 : 1]}{random.NextInt64(9)}")));
                File.WriteAllText(this[$"{domain}.txt"], string.Join("\n----\n", documents));
            }

            File.WriteAllText(this["recipe.yaml"], Recipe("steps: 60, checkpoint_every: 2"));
            File.WriteAllText(this["blocked.sh"], "echo blocked by $$\nexec sleep 1000\n");
            File.WriteAllText(this["blocked.yaml"], $"prepare: blocked.sh\n{Recipe("steps: 4")}");
            File.WriteAllText(this["broken.sh"], "echo it broke\nexit 3\n");
            File.WriteAllText(this["broken.yaml"], $"prepare: broken.sh\n{Recipe("steps: 4")}");
            var one = TrainProcess.Finish(Start("one"));
            one.ShouldBeDone();
            (Output, Titles) = (one.Output, [.. Begun(one.Error)]);
        }

        /// <summary>What one worker prints.</summary>
        public string Output { get; }

        /// <summary>The phases that one worker runs.</summary>
        public IReadOnlyList<string> Titles { get; }

        public string this[string relative] => Path.Combine(root, relative);

        public static string Recipe(string seed) => $$"""
            domains:
              general: { files: [general.txt], section_separator: "----" }
              law: { files: [law.txt], section_separator: "----" }
            tokenizer: { vocab_size: 280 }
            data: { held_out_fraction: 0.1, near_duplicate_similarity: 1, contamination_share: 1 }
            model: { hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2 }
            training: { batch_size: 8, sequence_length: 32, device: cpu, threads: 1 }
            seed: { {{seed}}, learning_rate: 1e-2 }
            experts: { law: { steps: 10 }, again: { domain: law, steps: 12 } }
            mixtures: { btx: { method: btx, steps: 6 }, bam: { method: bam, steps: 6 } }
            """;

        /// <summary>The titles of the phases that the lines say were begun.</summary>
        public static IEnumerable<string> Begun(string error) =>
            error.Split('\n').Where(line => line.StartsWith('[') && !line.Contains(": finished ", StringComparison.Ordinal))
                .Select(line => line[(line.IndexOf(']', StringComparison.Ordinal) + 2)..]);

        /// <summary>Reads the messages of a process until each text was in a line.</summary>
        public static List<string> ReadUntil(Process process, params string[] texts)
        {
            List<string> lines = [];
            while (process.StandardError.ReadLine() is { } line)
            {
                lines.Add(line);
                if (texts.All(text => lines.Exists(said => said.Contains(text, StringComparison.Ordinal)))) return lines;
            }

            throw new InvalidOperationException($"not said: {string.Join(", ", texts)}: {string.Join('\n', lines)}");
        }

        public Process Start(string run, string recipe = "recipe.yaml") =>
            TrainProcess.StartBam("run", this[recipe], "--output", this[run]);

        /// <summary>What a run found, but for times: the results, and the bytes of data and models.</summary>
        public string Outcome(string run)
        {
            var results = JsonNode.Parse(File.ReadAllText(this[$"{run}/results.json"]))!.AsObject();
            RemoveTimes(results);
            var files = Directory.EnumerateFiles(this[run], "*", SearchOption.AllDirectories)
                .Where(path => Path.GetExtension(path) is ".safetensors" or ".bin" or ".idx")
                .Select(path => $"{Path.GetRelativePath(this[run], path)} {Hash(path)}").Order(StringComparer.Ordinal);
            return $"{string.Join('\n', files)}\n{results}";
        }

        public void Dispose() => Directory.Delete(root, recursive: true);

        private static void RemoveTimes(JsonNode? node)
        {
            if (node is JsonObject map)
                foreach (var time in Times) map.Remove(time);
            var inner = node switch
            {
                JsonObject pairs => pairs.Select(pair => pair.Value),
                JsonArray items => items,
                _ => Enumerable.Empty<JsonNode?>(),
            };
            foreach (var part in inner) RemoveTimes(part);
        }

        private static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
    }
}
