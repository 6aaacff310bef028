using System.Text.Json;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Data.Building;
using Bam.Evaluation;
using Bam.Tests.Data;
using Bam.Tests.Files;
using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

[Collection(LibTorchCollection.Name)]
public sealed class TrainerTests : IDisposable
{
    private const string SmallTokenizer =
        """
        {"model": {"type": "BPE", "unk_token": "a", "vocab": {"a": 0, "b": 1}, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
        """;

    private readonly TinyRun run = new();

    [Fact]
    public void A_run_leaves_the_model_the_metrics_and_its_identity()
    {
        var live = Tensor.LiveCount;
        var config = run.Config("run", "evaluate_every: 5\ncheckpoint_every: 4\nkeep_checkpoints: 1");
        var evaluation = new FakeEvaluation((_, _) => FakeEvaluation.Figures());
        var result = Trainer.Run(config, new() { Evaluation = evaluation, MeasurePeak = true });
        result.Steps.ShouldBe(12);
        result.Tokens.ShouldBe(12 * 64);
        result.CoreSeconds.ShouldBeGreaterThan(0);
        TinyRun.Parameters(result.Model).Count.ShouldBe(
            ParameterTable.Of(ModelConfigReader.Load(result.Model, SilentReporter.Instance)).Count);
        Directory.GetDirectories(run["run/checkpoints"]).ShouldBe([run["run/checkpoints/step-8"]]);
        Directory.GetFiles(run["run/events"]).Length.ShouldBe(1);
        RunIdentity.Load(run["run/identity.json"]).Data.Select(d => d.Domain).ShouldBe(["count", "walk"]);

        var lines = Lines("run");
        lines.Where(l => l.TryGetProperty("loss", out _)).Select(Step).ShouldBe([3, 6, 9, 12]);
        lines.Where(l => l.TryGetProperty("evaluation", out _)).Select(Step).ShouldBe([5, 10, 12]);
        var last = lines[^2];
        last.GetProperty("fraction_of_peak").GetDouble().ShouldBeGreaterThan(0);
        var layer = last.GetProperty("layers")[1];
        layer.GetProperty("expert_load").EnumerateArray().Sum(l => l.GetDouble()).ShouldBe(1, 1e-6);
        layer.GetProperty("by_domain").GetProperty("walk").GetProperty("attention_gate").GetArrayLength().ShouldBe(2);
        Tensor.LiveCount.ShouldBe(live);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(11)]
    public void A_stopped_run_goes_on_bit_for_bit(int stop)
    {
        const string more = "evaluate_every: 2\ncheckpoint_every: 3\ngradient_accumulation: 2";
        Trainer.Run(run.Config("unbroken", more), new() { Evaluation = new FakeEvaluation((_, _) => FakeEvaluation.Figures()) });
        StopAfter(stop, run.Config("stopped", more));
        Directory.Exists(run["stopped/model"]).ShouldBeFalse();
        var checkpoint = run[$"stopped/checkpoints/step-{stop}"];
        Checkpoint.Open(checkpoint, SilentReporter.Instance).Dispose();
        Trainer.Run(run.Config("stopped", more), new() { Evaluation = new FakeEvaluation((_, _) => FakeEvaluation.Figures()) });
        ShouldBeSameModel("stopped", "unbroken");
        ShouldHaveSameLosses("stopped", "unbroken");
    }

    [Fact]
    public void Steps_after_the_last_checkpoint_are_done_again()
    {
        Trainer.Run(run.Config("unbroken"));
        StopAfter(8, run.Config("killed", "checkpoint_every: 5"));
        Directory.Delete(run["killed/checkpoints/step-8"], recursive: true);
        Trainer.Run(run.Config("killed", "checkpoint_every: 5"));
        ShouldBeSameModel("killed", "unbroken");
        ShouldHaveSameLosses("killed", "unbroken");
    }

    [Fact]
    public void A_damaged_checkpoint_is_passed_over()
    {
        Trainer.Run(run.Config("unbroken"));
        StopAfter(8, run.Config("damaged", "checkpoint_every: 5"));
        var optimizer = run["damaged/checkpoints/step-8/optimizer.safetensors"];
        File.WriteAllBytes(optimizer, File.ReadAllBytes(optimizer)[..^100]);
        var reporter = new RecordingReporter();
        Trainer.Run(run.Config("damaged"), new() { Reporter = reporter });
        reporter.Warnings.ShouldContain(w => w.Contains("step-8: cannot be resumed from"));
        reporter.Lines.ShouldContain(l => l.Contains("goes on after step 5 of 12"));
        ShouldBeSameModel("damaged", "unbroken");
    }

    [Fact]
    public void When_no_checkpoint_is_whole_nothing_is_trained_over_it()
    {
        StopAfter(4, run.Config("damaged"));
        File.WriteAllText(run["damaged/checkpoints/step-4/trainer_state.json"], "{");
        Should.Throw<InvalidInputException>(() => Trainer.Run(run.Config("damaged")))
            .Message.ShouldContain("no checkpoint can be resumed from");
    }

    [Fact]
    public void An_evaluation_that_was_stopped_is_done_after_the_resume()
    {
        using var stop = new CancellationTokenSource();
        var config = run.Config("run", "evaluate_every: 4");
        Should.Throw<OperationCanceledException>(() => Trainer.Run(config, new()
        {
            Cancellation = stop.Token,
            Evaluation = new FakeEvaluation((_, token) =>
            {
                stop.Cancel();
                token.ThrowIfCancellationRequested();
                return FakeEvaluation.Figures();
            }),
        }));
        Trainer.Run(config, new() { Evaluation = new FakeEvaluation((_, _) => FakeEvaluation.Figures()) });
        Lines("run").Where(l => l.TryGetProperty("evaluation", out _)).Select(Step).ShouldBe([4, 8, 12]);
    }

    [Fact]
    public void A_finished_run_is_not_run_again()
    {
        var config = run.Config("run");
        var first = Trainer.Run(config);
        var written = File.GetLastWriteTimeUtc(run["run/model/model.safetensors"]);
        Trainer.Run(config).ShouldBe(first);
        File.GetLastWriteTimeUtc(run["run/model/model.safetensors"]).ShouldBe(written);
    }

    [Fact]
    public void A_run_starts_from_a_checkpoint_and_takes_along_what_belongs_to_it()
    {
        var seed = Trainer.Run(run.Config("seed")).Model;
        string[] companions = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "upcycling.json"];
        foreach (var name in companions)
            File.WriteAllText(Path.Combine(seed, name), name == "tokenizer.json" ? SmallTokenizer : $"the seed's {name}");
        var config = run.Config("next", "checkpoint_every: 4") with { Config = null, Model = seed };
        using (var session = Setup(config).CreateSession())
        {
            Setup(config).FillParameters(session.Model);
            var embedding = TinyRun.Parameters(seed)["model.embed_tokens.weight"];
            session.Model.Parameters["model.embed_tokens.weight"].ToArray<float>().ShouldBe(embedding);
        }

        var next = Trainer.Run(config).Model;
        foreach (var directory in new[] { next, run["next/checkpoints/step-8"] })
            foreach (var name in companions)
                File.ReadAllText(Path.Combine(directory, name)).ShouldBe(File.ReadAllText(Path.Combine(seed, name)));
        TinyRun.Parameters(next)["model.norm.weight"].ShouldNotBe(TinyRun.Parameters(seed)["model.norm.weight"]);
    }

    [Fact]
    public void A_tokenizer_of_more_tokens_than_the_model_has_is_refused()
    {
        File.WriteAllText(run["tokenizer.json"], SmallTokenizer);
        var tiny = TinyRun.Dense.Replace("vocab_size: 32", "vocab_size: 1", StringComparison.Ordinal);
        Should.Throw<InvalidInputException>(() => Trainer.Run(run.Config("run", "tokenizer: tokenizer.json", tiny)))
            .Message.ShouldContain("a vocab_size of at least 2, the tokenizer's, found 1");
        Should.Throw<InvalidInputException>(() => Trainer.Run(run.Config("run", "tokenizer: missing.json")))
            .Message.ShouldContain("missing.json");
        Directory.Exists(run["run"]).ShouldBeFalse();
    }

    [Fact]
    public void Data_of_another_tokenizer_is_refused()
    {
        File.WriteAllText(run["tokenizer.json"], SmallTokenizer);
        File.WriteAllText(run["text.txt"], "text whose ids are its bytes");
        DataBuilder.Build(
            new()
            {
                Inputs = [run["text.txt"]], Encoder = ByteEncoder.Instance, Output = run["bytes"], Name = "bytes",
                HeldOutFraction = 0,
            },
            SilentReporter.Instance);
        var config = run.Config(
            "run", "tokenizer: tokenizer.json",
            TinyRun.Dense.Replace("vocab_size: 32", "vocab_size: 300", StringComparison.Ordinal));

        Should.Throw<InvalidInputException>(
            () => Trainer.Run(config with { Data = [new() { Domain = "text", Path = run["bytes"] }] }))
            .Message.ShouldStartWith($"{run["bytes"]}: domain 'bytes': expected ids of the model's tokenizer (");
        Directory.Exists(run["run"]).ShouldBeFalse();
    }

    [Fact]
    public void The_ids_of_the_data_are_compared_with_the_models_once()
    {
        foreach (var ending in new[] { ".bin", ".idx" }) File.Copy(run["count/train" + ending], run["text" + ending]);
        var config = run.Config("run");
        config = config with { Data = [config.Data[0] with { Validation = run["text"] }] };
        var setup = Setup(config);
        File.WriteAllBytes(run["text.bin"], [.. Enumerable.Repeat(byte.MaxValue, (int)new FileInfo(run["text.bin"]).Length)]);

        Should.Throw<InvalidInputException>(() => Setup(config)).Message.ShouldContain("65535");
        using var session = setup.CreateSession();
    }

    [Fact]
    public void Data_that_is_missing_is_refused_before_anything_is_written()
    {
        var config = run.Config("run");
        var missing = config with { Data = [new() { Domain = "law", Path = run["law"] }] };
        Should.Throw<InvalidInputException>(() => Trainer.Run(missing)).Message.ShouldContain(run["law.idx"]);
        Directory.Exists(run["run"]).ShouldBeFalse();
    }

    [Fact]
    public void The_weights_of_the_router_losses_are_the_runs_own()
    {
        var result = Trainer.Run(run.Config("run", "router_aux_loss_coef: 0.5\nrouter_z_loss_coef: 0"));
        var config = ModelConfigReader.Load(result.Model, SilentReporter.Instance);
        (config.RouterAuxLossCoef, config.RouterZLossCoef).ShouldBe((0.5, 0));
        var line = Lines("run")[^1];
        double Figure(string name) => line.GetProperty(name).GetDouble();
        Figure("loss").ShouldBe(Figure("nll") + 2 * 0.5 * Figure("load_balancing"), 1e-4);
    }

    [Fact]
    public void A_loss_that_is_not_finite_names_the_last_good_checkpoint()
    {
        StopAfter(4, run.Config("run"));
        var config = run.Config("run");
        var evaluated = config with { Settings = config.Settings with { EvaluateEvery = 6 } };
        var message = Should.Throw<WorkFailedException>(() => Trainer.Run(evaluated, new()
        {
            Evaluation = new FakeEvaluation((model, _) =>
            {
                model.Parameters.Values.AsSpan<float>().Fill(float.NaN);
                return FakeEvaluation.Figures();
            }),
        })).Message;
        message.ShouldStartWith("step 7: the loss is not finite");
        message.ShouldEndWith($"the last good checkpoint is {run["run/checkpoints/step-4"]}");
        Trainer.Run(config).Steps.ShouldBe(12);
    }

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    public void An_evaluation_that_is_not_finite_names_the_domain_and_the_last_good_checkpoint(double nll, string found)
    {
        StopAfter(4, run.Config("run"));
        var message = Should.Throw<WorkFailedException>(() => Trainer.Run(run.Config("run", "evaluate_every: 6"), new()
        {
            Evaluation = new FakeEvaluation((_, _) => new Dictionary<string, DomainEvaluation>
            {
                ["walk"] = new(2, Math.Log(2), 1, 10),
                ["count"] = new(Math.Exp(nll), nll, 1, 10),
            }),
        })).Message;
        message.ShouldStartWith($"step 6: the evaluation is not finite (domain 'count', nll {found})");
        message.ShouldEndWith($"the last good checkpoint is {run["run/checkpoints/step-4"]}");
        Trainer.Run(run.Config("run")).Steps.ShouldBe(12);
    }

    [SkippableFact]
    public void Metrics_that_a_full_disk_does_not_take_name_the_last_good_checkpoint()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 8192, out var whyNot);
        Skip.If(disk is null, whyNot);
        var output = Path.Combine(disk.Root, "run");
        StopAfter(4, run.Config(output));
        var message = Should.Throw<WorkFailedException>(() => Trainer.Run(run.Config(output, "evaluate_every: 6"), new()
        {
            Evaluation = new FakeEvaluation((_, _) =>
            {
                disk.Fill();
                return Enumerable.Range(0, 1000).ToDictionary(
                    i => $"domain {i}", _ => new DomainEvaluation(2, Math.Log(2), 1, 10));
            }),
        })).Message;
        message.ShouldStartWith($"{output}/metrics.jsonl: cannot be written");
        message.ShouldEndWith($"the last good checkpoint is {output}/checkpoints/step-4");
        File.Delete(Path.Combine(disk.Root, "filler"));
        Trainer.Run(run.Config(output)).Steps.ShouldBe(12);
    }

    [Fact]
    public void A_restart_before_the_first_checkpoint_supersedes_the_curves_so_far()
    {
        var reporter = new RecordingReporter
        {
            OnAdvance = progress =>
            {
                if (progress.Done == 5 * 64) throw new WorkFailedException("the power is gone");
            },
        };
        Should.Throw<WorkFailedException>(() => Trainer.Run(run.Config("run"), new() { Reporter = reporter }))
            .Message.ShouldEndWith("there is no checkpoint yet");
        Trainer.Run(run.Config("run"));
        byte[] restartAtStep1 = [0x10, 1, 0x3A, 2, 0x08, 1]; // step: 1, session_log: { status: START }
        var files = Directory.GetFiles(run["run/events"]).Order(StringComparer.Ordinal).Select(File.ReadAllBytes);
        files.Select(bytes => bytes.AsSpan().IndexOf(restartAtStep1) >= 0).ShouldBe([false, true]);
    }

    [Fact]
    public void A_run_goes_on_and_is_finished_also_when_its_start_has_moved()
    {
        var seed = Trainer.Run(run.Config("seed", model: TinyRun.Dense)).Model;
        TrainingConfig From(string model, string output) => run.Config(output) with { Config = null, Model = model };
        Trainer.Run(From(seed, "unbroken"));
        StopAfter(5, From(seed, "moved"));
        var hash = RunIdentity.Load(run["moved/identity.json"]).ModelSha256.ShouldNotBeNull();
        Directory.Move(seed, run["elsewhere"]);

        Trainer.Run(From(seed, "moved"));
        ShouldBeSameModel("moved", "unbroken");
        var reporter = new RecordingReporter();
        Trainer.Run(From(seed, "moved"), new() { Reporter = reporter });
        reporter.Lines.ShouldContain($"{run["moved"]}: is finished already");
        RunIdentity.Load(run["moved/identity.json"]).ModelSha256.ShouldBe(hash);
        Should.Throw<InvalidInputException>(() => Trainer.Run(From(seed, "new"))).Message.ShouldContain(seed);
    }

    [Fact]
    public void Sizes_in_a_file_are_compared_by_their_content()
    {
        Directory.CreateDirectory(run["sizes"]);
        var sizes = ModelSource.ConfigOf(run.Config("run"), SilentReporter.Instance);
        sizes.Save(run["sizes"]);
        var config = run.Config("run", model: "./sizes/config.json");
        StopAfter(4, config);
        (sizes with { RouterAuxLossCoef = 0.5 }).Save(run["sizes"]);
        Should.Throw<InvalidInputException>(() => Trainer.Run(config))
            .Message.ShouldContain("another starting model or file of sizes");

        var identity = RunIdentity.Load(run["run/identity.json"]);
        (identity with { ModelSha256 = null }).Save(run["run/identity.json"]); // as older runs have it
        Trainer.Run(config).Steps.ShouldBe(12);
    }

    [Fact]
    public void A_resume_under_other_threads_says_that_it_is_not_bit_for_bit()
    {
        StopAfter(4, run.Config("run"));
        var path = run["run/checkpoints/step-4/trainer_state.json"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"threads\": ", "\"threads\": 9", StringComparison.Ordinal));
        var reporter = new RecordingReporter();
        Trainer.Run(run.Config("run"), new() { Reporter = reporter });
        reporter.Warnings.ShouldContain(w => w.Contains("may not repeat an unbroken one bit for bit") && w.Contains("threads 9"));
    }

    [Fact]
    public void Calibration_measures_and_leaves_nothing_behind()
    {
        var live = Tensor.LiveCount;
        var calibration = Calibration.Measure(Setup(run.Config("run")), steps: 3, warmup: 1);
        calibration.TokensPerStep.ShouldBe(64);
        calibration.TokensPerCoreSecond.ShouldBe(64 / (calibration.StepSeconds * calibration.Threads), 1e-9);
        calibration.StepsFor(10 * calibration.StepSeconds * calibration.Threads * 1.0001).ShouldBe(10);
        calibration.StepsFor(0).ShouldBe(1);
        Directory.Exists(run["run"]).ShouldBeFalse();
        Tensor.LiveCount.ShouldBe(live);
    }

    public void Dispose() => run.Dispose();

    private static RunSetup Setup(TrainingConfig config) => RunSetup.Of(config, SilentReporter.Instance);

    private static long Step(JsonElement line) => line.GetProperty("step").GetInt64();

    private static void StopAfter(int step, TrainingConfig config)
    {
        using var stop = new CancellationTokenSource();
        var reporter = new RecordingReporter { OnAdvance = progress => { if (progress.Done == step * 64) stop.Cancel(); } };
        var evaluation = new FakeEvaluation((_, _) => FakeEvaluation.Figures());
        Should.Throw<OperationCanceledException>(
            () => Trainer.Run(config, new() { Reporter = reporter, Cancellation = stop.Token, Evaluation = evaluation }));
    }

    private JsonElement[] Lines(string output) =>
        [.. File.ReadAllLines(run[$"{output}/metrics.jsonl"]).Select(l => JsonDocument.Parse(l).RootElement)];

    private void ShouldBeSameModel(string found, string expected)
    {
        var (x, y) = (TinyRun.Parameters(run[$"{found}/model"]), TinyRun.Parameters(run[$"{expected}/model"]));
        x.Keys.ShouldBe(y.Keys);
        foreach (var (name, values) in x) values.ShouldBe(y[name], name);
    }

    private void ShouldHaveSameLosses(string found, string expected)
    {
        Losses(found).ShouldBe(Losses(expected));

        string[] Losses(string output) =>
        [
            .. Lines(output).Select(line => line.TryGetProperty("loss", out var loss)
                ? $"{Step(line)}: {loss.GetDouble():R}, {line.GetProperty("gradient_norm").GetDouble():R}"
                : $"{Step(line)}: evaluation"),
        ];
    }
}
