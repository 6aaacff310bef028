using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

/// <summary>Whole recipes on toy text: tokenizer, data, seed, experts, mixtures, measurement, report.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class RecipeRunTests(FinishedRun finished) : IClassFixture<FinishedRun>
{
    private const string WithProbes = ToyRecipe.Yaml + """

        probe_prepare: probes.sh
        probes:
          verse: { files: [verse.txt], section_separator: "%" }
          corrupt-1: { of: [law], corrupt: 0.01 }
          corrupt-20: { of: [general, law, code], corrupt: 0.2 }
          mixed: { of: [general, law, code], pieces: 60 }
        """;

    private readonly ToyRecipe toy = finished.Recipe;

    [Fact]
    public void A_recipe_runs_through_all_phases_and_shows_what_it_should()
    {
        var models = finished.Results.Models;

        models.Select(model => model.Name).ShouldBe(["seed", "law", "code", "soup", "btx", "bam"]);
        // Experts are better than the seed on their own domain and worse on the other's; mixtures are better on both.
        finished.Study.Observations.Select(observation => (observation.Model, observation.Figure.Title, observation.InWords))
            .ShouldBe(
        [
            ("law", "law", "better"), ("law", "code", "worse"), ("code", "law", "worse"), ("code", "code", "better"),
            ("btx", "law", "better"), ("btx", "code", "better"), ("bam", "law", "better"), ("bam", "code", "better"),
        ]);
        foreach (var model in models)
        {
            model.Perplexity.Keys.ShouldBe(["general", "law", "code"]);
            model.MeanPerplexity.ShouldBe(model.Perplexity.Values.Average(), 1e-9);
            (model.Metrics is null).ShouldBe(model.Kind == ModelKind.Soup);
            if (model.Metrics is not null) File.Exists(toy.Path(FinishedRun.Name, model.Metrics)).ShouldBeTrue();
        }

        foreach (var file in new[] { "results.json", "report.html", "figures.json", "figures.csv", "recipe.resolved.yaml" })
            File.Exists(toy.Path(FinishedRun.Name, file)).ShouldBeTrue();
    }

    [Fact]
    public void Flops_are_matched_to_within_half_a_step()
    {
        var (btx, bam) = (finished.Results.Models[4], finished.Results.Models[5]);

        btx.TrainingTokens.ShouldBe(20 * 8 * 32);
        bam.TrainingTokens.ShouldBeLessThan(btx.TrainingTokens);
        bam.Flops.ShouldBe(btx.Flops, bam.Flops / bam.TrainingTokens * 8 * 32 / 2);
        bam.Budget.ShouldBe("FLOPs of btx");
    }

    [Fact]
    public void What_is_finished_is_not_run_again()
    {
        var reporter = new RecordingReporter();
        var first = toy.Run(ToyRecipe.Yaml, FinishedRun.Name) with { Created = DateTimeOffset.UnixEpoch };
        first = first with { Machine = first.Machine with { Cpu = "another", Threads = 64 } };
        first.Save(toy.Path(FinishedRun.Name));

        var again = toy.Run(ToyRecipe.Yaml, FinishedRun.Name, reporter);

        (again.Created, again.Machine).ShouldBe((first.Created, first.Machine));
        again.Models.Select(model => model.MeanPerplexity)
            .ShouldBe(finished.Results.Models.Select(model => model.MeanPerplexity));
        var plan = toy.Plan(ToyRecipe.Yaml, FinishedRun.Name);
        plan.ShouldAllBe(phase => phase.State == PhaseState.Finished);
        reporter.Said.Count(line => line.EndsWith("kept", StringComparison.Ordinal)).ShouldBe(plan.Count);
    }

    [Fact]
    public void An_interrupted_recipe_goes_on_to_the_results_of_an_unbroken_one()
    {
        foreach (var activity in new[] { "train seed", "train law", "train bam" })
        {
            using var stop = new CancellationTokenSource();
            var stopper = new RecordingReporter
            {
                OnAdvance = progress =>
                {
                    if (progress.Activity == activity && progress.Done * 2 > progress.Total) stop.Cancel();
                },
            };
            Should.Throw<OperationCanceledException>(() => toy.Run(ToyRecipe.Yaml, "broken", stopper, stop.Token));
            toy.Plan(ToyRecipe.Yaml, "broken").Single(phase => phase.State == PhaseState.Interrupted).Phase.Title
                .ShouldBe(activity);
        }

        var resumed = toy.Run(ToyRecipe.Yaml, "broken");

        resumed.Models.Select(model => (model.Name, model.MeanPerplexity))
            .ShouldBe(finished.Results.Models.Select(model => (model.Name, model.MeanPerplexity)));
    }

    [Fact]
    public void Core_seconds_are_matched_by_a_calibration_that_is_kept()
    {
        var recipe = ToyRecipe.Yaml.Replace("by: flops", "by: core_seconds", StringComparison.Ordinal)
            .Replace("  bam:", "  bam-time:", StringComparison.Ordinal);
        toy.Run(recipe, FinishedRun.Name);
        var outcome = File.ReadAllText(Path.Combine(toy.Phase(FinishedRun.Name, "budget-bam-time"), "done.json"));

        var bam = toy.Run(recipe, FinishedRun.Name).Models[5];

        bam.Budget.ShouldBe("core-seconds of btx");
        bam.Match!.Threads.ShouldBe(ThisMachine.Describe().Threads);
        (bam.TrainingTokens % (8 * 32)).ShouldBe(0);
        outcome.ShouldContain($"\"tokens\": {bam.TrainingTokens},");
        File.ReadAllText(Path.Combine(toy.Phase(FinishedRun.Name, "budget-bam-time"), "done.json")).ShouldBe(outcome);
    }

    [Fact]
    public void Calibrating_finds_the_budgets_and_trains_no_mixture()
    {
        var budget = toy.Open(ToyRecipe.Yaml, "calibrated").Calibrate(null, SilentReporter.Instance, CancellationToken.None)
            .Single();

        (budget.Mixture, budget.Outcome.Reference).ShouldBe(("bam", "btx"));
        budget.Outcome.Tokens.ShouldBePositive();

        var plan = toy.Plan(ToyRecipe.Yaml, "calibrated").ToDictionary(phase => phase.Phase.Title, phase => phase.State);
        plan["budget bam"].ShouldBe(PhaseState.Finished);
        plan["train law"].ShouldBe(PhaseState.Finished);
        plan.Where(phase => phase.Value == PhaseState.Pending).Select(phase => phase.Key).ShouldContain("train bam");
        plan["train btx"].ShouldBe(PhaseState.Pending);
    }

    [Fact]
    public void Given_models_are_mixed_without_training_any()
    {
        var results = toy.Run(
            $$"""
            domains:
              law: { files: [law.txt], section_separator: "----" }
            data: { held_out_fraction: 0.1 }
            seed: { checkpoint: {{toy.Phase(FinishedRun.Name, "train-seed")}}/model }
            experts:
              law: { checkpoint: {{toy.Phase(FinishedRun.Name, "train-law")}}/model }
              code: { checkpoint: {{toy.Phase(FinishedRun.Name, "train-code")}}/model }
            mixtures:
              bam: { method: bam, steps: 2, batch_size: 4, sequence_length: 32, learning_rate: 1e-3, device: cpu }
            evaluation: { sequence_length: 32 }
            """,
            "given");

        results.Models.Select(model => (model.Name, model.Domain, IsTrained: model.Metrics is not null))
            .ShouldBe([("seed", null, false), ("law", "law", false), ("code", null, false), ("bam", null, true)]);
        results.Models[1].Perplexity["law"].ShouldBeLessThan(results.Models[0].Perplexity["law"]);
        File.ReadAllText(toy.Path("given", "inputs.json"))
            .ShouldContain("model.safetensors", customMessage: "checkpoints are not hashed again by the next run");
    }

    [Fact]
    public void Tokenizers_of_given_models_are_compared_by_what_they_mean()
    {
        var (seed, law) = (Path.Combine(toy.Phase(FinishedRun.Name, "train-seed"), "model"), toy.Path("law-of-another-version"));
        Directory.CreateDirectory(law);
        foreach (var file in Directory.GetFiles(Path.Combine(toy.Phase(FinishedRun.Name, "train-law"), "model")))
            File.Copy(file, Path.Combine(law, Path.GetFileName(file)));
        var recipe = $$"""
            domains:
              law: { files: [law.txt], section_separator: "----" }
            data: { held_out_fraction: 0.1 }
            seed: { checkpoint: {{seed}} }
            experts:
              law: { checkpoint: {{law}} }
            mixtures:
              soup: { method: soup }
            evaluation: { sequence_length: 32 }
            """;
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(law, "tokenizer.json")))!;
        json["truncation"] = JsonNode.Parse(
            """{"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}""");
        json["model"]!["merges"] = new JsonArray([.. json["model"]!["merges"]!.AsArray().Select(merge => merge is JsonArray pair
            ? (JsonNode)$"{pair[0]} {pair[1]}"
            : new JsonArray([.. ((string)merge!).Split(' ').Select(part => (JsonNode)part)]))]);
        File.WriteAllText(Path.Combine(law, "tokenizer.json"), json.ToJsonString());

        toy.Run(recipe, "other-form").Models.Select(model => model.Name).ShouldBe(["seed", "law", "soup"]);

        json["model"]!["ignore_merges"] = true;
        File.WriteAllText(Path.Combine(law, "tokenizer.json"), json.ToJsonString());
        Should.Throw<InvalidInputException>(() => toy.Open(recipe, "other-meaning")).Message.ShouldBe(
            $"{toy.Path("recipe.yaml")}:6: key 'experts.law.checkpoint': {law}/tokenizer.json: model.ignore_merges: "
            + $"expected false as in {seed}/tokenizer.json, found true; every expert must have the seed's tokenizer; "
            + "name another checkpoint");
    }

    [Fact]
    public void A_diverged_model_is_named_with_the_text_it_cannot_predict()
    {
        var (seed, diverged) = (Path.Combine(toy.Phase(FinishedRun.Name, "train-seed"), "model"), toy.Path("diverged"));
        Directory.CreateDirectory(diverged);
        foreach (var file in Directory.GetFiles(seed)) File.Copy(file, Path.Combine(diverged, Path.GetFileName(file)));
        var weights = File.ReadAllBytes(Path.Combine(diverged, WeightSet.SingleFileName));
        MemoryMarshal.Cast<byte, float>(weights.AsSpan(^128..)).Fill(float.NaN);
        File.WriteAllBytes(Path.Combine(diverged, WeightSet.SingleFileName), weights);

        Should.Throw<WorkFailedException>(() => toy.Run(
            $$"""
            domains:
              law: { files: [law.txt], section_separator: "----" }
            data: { held_out_fraction: 0.1 }
            seed: { checkpoint: {{diverged}} }
            evaluation: { sequence_length: 32 }
            """,
            "diverged-run")).Message.ShouldStartWith(
                "evaluate seed: expected a finite perplexity on 'law', found NaN (nll NaN); the model has diverged");
    }

    [Fact]
    public void After_each_model_there_is_something_to_look_at()
    {
        var reporter = new RecordingReporter();

        toy.Run(ToyRecipe.Yaml + "\n  btx-short: { method: btx, steps: 1 }", FinishedRun.Name, reporter);

        reporter.Said.ShouldContain(line => line.StartsWith("  btx-short continues \""));
        var table = reporter.Said.SkipWhile(line => !line.StartsWith("  perplexity")).ToList();
        table[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["perplexity", "general", "law", "code", "mean"]);
        table.Skip(1).Select(line => line.Trim().Split(' ')[0])
            .ShouldBe(["seed", "law", "code", "soup", "btx", "bam", "btx-short"]);
        table.ShouldAllBe(line => line.Length == table[0].Length);
    }

    [Fact]
    public void Routers_are_calibrated_on_each_models_domain_in_the_experts_order()
    {
        toy.Run(ToyRecipe.Yaml + "\n  btx-calibrated: { method: btx, of: [code, law], router_tokens: 200 }", FinishedRun.Name);

        var mixture = Path.Combine(toy.Phase(FinishedRun.Name, "mix-btx-calibrated"), "model");
        string[] domains = [.. new[] { "general", "code", "law" }
            .Select(domain => Path.Combine(toy.Phase(FinishedRun.Name, $"data-{domain}"), "shards"))];
        var seed = Path.Combine(toy.Phase(FinishedRun.Name, "train-seed"), "model");
        var config = ModelConfigReader.Load(mixture, SilentReporter.Instance);
        var (name, rows) = RouterCalibration.Run(seed, config, domains, 200, Device.Cpu, SilentReporter.Instance).Single();
        var written = new float[rows.Length];
        using var checkpoint = Checkpoint.Open(mixture, SilentReporter.Instance);
        checkpoint.ReadFloat32(name, written);
        written.ShouldBe(rows);
    }

    [Fact]
    public void Probes_are_measured_beside_the_domains_and_nothing_is_trained_again()
    {
        WriteProbeScript();
        var reporter = new RecordingReporter();

        var results = toy.Run(WithProbes, FinishedRun.Name, reporter);

        results.Probes.ShouldBe(["verse", "corrupt-1", "corrupt-20-general", "corrupt-20-law", "corrupt-20-code", "mixed"]);
        results.Key.ShouldNotBe(finished.Results.Key);
        foreach (var model in results.Models)
        {
            var before = finished.Results.Models.Single(finishedModel => finishedModel.Name == model.Name);
            model.Perplexity.ShouldBe(before.Perplexity);
            var probes = model.Probes.ShouldNotBeNull();
            probes.Keys.ShouldBe(results.Probes);
            probes.Values.ShouldAllBe(probe => probe.Perplexity > 1 && probe.BitsPerByte > 0 && probe.Tokens > 10);
            probes["corrupt-1"].BitsPerByte.ShouldBeGreaterThan(model.BitsPerByte["law"]);
            probes["corrupt-20-law"].BitsPerByte.ShouldBeGreaterThan(probes["corrupt-1"].BitsPerByte);
        }

        reporter.Said.ShouldNotContain(
            line => line.Contains("] train ", StringComparison.Ordinal) && !line.EndsWith("kept", StringComparison.Ordinal));
        File.ReadAllText(toy.Path(FinishedRun.Name, "report.html")).ShouldContain("id='probes'");
        Results.Load(toy.Path(FinishedRun.Name)).Models[0].Probes!["mixed"].ShouldBe(results.Models[0].Probes!["mixed"]);
    }

    [Fact]
    public void Phases_whose_end_was_not_recorded_run_again_over_their_own_files()
    {
        WriteProbeScript();
        var before = toy.Run(WithProbes, FinishedRun.Name);
        foreach (var phase in Directory.GetDirectories(toy.Path(FinishedRun.Name, "phases")))
            File.Delete(Path.Combine(phase, "done.json"));

        var again = toy.Run(WithProbes, FinishedRun.Name);

        again.Key.ShouldBe(before.Key);
        again.Models.Select(model => model.MeanPerplexity).ShouldBe(before.Models.Select(model => model.MeanPerplexity));
        again.Models.Select(model => model.Probes!["mixed"]).ShouldBe(before.Models.Select(model => model.Probes!["mixed"]));
    }

    [Fact]
    public void An_empty_domain_file_is_named_before_anything_is_trained()
    {
        using var other = new ToyRecipe();
        File.WriteAllText(other.Path("law.txt"), "");

        var fault = Should.Throw<InvalidInputException>(() => other.Run(ToyRecipe.Yaml, "out")).Message;

        fault.ShouldContain("law.txt");
        Directory.GetDirectories(other.Path("out", "phases"), "train-*").ShouldBeEmpty();
    }

    private void WriteProbeScript() =>
        File.WriteAllText(
            toy.Path("probes.sh"), "printf 'the dog runs again\\n%%\\nverse of other words\\n' > \"$1/verse.txt\"\n");
}
