using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bam.Data;
using Bam.Data.Building;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class TrainTests(TrainProcess train) : IClassFixture<TrainProcess>
{

    [Fact]
    [Trait("Speed", "long")]
    public void A_run_that_is_killed_again_and_again_ends_bit_for_bit_like_an_unbroken_one()
    {
        var config = train.Config("killed");
        var random = new Random();
        var kills = 0;
        for (var target = 1; target < TrainProcess.Steps - 10; target = train.NewestStep("killed") + random.Next(1, 12))
        {
            using var process = TrainProcess.Start(config);
            if (!train.WaitForStep(process, "killed", target)) break;
            // Most of a step of this size goes into its checkpoint: a random moment often falls into the writing of one.
            Thread.Sleep(random.Next(0, 40));
            process.Kill();
            process.WaitForExit();
            if (process.ExitCode == 0) break;
            kills++;
        }

        kills.ShouldBeGreaterThan(2);
        TrainProcess.Finish(TrainProcess.Start(config)).ShouldBeDone();
        train.Model("killed").ShouldBe(train.Model(train.Unbroken));
        Losses("killed").ShouldBe(Losses(train.Unbroken));
        Directory.GetFileSystemEntries(train["killed/checkpoints"], ".*").ShouldBeEmpty();
    }

    [Fact]
    public void A_kill_before_the_first_checkpoint_costs_nothing_but_time()
    {
        var config = train.Config("early", checkpointEvery: 0);
        using var process = TrainProcess.Start(config);
        while (!File.Exists(train["early/metrics.jsonl"]) && !process.HasExited) Thread.Sleep(1);
        process.Kill();
        process.WaitForExit();
        TrainProcess.Finish(TrainProcess.Start(config)).ShouldBeDone();
    }

    [SkippableTheory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void A_signal_saves_and_ends_with_130_and_the_same_command_goes_on(string signal)
    {
        IgnoredSignals.Skip(signal);
        var output = $"stopped-{signal}";
        var config = train.Config(output);
        using var process = TrainProcess.Start(config);
        train.WaitForStep(process, output, 4).ShouldBeTrue();
        var id = process.Id.ToString(CultureInfo.InvariantCulture);
        using (var kill = Process.Start("kill", [$"-{signal}", id])) kill.WaitForExit();
        var run = TrainProcess.Finish(process);
        run.Status.ShouldBe(ExitStatus.Interrupted, run.Error);
        run.Error.ShouldContain("stopped after step");
        train.NewestStep(output).ShouldBeGreaterThanOrEqualTo(4);
        Directory.Exists(train[$"{output}/model"]).ShouldBeFalse();
        TrainProcess.Finish(TrainProcess.Start(config)).ShouldBeDone();
        train.Model(output).ShouldBe(train.Model(train.Unbroken));
    }

    [SkippableFact]
    public void A_full_disk_costs_one_line_and_no_checkpoint()
    {
        Skip.IfNot(CanMount(), "a small disk needs 'unshare -rm', which this machine does not allow");
        var config = train.Config("full");
        using (var process = TrainProcess.Start(config))
        {
            train.WaitForStep(process, "full", 4).ShouldBeTrue();
            process.Kill();
            process.WaitForExit();
        }

        // Half of a checkpoint's room.
        var step = train.NewestStep("full");
        var checkpoint = train[$"full/checkpoints/step-{step}"];
        var room = Directory.GetFiles(checkpoint).Sum(f => new FileInfo(f).Length) / 2 / 1024;
        var run = TrainProcess.Finish(TrainProcess.StartOnDisk(config, train["full"], room));
        run.Status.ShouldBe(ExitStatus.WorkFailed, run.Error);
        var line = run.Error.Split('\n').Single(l => l.StartsWith("bam:", StringComparison.Ordinal));
        line.ShouldContain("make room");
        line.ShouldContain($"the last good checkpoint is {checkpoint}");
        train.NewestStep("full").ShouldBe(step);
        Directory.GetFileSystemEntries(train["full/checkpoints"], ".*").ShouldBeEmpty();
        TrainProcess.Finish(TrainProcess.Start(config)).ShouldBeDone();
        train.Model("full").ShouldBe(train.Model(train.Unbroken));
    }

    [Fact]
    public void A_second_trainer_is_kept_out_of_the_directory()
    {
        var config = train.Config("locked");
        using var first = TrainProcess.Start(config);
        train.WaitForStep(first, "locked", 2).ShouldBeTrue();
        var second = TrainProcess.Finish(TrainProcess.Start(config));
        second.Status.ShouldBe(ExitStatus.WrongRequest);
        second.Error.ShouldContain("another bam is at work there");
        first.Kill();
        first.WaitForExit();
    }

    [Fact]
    public void A_wrong_key_costs_one_line_that_names_it()
    {
        var run = CommandLineRun.Of("train", train.Config("wrong", "lerning_rate: 1"));
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.Trim().ShouldBe($"bam: {train["wrong.yaml"]}:12: key 'lerning_rate' is unknown, did you mean 'learning_rate'");
        Directory.Exists(train["wrong"]).ShouldBeFalse();
    }

    [Fact]
    public void Evaluations_have_the_names_of_the_configuration()
    {
        TrainProcess.Finish(TrainProcess.Start(MeasuredConfig("measured", heldOut: 0.3))).ShouldBeDone();
        var lines = File.ReadAllLines(train["measured/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement);
        var evaluation = lines.Select(line => line.TryGetProperty("evaluation", out var found) ? found : (JsonElement?)null)
            .OfType<JsonElement>().ShouldHaveSingleItem();
        evaluation.EnumerateObject().Select(domain => domain.Name).ShouldBe(["law"]);
    }

    [Fact]
    public void Without_held_out_text_the_key_that_asks_for_it_is_named()
    {
        const string hint = "build it with a held-out fraction above 0, or set key 'evaluate_every' to 0";
        var none = CommandLineRun.Of("train", MeasuredConfig("unmeasured", heldOut: 0));
        none.Status.ShouldBe(ExitStatus.WrongRequest);
        none.Error.Trim().ShouldBe($"bam: {train["unmeasured texts"]}: expected a domain with held-out text, found none; {hint}");
        var prefix = CommandLineRun.Of("train", train.Config("prefix", "evaluate_every: 4"));
        prefix.Status.ShouldBe(ExitStatus.WrongRequest);
        prefix.Error.Trim().ShouldBe(
            $"bam: {train["text"]}: is an indexed data set without held-out text; name one by key 'validation' of domain "
            + "'text', or set key 'evaluate_every' to 0");
    }

    [Fact]
    public void An_indexed_data_set_is_measured_on_as_it_is()
    {
        using (var writer = new IndexedDatasetWriter(train["valid"], TokenType.UInt16))
        {
            for (var document = 0; document < 3; document++)
                writer.Append([.. Enumerable.Range(document, 20).Select(i => i * i % 31), 31]);
            writer.Complete();
        }

        var config = train.Config("validated", "evaluate_every: 4", checkpointEvery: 0);
        var yaml = File.ReadAllText(config)
            .Replace("path: text}", "path: text, validation: valid.idx}", StringComparison.Ordinal)
            .Replace($"steps: {TrainProcess.Steps}", "steps: 4", StringComparison.Ordinal);
        File.WriteAllText(config, yaml);
        TrainProcess.Finish(TrainProcess.Start(config)).ShouldBeDone();

        var evaluation = File.ReadAllLines(train["validated/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("evaluation", out _))
                .ShouldHaveSingleItem().GetProperty("evaluation").GetProperty("text");
        evaluation.GetProperty("tokens").GetInt64().ShouldBe((3 * 21) - 1);
        evaluation.TryGetProperty("bits_per_byte", out var bits).ShouldBe(bits.ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public void Ids_of_a_validation_set_that_the_model_does_not_know_are_refused_before_the_run()
    {
        using (var writer = new IndexedDatasetWriter(train["foreign"], TokenType.UInt16))
        {
            writer.Append([1, 2, 3]);
            writer.Append([4, 32]);
            writer.Complete();
        }

        var config = train.Config("refused", "evaluate_every: 4");
        File.WriteAllText(
            config,
            File.ReadAllText(config).Replace("path: text}", "path: text, validation: foreign}", StringComparison.Ordinal));
        var run = CommandLineRun.Of("train", config);

        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldContain($"{train["foreign.bin"]}, document 1, token 4: expected an id from 0 to 31, found 32");
        Directory.Exists(train["refused"]).ShouldBeFalse();
    }

    [Fact]
    public void The_schema_is_printed()
    {
        var schema = JsonDocument.Parse(CommandLineRun.Of("train", "--schema").Output).RootElement;
        schema.GetProperty("properties").GetProperty("learning_rate").GetProperty("description").GetString()
            .ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public void Without_a_file_it_asks_for_one() => CommandLineRun.Of("train").Error.ShouldContain("CONFIG is missing");

    private string MeasuredConfig(string output, double heldOut)
    {
        Directory.CreateDirectory(train[$"{output} source"]);
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllText(
                train[$"{output} source/{i}.txt"], $"document {i} has {i * i * 7919} other words: {i * 31} and {i * 17}");
        }
        DataBuilder.Build(new DataBuildOptions
        {
            Inputs = [train[$"{output} source"]],
            Output = train[$"{output} texts"],
            Encoder = new TextEncoder(
                (text, ids) => ids.AddRange(text.ToString().Select(letter => letter % 29)), 30, 29, "letters"),
            HeldOutFraction = heldOut,
            NearDuplicateSimilarity = 1,
            ContaminationShare = 1,
        });
        var config = train.Config(output, "evaluate_every: 4", checkpointEvery: 0);
        var yaml = File.ReadAllText(config)
            .Replace("{domain: text, path: text}", $"{{domain: law, path: '{output} texts'}}", StringComparison.Ordinal)
            .Replace($"steps: {TrainProcess.Steps}", "steps: 4", StringComparison.Ordinal);
        File.WriteAllText(config, yaml);
        return config;
    }

    internal static bool CanMount()
    {
        using var process = Process.Start(
            new ProcessStartInfo("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private string[] Losses(string output) =>
        [.. File.ReadAllLines(train[$"{output}/metrics.jsonl"])
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Select(line => $"{line.GetProperty("step")}: {line.GetProperty("loss")}")];
}
