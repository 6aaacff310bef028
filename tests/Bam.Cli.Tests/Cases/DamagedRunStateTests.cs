using System.Text.Json.Nodes;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class DamagedRunStateTests : IClassFixture<DamagedRunStateTests.StoppedRun>, IDisposable
{
    private const string State = "run/checkpoints/step-3/trainer_state.json";
    private const string Identity = "run/identity.json";
    private const string Metrics = "run/metrics.jsonl";

    private readonly CaseFiles files = new(null);
    private readonly StoppedRun stopped;

    public DamagedRunStateTests(StoppedRun stopped)
    {
        this.stopped = stopped;
        stopped.CopyTo(files.Root);
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("window", "null", "key 'window': expected a value, found null")]
    [InlineData("window", "{}", "key 'window.steps' is missing")]
    [InlineData("window", null, "key 'window' is missing")]
    [InlineData("step", "4", "key 'step': expected 3, the step in the checkpoint's name, found 4")]
    [InlineData("step", "\"3\"", "key 'step': holds what Bam does not write there")]
    [InlineData("tokens", "-1", "key 'tokens': expected a number of at least 0, found -1")]
    [InlineData("tokens", "7", "key 'tokens': expected 48, those of 3 steps, found 7")]
    [InlineData("step_seconds", "0", "key 'step_seconds': expected more than 0, found 0")]
    [InlineData("core_seconds", "1e999", "key 'core_seconds': expected a finite number, found 1e999")]
    [InlineData("core_seconds", null, "key 'core_seconds' is missing")]
    [InlineData("format", "2", ": expected format 1, found 2; use the Bam that wrote it")]
    [InlineData("identity", "{\"data\": []}", "key 'identity.config_sha256' is missing")]
    public void A_damaged_state_costs_a_warning_and_a_step(string key, string? value, string message)
    {
        Edit(State, key, value);
        GoesOn($"{files[State]}{(message.StartsWith(':') ? "" : ": ")}{message}");
    }

    [Theory]
    [InlineData("trainer_state.json")]
    [InlineData("optimizer.safetensors")]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public void A_file_of_a_checkpoint_may_be_missing_empty_cut_or_a_directory(string name)
    {
        var file = files[$"run/checkpoints/step-3/{name}"];
        var bytes = File.ReadAllBytes(file);
        foreach (var damage in new Action[]
        {
            () => File.Delete(file),
            () => File.WriteAllBytes(file, []),
            () => File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]),
            () => File.WriteAllBytes(file, new byte[bytes.Length]),
            () => Directory.CreateDirectory(file),
        })
        {
            if (File.Exists(file)) File.Delete(file);
            damage();
            GoesOn("step-3");
            Directory.Delete(files["run"], recursive: true);
            stopped.CopyTo(files.Root);
        }
    }

    [Theory]
    [InlineData("data", "null", "key 'data': expected a value, found null")]
    [InlineData("data", "[null]", "key 'data[0]': expected a value, found null")]
    [InlineData("data", "[{\"domain\": \"text\"}]", "key 'data[0].index_sha256' is missing")]
    [InlineData("data", null, "key 'data' is missing")]
    [InlineData("compute", "[]", "key 'compute': holds what Bam does not write there")]
    [InlineData("model_sha256", "\"abc\"", "key 'model_sha256': expected 64 hexadecimal digits, found 'abc'")]
    public void A_damaged_identity_is_named_with_its_key(string key, string? value, string message)
    {
        Edit(Identity, key, value);
        Refused(
            $"{files[Identity]}: {message}; remove the file if neither the starting model nor the data has changed since the "
            + "run began");
    }

    [Fact]
    public void An_identity_of_fewer_domains_is_another_run()
    {
        Edit(Identity, "data", "[]");
        Refused($"{files["run"]}: holds a run with the data of 0 domains, now 1; choose another output or restore it");
    }

    [Fact]
    public void A_file_that_is_cut_or_a_directory_is_named()
    {
        File.WriteAllText(files[Identity], "{\"config");
        Run().Error.ShouldStartWith($"bam: {files[Identity]}: not JSON (line 1");
        File.Delete(files[Identity]);
        Directory.CreateDirectory(files[Identity]);
        Run().Error.ShouldStartWith($"bam: {files[Identity]}: ");
        Directory.Delete(files[Identity]);
        File.WriteAllText(files["run/config.resolved.yaml"], "");
        Run().Error.ShouldEndWith("; the run's own record is damaged: restore it, or choose another output\n");
        Run().Status.ShouldBe(ExitStatus.WrongRequest);
    }

    [Fact]
    public void Without_an_identity_the_run_goes_on()
    {
        File.Delete(files[Identity]);
        Run().Status.ShouldBe(0);
    }

    [Fact]
    public void Damaged_lines_of_metrics_are_removed_with_a_warning()
    {
        var lines = File.ReadAllLines(files[Metrics]);
        var unbroken = stopped.FinalMetricsSteps;
        File.WriteAllLines(files[Metrics], [lines[0], "{\"step\":1.5}", "\u0000", "null", "{\"\\ud800\": 1}", .. lines[1..]]);
        var run = Run();
        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain($"warning: {files[Metrics]}: 4 lines are not metrics and are removed, line 2 is the first\n");
        StoppedRun.StepsOf(files[Metrics]).ShouldBe(unbroken);
    }

    [Fact]
    public void Missing_metrics_are_said()
    {
        File.Delete(files[Metrics]);
        Run().Error.ShouldContain($"warning: {files[Metrics]}: is missing; the metrics of the 3 steps before are lost\n");
    }

    [Fact]
    public void A_finished_run_whose_state_is_damaged_says_how_to_make_it_again()
    {
        Run().Status.ShouldBe(0);
        var state = files["run/model/trainer_state.json"];
        Edit("run/model/trainer_state.json", "step", "2");
        Refused(
            $"{state}: key 'step': expected 4, the run's steps, found 2; remove {files["run/model"]} to make it again from the "
            + "last checkpoint");
        Directory.Delete(files["run/model"], recursive: true);
        Run().Status.ShouldBe(0);
        File.ReadAllBytes(files["run/model/model.safetensors"]).ShouldBe(stopped.FinalModel);
    }

    private void GoesOn(string warned)
    {
        var run = Run();
        run.Status.ShouldBe(0, run.Error);
        run.Error.Split('\n').Where(line => line.StartsWith("warning:", StringComparison.Ordinal)).ShouldHaveSingleItem()
            .ShouldContain(warned);
        run.Error.ShouldContain("goes on after step 2 of 4");
        File.ReadAllBytes(files["run/model/model.safetensors"]).ShouldBe(stopped.FinalModel);
    }

    private void Refused(string line)
    {
        var run = Run();
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldBe($"bam: {line}\n");
    }

    private CommandLineRun Run() => CommandLineRun.Of("train", files["train.yaml"]);

    // Sets a key to JSON, or removes it.
    private void Edit(string file, string key, string? value)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(files[file]))!.AsObject();
        if (value is null) json.Remove(key);
        else json[key] = "\u0001";
        File.WriteAllText(files[file], json.ToJsonString().Replace("\"\\u0001\"", value, StringComparison.Ordinal));
    }

    /// <summary>A run of four steps that was killed in the last, with checkpoints after two and three.</summary>
    public sealed class StoppedRun : IDisposable
    {
        private readonly string root = Directory.CreateTempSubdirectory("bam-stopped-").FullName;

        public StoppedRun()
        {
            using (var writer = new IndexedDatasetWriter(Path.Combine(root, "text"), TokenType.UInt16))
            {
                for (var document = 0; document < 5; document++)
                    writer.Append([.. Enumerable.Range(document, 30).Select(i => i * i % 31), 31]);
                writer.Complete();
            }

            File.WriteAllText(Path.Combine(root, "train.yaml"), """
                config: {vocab_size: 32, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2,
                  num_key_value_heads: 2, head_dim: 8, max_position_embeddings: 16}
                data: [{domain: text, path: text}]
                output: run
                sequence_length: 8
                batch_size: 2
                steps: 4
                learning_rate: 1e-2
                checkpoint_every: 1
                log_every: 1
                device: cpu
                """);
            CommandLineRun.Of("train", Path.Combine(root, "train.yaml")).Status.ShouldBe(0);
            FinalModel = File.ReadAllBytes(Path.Combine(root, "run", "model", "model.safetensors"));
            FinalMetricsSteps = StepsOf(Path.Combine(root, "run", "metrics.jsonl"));
            Directory.Delete(Path.Combine(root, "run", "model"), recursive: true);
        }

        public byte[] FinalModel { get; }

        public long[] FinalMetricsSteps { get; }

        public static long[] StepsOf(string metrics) =>
            [.. File.ReadAllLines(metrics).Select(line => (long)JsonNode.Parse(line)!["step"]!)];

        public void CopyTo(string target)
        {
            foreach (var file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(target, Path.GetRelativePath(root, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }
        }

        public void Dispose() => Directory.Delete(root, recursive: true);
    }
}
